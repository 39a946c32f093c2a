//! `noop`: gives back what it was given.

use async_trait::async_trait;
use candor_proto::{ErrorClass, Evidence, Outcome, TaskError};
use serde_json::{Map, Value};

use super::{Action, Context};

/// Does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Noop;

#[async_trait]
impl Action for Noop {
    fn name(&self) -> &'static str {
        "noop"
    }

    async fn run(&self, _context: &Context, with: Value) -> Outcome {
        let outputs = match with {
            Value::Object(fields) => fields,
            Value::Null => Map::new(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let message = "`with` of noop must be a map, because its fields become the outputs";
                return Outcome::Fail { error: TaskError::new(ErrorClass::Validation, "with", message) };
            }
        };
        Outcome::Done { outputs, evidence: vec![Evidence::checked("identity")] }
    }
}
