//! One rule of `csv.validate`: an expression over `row` that is true of every good row.
//!
//! Parsed once, evaluated for each row. Everything that touches the expression language is in this file.

use candor_proto::TaskError;
use candor_workflow::expression::{Converted, Expression, Scope};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::action::with::invalid;

/// A rule as people write it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    pub(super) id: String,
    pub(super) assert: String,
    #[serde(default)]
    pub(super) severity: Severity,
    /// What a violation says; without it, the expression.
    #[serde(default)]
    pub(super) message: Option<String>,
}

/// How bad it is when a rule does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// The row is set aside.
    #[default]
    Error,
    /// The row is kept and the violation noted.
    #[serde(alias = "warn")]
    Warning,
    /// The same, for what is only worth a look.
    Info,
}

impl Severity {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A rule that was parsed.
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) severity: Severity,
    message: String,
    expression: Expression,
}

/// The values of one row under their names, as expressions see them.
pub(super) struct RowScope(Scope);

impl Rule {
    pub(super) fn parse(text: RuleText) -> Result<Self, TaskError> {
        let wrong = |reason: String, advice: &str| invalid(format!("rule `{}`: {reason}", text.id)).with_advice(advice);
        let expression = Expression::parse_rule(&text.assert).map_err(|error| wrong(error.message, &error.advice))?;
        let message = text.message.unwrap_or_else(|| expression.text().to_owned());
        Ok(Self { id: text.id, severity: text.severity, message, expression })
    }

    /// A rule that reads a column which no row has would set every row aside: that is the rule's mistake, not the data's.
    pub(super) fn asks_of(&self, names: &[String]) -> Result<(), TaskError> {
        match self.expression.columns().into_iter().find(|name| !names.contains(name)) {
            None => Ok(()),
            Some(unknown) => {
                Err(invalid(format!("rule `{}` reads the column `{unknown}`, which the rows do not have", self.id))
                    .with_advice(format!("the columns of the rows are {}", names.join(", "))))
            }
        }
    }

    /// What is wrong with the row by this rule; nothing when the rule holds.
    ///
    /// # Errors
    ///
    /// When the rule is no rule: it says neither yes nor no.
    pub(super) fn violation(&self, row: &RowScope) -> Result<Option<String>, TaskError> {
        match self.expression.evaluate(&row.0) {
            Ok(Value::Bool(true)) => Ok(None),
            Ok(Value::Bool(false)) => Ok(Some(self.message.clone())),
            Ok(_) => Err(invalid(format!("rule `{}`: the expression is neither true nor false", self.id))
                .with_advice("compare it, as in `row.amount > 0`")),
            Err(error) => Ok(Some(format!("{}: it cannot be evaluated: {error}", self.message))),
        }
    }
}

impl RowScope {
    /// The scope of one row, whose columns have these names.
    pub(super) fn new(names: &[String], row: &[Value]) -> Self {
        let fields: Map<_, _> = names.iter().cloned().zip(row.iter().cloned()).collect();
        let mut scope = Scope::new();
        scope.set("row", Converted::new(&Value::Object(fields)));
        Self(scope)
    }
}
