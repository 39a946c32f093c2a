//! The codes of all diagnostics: stable words, each with a page in `docs/errors/`.

/// What kind of mistake a diagnostic speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The text is no valid YAML or JSON.
    Syntax,
    /// The document holds nothing.
    Empty,
    /// The document is larger than is read.
    TooLarge,
    /// Lists and maps lie too deep inside each other.
    TooDeep,
    /// The document repeats too much by alias.
    TooManyAliases,
    /// One text holds several documents.
    SeveralDocuments,
    /// A YAML tag stands where none is read.
    Tag,
    /// A key stands twice in one map.
    DuplicateKey,
    /// More was found than is shown.
    MoreFound,
    /// A key that the language does not have.
    UnknownKey,
    /// A value of the wrong kind.
    WrongType,
    /// A key that must be there is not.
    MissingKey,
    /// A value that the language does not allow there.
    InvalidValue,
    /// A name that is no id.
    InvalidId,
    /// A time span without a unit, or none at all.
    InvalidDuration,
    /// A size that is none.
    InvalidSize,
    /// Two keys that exclude each other.
    ConflictingKeys,
    /// A number that was kept as text so that nothing is lost.
    KeptAsText,
    /// A number whose leading zeros are lost.
    LeadingZero,
    /// A part of the language that this build cannot execute.
    Unsupported,
    /// Two tasks with the same id.
    DuplicateId,
    /// A dependency that no task has as its id.
    UnknownNeed,
    /// Tasks that wait for each other.
    Cycle,
    /// An expression names a task that is not there.
    UnknownTask,
    /// An expression reads a task that it does not wait for.
    NoPath,
    /// An input that is not declared.
    UnknownInput,
    /// A required input without a value.
    MissingInput,
    /// An input whose value does not fit.
    InvalidInput,
    /// An output that the task does not have.
    UnknownOutput,
    /// A name that means nothing at this place.
    UnknownName,
    /// A secret where it would be recorded.
    MisplacedSecret,
    /// An action that is not there.
    UnknownAction,
    /// A check that the action does not bring.
    UnknownCheck,
    /// Parameters that the action does not take.
    InvalidWith,
    /// A file that is not there.
    MissingFile,
    /// A path that leaves the workflow's folder.
    OutsidePath,
    /// A place for results outside of `out/`.
    OutPath,
    /// A pattern of files that matches none.
    NoMatch,
    /// A pattern that cannot be read.
    InvalidPattern,
    /// A schema that cannot be read.
    InvalidSchema,
    /// A file of rules that cannot be read.
    InvalidRules,
    /// An expression reaches for the rows of a table.
    TableRows,
    /// An expression gives or uses the wrong type.
    TypeClash,
    /// A name that Candor keeps for itself.
    ReservedName,
    /// A fan-out of more items than are allowed.
    FanOutTooLarge,
    /// An expression that cannot be read.
    ExpressionSyntax,
    /// A function that expressions do not have.
    UnknownFunction,
    /// A task that is named only when the job runs.
    ComputedTask,
    /// Something of a task that cannot be read.
    TaskField,
    /// An expression beyond the limits.
    ExpressionTooLarge,
    /// An expression where a script cannot take it.
    ExpressionInScript,
    /// An id with a dash that is read as a subtraction.
    IdWithDash,
    /// A macro takes a name that means something already.
    ShadowedName,
    /// A statement that does more than repeat a recorded output.
    StatementPath,
    /// A secret that is not named plainly.
    InvalidSecret,
}

