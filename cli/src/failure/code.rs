//! The codes of everything that can keep a command from its work: stable words, each with a page in `docs/errors/`.

/// Why a command cannot do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The command line cannot be understood.
    Usage,
    /// A variable of the environment has a value that cannot be used.
    Settings,
    /// No workflow was named.
    NoWorkflow,
    /// A request in words, and no model to read it.
    NoModel,
    /// The workflow's file cannot be read.
    UnreadableWorkflow,
    /// The workflow's file is no UTF-8.
    NotUtf8,
    /// The workflow has errors.
    InvalidWorkflow,
    /// The workflow's patterns match too many files.
    TooManyFiles,
    /// `-i` was not followed by `name=value`.
    InputForm,
    /// The file of an input cannot be read.
    InputFile,
    /// The file with the inputs cannot be read.
    InputsFile,
    /// Inputs are unknown, missing or of the wrong type.
    InvalidInputs,
    /// The declaration of an installed action is wrong.
    ActionDeclaration,
    /// There is no action of that name.
    UnknownAction,
    /// The answer has no such statement.
    NoStatement,
    /// The folder is no run directory.
    NotARunDirectory,
    /// The digest is none.
    DigestForm,
    /// The file is there already.
    Exists,
    /// What a run directory says does not follow from its log.
    DoesNotHold,
    /// A person or the system asked the run to end.
    Interrupted,
    /// Disk or permissions.
    Disk,
    /// Another process has it.
    InUse,
    /// A newer build wrote it.
    NewerRun,
    /// What was stored cannot be read.
    DamagedRun,
    /// A part of the machinery did not start.
    NotStarted,
    /// A queue or the store refused in another way.
    Platform,
    /// No job of that id is recorded.
    UnknownJob,
    /// The id is none.
    JobForm,
    /// No deployment is in reach.
    NobodyListens,
    /// Nobody answered an order in time.
    Unanswered,
    /// The job does not allow what was ordered.
    DirectiveRefused,
    /// Files cannot be read or uploaded.
    NoArtifacts,
    /// The job has no run directory yet.
    NothingToExport,
    /// Something that should not happen.
    Internal,
}

impl Code {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: &[Self] = &[
        Self::Usage,
        Self::Settings,
        Self::NoWorkflow,
        Self::NoModel,
        Self::UnreadableWorkflow,
        Self::NotUtf8,
        Self::InvalidWorkflow,
        Self::TooManyFiles,
        Self::InputForm,
        Self::InputFile,
        Self::InputsFile,
        Self::InvalidInputs,
        Self::ActionDeclaration,
        Self::UnknownAction,
        Self::NoStatement,
        Self::NotARunDirectory,
        Self::DigestForm,
        Self::Exists,
        Self::DoesNotHold,
        Self::Interrupted,
        Self::Disk,
        Self::InUse,
        Self::NewerRun,
        Self::DamagedRun,
        Self::NotStarted,
        Self::Platform,
        Self::UnknownJob,
        Self::JobForm,
        Self::NobodyListens,
        Self::Unanswered,
        Self::DirectiveRefused,
        Self::NoArtifacts,
        Self::NothingToExport,
        Self::Internal,
    ];

    /// The word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Settings => "settings",
            Self::NoWorkflow => "no_workflow",
            Self::NoModel => "no_model",
            Self::UnreadableWorkflow => "unreadable_workflow",
            Self::NotUtf8 => "not_utf8",
            Self::InvalidWorkflow => "invalid_workflow",
            Self::TooManyFiles => "too_many_files",
            Self::InputForm => "input_form",
            Self::InputFile => "input_file",
            Self::InputsFile => "inputs_file",
            Self::InvalidInputs => "invalid_inputs",
            Self::ActionDeclaration => "action_declaration",
            Self::UnknownAction => "unknown_action",
            Self::NoStatement => "no_statement",
            Self::NotARunDirectory => "not_a_run_directory",
            Self::DigestForm => "digest_form",
            Self::Exists => "exists",
            Self::DoesNotHold => "does_not_hold",
            Self::Interrupted => "interrupted",
            Self::Disk => "disk",
            Self::InUse => "in_use",
            Self::NewerRun => "newer_run",
            Self::DamagedRun => "damaged_run",
            Self::NotStarted => "not_started",
            Self::Platform => "platform",
            Self::UnknownJob => "unknown_job",
            Self::JobForm => "job_form",
            Self::NobodyListens => "nobody_listens",
            Self::Unanswered => "unanswered",
            Self::DirectiveRefused => "directive_refused",
            Self::NoArtifacts => "no_artifacts",
            Self::NothingToExport => "nothing_to_export",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::Code;

    #[test]
    fn every_code_has_a_page_and_every_page_belongs_to_a_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
        let own: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(own.len(), Code::ALL.len(), "two codes have one word, or one is named twice");
        let overview = std::fs::read_to_string(folder.join("README.md")).expect("the overview is there");
        for code in &own {
            let page = std::fs::read_to_string(folder.join(format!("{code}.md")))
                .unwrap_or_else(|error| panic!("{code} has no page: {error}"));
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
            for part in ["## Likely cause", "## What to do", "## Example"] {
                assert!(page.contains(part), "the page of {code} has no `{part}`");
            }
            assert!(overview.contains(&format!("({code}.md)")), "{code} is not in the overview");
        }
        let diagnostics: BTreeSet<&str> = candor_workflow::Code::ALL.iter().map(|code| code.word()).collect();
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
            let Some(code) = name.strip_suffix(".md").filter(|code| *code != "README") else { continue };
            assert!(own.contains(code) || diagnostics.contains(code), "{name} belongs to no code");
        }
    }
}
