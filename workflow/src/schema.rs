//! The JSON Schema of the language, for editors.

use serde_json::Value;

/// The schema as JSON (draft 2020-12).
pub fn schema() -> Value {
    // The text is part of this build and a test reads it.
    serde_json::from_str(TEXT).unwrap_or(Value::Bool(true))
}

/// The schema's text.
pub(crate) const TEXT: &str = include_str!("schema/workflow.schema.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::declare::keys;

    #[test]
    fn the_schema_has_exactly_the_keys_of_the_language() {
        let schema = schema();
        for (pointer, known) in keys() {
            let properties = schema.pointer(pointer).and_then(Value::as_object).unwrap();
            let described: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            assert_eq!(described, known.iter().copied().collect(), "{pointer}");
        }
    }
}
