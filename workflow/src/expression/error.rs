//! What is said when an expression is wrong, or fails.

use std::fmt;
use std::ops::Range;

/// An expression that cannot be used, found before it is evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What kind of mistake, such as `syntax` or `unknown_function`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub advice: String,
    /// Where it begins, in bytes of the text that was parsed.
    pub offset: usize,
    /// How many bytes it spans.
    pub length: usize,
}

impl ExpressionError {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
        place: Range<usize>,
    ) -> Self {
        let length = place.end.saturating_sub(place.start);
        Self { code, message: message.into(), advice: advice.into(), offset: place.start, length }
    }

    /// The same mistake in a text that begins `bytes` earlier.
    pub(crate) fn shifted(mut self, bytes: usize) -> Self {
        self.offset += bytes;
        self
    }
}

/// An expression that has no value in this scope.
///
/// Codes: `missing_output` (a task has no outputs), `no_such_key`, `unknown_name`, `type_clash`, `conversion`,
/// `index`, `division`, `overflow`, `too_large`, `pattern`, `table_rows`, `duplicate_key`, `not_json`,
/// `secret_marker` and `function` (anything else that a function refuses).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    /// What kind of failure.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// The task without outputs whose outputs were read.
    pub missing_task: Option<String>,
}

impl EvaluationError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), missing_task: None }
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvaluationError {}
