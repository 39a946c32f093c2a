//! Reading an action's `with` into its own type, and putting its answer together.

use candor_proto::{ErrorClass, Evidence, Outcome, TaskError};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Halt;

/// The fields of `with`; an error that names the action when they are not what it takes.
pub(super) fn read<T: DeserializeOwned>(action: &str, with: Value) -> Result<T, Halt> {
    serde_json::from_value(with).map_err(|error| invalid(format!("`with` of {action}: {error}")).into())
}

/// The input is wrong.
pub(super) fn invalid(message: impl Into<String>) -> TaskError {
    TaskError::new(ErrorClass::Validation, "with", message)
}

/// A part of the language that this build cannot execute.
pub(super) fn unsupported(what: &str) -> TaskError {
    TaskError::new(ErrorClass::Validation, "unsupported", format!("{what} is not in this build"))
}

/// What the work came to, as an outcome.
pub(super) fn outcome(result: Result<Answer, Halt>) -> Outcome {
    match result {
        Ok(Answer { outputs, evidence }) => Outcome::Done { outputs, evidence },
        Err(halt) => halt.into(),
    }
}

/// Outputs and what they rest on.
#[derive(Debug, Default)]
pub(super) struct Answer {
    outputs: Map<String, Value>,
    evidence: Vec<Evidence>,
}

impl Answer {
    /// With one more output.
    pub(super) fn output(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.outputs.insert(name.to_owned(), value.into());
        self
    }

    /// With one more piece of evidence.
    pub(super) fn evidence(mut self, piece: Evidence) -> Self {
        self.evidence.push(piece);
        self
    }
}
