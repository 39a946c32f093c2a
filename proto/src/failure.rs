//! How an attempt can end, and the hierarchy of errors.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::confidence::Evidence;

/// The four families of errors. Which of them are tried again is an exhaustive match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The input is wrong: trying again gives the same answer.
    Validation,
    /// What the task runs went wrong: an exit code, a time-out, an exception.
    Execution,
    /// A language model refused, was cut off or answered out of form.
    Model,
    /// The machine went wrong: disk, network, sandbox.
    System,
}

impl ErrorClass {
    /// Whether such an error is tried again when the workflow does not say `on`.
    pub const fn retried_by_default(self) -> bool {
        match self {
            Self::Validation => false,
            Self::Execution | Self::Model | Self::System => true,
        }
    }

    /// The word that `retry.on` uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Execution => "execution",
            Self::Model => "model",
            Self::System => "system",
        }
    }
}

/// Characters of a program's last line that stand beside the message: a sentence, not a dump.
const LAST_LINE_CHARACTERS_MAX: usize = 200;

/// Why an attempt did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    /// Its family.
    pub class: ErrorClass,
    /// A stable word such as `exit`, `timeout`, `signal`, `output_missing`.
    pub code: String,
    /// One sentence for people, lower case, without a full stop.
    pub message: String,
    /// Traceback or the end of stderr, at most [`crate::limits::ERROR_DETAIL_BYTES_MAX`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl TaskError {
    /// An error with these words and nothing more.
    pub fn new(class: ErrorClass, code: &str, message: impl Into<String>) -> Self {
        Self { class, code: code.to_owned(), message: message.into(), detail: None, advice: None }
    }

    /// The same with its last words; only the end is kept when they are long.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        let mut start = detail.len().saturating_sub(crate::limits::ERROR_DETAIL_BYTES_MAX);
        while !detail.is_char_boundary(start) {
            start += 1;
        }
        self.detail = Some(detail[start..].to_owned());
        self
    }

    /// The message, and behind it the last line that the program said where it adds to that.
    pub fn told(&self) -> String {
        let lines = self.detail.as_deref().unwrap_or_default().lines().map(str::trim);
        // A line in brackets is a remark of the worker's about what was cut.
        let remark = |line: &str| line.starts_with('[') && line.ends_with("cut here]");
        let last = lines.rev().find(|line| !line.is_empty() && !remark(line));
        let said = last.filter(|line| !self.message.ends_with(line));
        let Some(said) = said else { return self.message.clone() };
        let short: String = said.chars().take(LAST_LINE_CHARACTERS_MAX).collect();
        let cut = if short.len() < said.len() { "…" } else { "" };
        format!("{}: {short}{cut}", self.message)
    }

    /// The same with what to do.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// The four fates that an action can answer with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum Outcome {
    /// It is done; `outputs` is what it made, `evidence` what that rests on.
    Done {
        /// Output values by name.
        outputs: Map<String, Value>,
        /// What the outputs rest on.
        evidence: Vec<Evidence>,
    },
    /// It went wrong in a way that may go right next time.
    Retry {
        /// Why.
        error: TaskError,
        /// Not before this many milliseconds, where the other side said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    },
    /// It went wrong; whether it is tried again is the workflow's `retry`.
    Fail {
        /// Why.
        error: TaskError,
    },
    /// It was told to stop and did.
    Cancelled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_ends_with_what_the_program_said_last() {
        let error = TaskError::new(ErrorClass::Execution, "exit", "exited with 3");
        assert_eq!(error.told(), "exited with 3");
        assert_eq!(error.clone().with_detail("one\n  no such key  \n\n").told(), "exited with 3: no such key");
        assert_eq!(error.clone().with_detail("x\n[standard error was cut here]\n").told(), "exited with 3: x");
        assert_eq!(error.clone().with_detail("exited with 3\n").told(), "exited with 3");
        assert_eq!(error.with_detail(&"é".repeat(300)).told(), format!("exited with 3: {}…", "é".repeat(200)));
    }
}
