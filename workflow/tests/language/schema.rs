//! The JSON Schema that editors use.

use candor_proto::ValueType;
use candor_workflow::{parse_input, schema};
use serde_json::Value;

use crate::stage::documents;

fn validator() -> jsonschema::Validator {
    let schema = schema();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::options().offline().build(&schema).unwrap()
}

#[test]
fn good_documents_fit_the_schema() {
    let validator = validator();
    for folder in ["valid", "later"] {
        for (name, text) in documents(folder) {
            let value = parse_input(ValueType::Map, &text).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&value).map(|error| format!("{} {error}", error.instance_path())).collect();
            assert_eq!(errors, Vec::<String>::new(), "{name}");
        }
    }
}

#[test]
fn broken_documents_that_a_schema_can_catch_do_not_fit() {
    let validator = validator();
    for name in ["both.yaml", "nothing.yaml", "declarations.yaml", "unknown-key.yaml", "later.yaml"] {
        let text = documents("invalid").into_iter().find(|(known, _)| known == name).unwrap().1;
        let value = parse_input(ValueType::Map, &text).unwrap();
        assert!(!validator.is_valid(&value), "{name}");
    }
    for text in [
        "tasks: [{ id: a, run: x }]",
        "name: x",
        "name: x\ntasks: []",
        "name: x\ntasks: [{ id: a, run: x, timeout: 30 }]",
        "name: x\ntasks: [{ id: a, run: x, fail: some, for_each: [1] }]",
        "name: x\ntasks: [{ id: a, run: x, retry: { on: [validation] } }]",
        "name: x\ntasks: [{ id: a, run: x, for_each: 3 }]",
        "name: x\ntasks: [{ id: a, run: x, confidence: 80 }]",
        "name: x\npriority: urgent\ntasks: [{ id: a, run: x }]",
    ] {
        assert!(!validator.is_valid(&parse_input(ValueType::Map, text).unwrap()), "{text}");
    }
}

#[test]
fn every_key_of_the_schema_says_what_it_is_for() {
    fn walk(schema: &Value, path: &str, root: &Value) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                let target = property.get("$ref").and_then(Value::as_str).and_then(|target| root.pointer(&target[1..]));
                let words = property.get("description").or_else(|| target?.get("description"));
                let plain = property.get("type").is_some_and(|kind| kind == "boolean" || kind == "number");
                assert!(words.is_some() || plain, "{path}/{key}");
                walk(property, &format!("{path}/{key}"), root);
            }
        }
    }
    let schema = schema();
    walk(&schema, "", &schema);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        walk(definition, name, &schema);
    }
}
