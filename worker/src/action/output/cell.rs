//! A value as the text of a cell.

use std::borrow::Cow;

use serde_json::Value;

/// The text: nothing for no value, numbers in their shortest form, lists and maps as JSON.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Cow::Owned(value.to_string()),
    }
}
