//! Outputs as expressions see them: of the type that their task declares.
//!
//! JSON has one kind of number, CEL has two: `5` that a task returns as its `number` is a double, as the desk assumed.

use std::borrow::Cow;

use candor_proto::ValueType;
use candor_proto::plan::Task;
use serde_json::{Number, Value};

/// Up to here every integer is one double.
const EXACT: u64 = 1 << 53;

/// The outputs of one attempt. What is recorded stays as it is.
pub(super) fn outputs<'v>(task: &Task, outputs: &'v Value) -> Cow<'v, Value> {
    if !task.outputs.values().any(|kind| *kind == ValueType::Number) {
        return Cow::Borrowed(outputs);
    }
    let mut outputs = outputs.clone();
    for (name, kind) in &task.outputs {
        if let (ValueType::Number, Some(value)) = (kind, outputs.get_mut(name)) {
            let exact = value.as_i64().filter(|whole| whole.unsigned_abs() <= EXACT);
            if let Some(double) = exact.and_then(|whole| Number::from_f64(whole as f64)) {
                *value = Value::Number(double);
            }
        }
    }
    Cow::Owned(outputs)
}