impl Code {
    /// Every code, those of reading first.
    pub const ALL: &[Self] = &[
        Self::Syntax,
        Self::Empty,
        Self::TooLarge,
        Self::TooDeep,
        Self::TooManyAliases,
        Self::SeveralDocuments,
        Self::Tag,
        Self::DuplicateKey,
        Self::MoreFound,
        Self::UnknownKey,
        Self::WrongType,
        Self::MissingKey,
        Self::InvalidValue,
        Self::InvalidId,
        Self::InvalidDuration,
        Self::InvalidSize,
        Self::ConflictingKeys,
        Self::KeptAsText,
        Self::LeadingZero,
        Self::Unsupported,
        Self::DuplicateId,
        Self::UnknownNeed,
        Self::Cycle,
        Self::UnknownTask,
        Self::NoPath,
        Self::UnknownInput,
        Self::MissingInput,
        Self::InvalidInput,
        Self::UnknownOutput,
        Self::UnknownName,
        Self::MisplacedSecret,
        Self::UnknownAction,
        Self::UnknownCheck,
        Self::InvalidWith,
        Self::MissingFile,
        Self::OutsidePath,
        Self::OutPath,
        Self::NoMatch,
        Self::InvalidPattern,
        Self::InvalidSchema,
        Self::InvalidRules,
        Self::TableRows,
        Self::TypeClash,
        Self::ReservedName,
        Self::FanOutTooLarge,
        Self::ExpressionSyntax,
        Self::UnknownFunction,
        Self::ComputedTask,
        Self::TaskField,
        Self::ExpressionTooLarge,
        Self::ExpressionInScript,
        Self::IdWithDash,
        Self::ShadowedName,
        Self::StatementPath,
        Self::InvalidSecret,
    ];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Empty => "empty",
            Self::TooLarge => "too-large",
            Self::TooDeep => "too-deep",
            Self::TooManyAliases => "too-many-aliases",
            Self::SeveralDocuments => "several-documents",
            Self::Tag => "tag",
            Self::DuplicateKey => "duplicate-key",
            Self::MoreFound => "more-found",
            Self::UnknownKey => "unknown-key",
            Self::WrongType => "wrong-type",
            Self::MissingKey => "missing-key",
            Self::InvalidValue => "invalid-value",
            Self::InvalidId => "invalid-id",
            Self::InvalidDuration => "invalid-duration",
            Self::InvalidSize => "invalid-size",
            Self::ConflictingKeys => "conflicting-keys",
            Self::KeptAsText => "kept-as-text",
            Self::LeadingZero => "leading-zero",
            Self::Unsupported => "unsupported",
            Self::DuplicateId => "duplicate-id",
            Self::UnknownNeed => "unknown-need",
            Self::Cycle => "cycle",
            Self::UnknownTask => "unknown-task",
            Self::NoPath => "no-path",
            Self::UnknownInput => "unknown-input",
            Self::MissingInput => "missing-input",
            Self::InvalidInput => "invalid-input",
            Self::UnknownOutput => "unknown-output",
            Self::UnknownName => "unknown-name",
            Self::MisplacedSecret => "misplaced-secret",
            Self::UnknownAction => "unknown-action",
            Self::UnknownCheck => "unknown-check",
            Self::InvalidWith => "invalid-with",
            Self::MissingFile => "missing-file",
            Self::OutsidePath => "outside-path",
            Self::OutPath => "out-path",
            Self::NoMatch => "no-match",
            Self::InvalidPattern => "invalid-pattern",
            Self::InvalidSchema => "invalid-schema",
            Self::InvalidRules => "invalid-rules",
            Self::TableRows => "table-rows",
            Self::TypeClash => "type-clash",
            Self::ReservedName => "reserved-name",
            Self::FanOutTooLarge => "fan-out-too-large",
            Self::ExpressionSyntax => "expression-syntax",
            Self::UnknownFunction => "unknown-function",
            Self::ComputedTask => "computed-task",
            Self::TaskField => "task-field",
            Self::ExpressionTooLarge => "expression-too-large",
            Self::ExpressionInScript => "expression-in-script",
            Self::IdWithDash => "id-with-dash",
            Self::ShadowedName => "shadowed-name",
            Self::StatementPath => "statement-path",
            Self::InvalidSecret => "invalid-secret",
        }
    }
}
