//! Values of inputs: given, defaulted, refused.

use candor_proto::{Plan, ValueType};
use candor_workflow::{parse_input, resolve_inputs};
use serde_json::{Map, Value, json};

use crate::stage::run;

fn plan() -> Plan {
    let text = "name: x\ninputs:\n  who: { type: string, required: true, pattern: '[a-z]+' }\n  n: { type: integer, default: 3 }\n  \
                rate: number\n  day: { type: date, default: '${{ run.date }}' }\n  wait: { type: duration, default: 1h30m }\n  \
                tags: { type: list, default: [a, '${{ run.id }}'] }\ntasks: [{ id: a, run: 'true' }]\n";
    run(text).plan.unwrap()
}

fn given(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn defaults_and_given_values_come_in_canonical_form() {
    let resolved = resolve_inputs(&plan(), &given(json!({"who": "me", "rate": 2})), "2024-01-31", "job_1").unwrap();
    assert_eq!(
        Value::Object(resolved),
        json!({"who": "me", "n": 3, "rate": 2.0, "day": "2024-01-31", "wait": "5400s", "tags": ["a", "job_1"]})
    );
}

#[test]
fn an_optional_input_without_a_value_is_null() {
    let resolved = resolve_inputs(&plan(), &given(json!({"who": "me"})), "2024-01-31", "job_1").unwrap();
    assert_eq!(resolved["rate"], Value::Null);
}

#[test]
fn every_wrong_value_is_said_at_once() {
    let wrong = given(json!({"n": "three", "rate": true, "day": "31.1.2024", "wait": "soon", "wo": "me"}));
    let problems = resolve_inputs(&plan(), &wrong, "2024-01-31", "job_1").unwrap_err();
    let said: Vec<(&str, &str)> = problems.iter().map(|problem| (problem.name.as_str(), problem.code.word())).collect();
    assert_eq!(
        said,
        [
            ("wo", "unknown-input"),
            ("day", "invalid-input"),
            ("n", "invalid-input"),
            ("rate", "invalid-input"),
            ("wait", "invalid-input"),
            ("who", "missing-input"),
        ]
    );
    assert_eq!(problems[0].advice, "Did you mean `who`?");
}

#[test]
fn a_pattern_must_match_the_whole_text() {
    for (who, fits) in [("me", true), ("me2", false), ("", false), ("me\n", false)] {
        assert_eq!(
            resolve_inputs(&plan(), &given(json!({"who": who})), "2024-01-31", "job_1").is_ok(),
            fits,
            "{who:?}"
        );
    }
}

#[test]
fn text_becomes_a_value_of_the_declared_type() {
    for (kind, text, value) in [
        (ValueType::String, "01", json!("01")),
        (ValueType::Integer, "1_000", json!(1000)),
        (ValueType::Integer, "-7", json!(-7)),
        (ValueType::Number, "2", json!(2.0)),
        (ValueType::Boolean, "true", json!(true)),
        (ValueType::Date, "2024-02-29", json!("2024-02-29")),
        (ValueType::Duration, "PT1M", json!("60s")),
        (ValueType::List, "[a, 1]", json!(["a", 1])),
        (ValueType::List, "- a\n- b\n", json!(["a", "b"])),
        (ValueType::Map, "{\"a\": [1]}", json!({"a": [1]})),
        (ValueType::Map, "{a: 1, b: [x, y]}", json!({"a": 1, "b": ["x", "y"]})),
        (ValueType::Map, "{}", json!({})),
        (ValueType::File, "rows.csv", json!("rows.csv")),
    ] {
        assert_eq!(parse_input(kind, text), Ok(value), "{text}");
    }
    for (kind, text) in [
        (ValueType::Integer, "1.5"),
        (ValueType::Number, "many"),
        (ValueType::Boolean, "yes"),
        (ValueType::Date, "2023-02-29"),
        (ValueType::Duration, "30"),
        (ValueType::List, "{\"a\": 1}"),
        (ValueType::Map, "{\"a\": "),
        (ValueType::Map, ""),
    ] {
        assert!(parse_input(kind, text).is_err(), "{text}");
    }
}
