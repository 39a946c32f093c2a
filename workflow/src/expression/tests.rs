//! What expressions mean; the folder beside this file has the rest.

mod functions;
mod hostile;
mod parsing;
mod references;
mod templates;

use serde_json::{Value, json};

use super::*;
use candor_proto::TaskState;

pub(super) fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.set_json("inputs", &json!({"n": 3, "name": "Ada", "max-rows": 7, "list": [3, 1, 2], "half": 0.5}));
    scope.set_json("item", &json!({"id": 1}));
    let outputs = json!({
        "count": 41, "rate": 1.0, "text": "a,b", "gone": null,
        "rows": {"name": "rows", "sha256": "0".repeat(64), "bytes": 9, "media_type": "application/x",
                 "count": 12, "columns": [{"name": "a", "type": "string"}]},
    });
    scope.set_task("done", TaskScope::new(TaskState::Succeeded, Outputs::Present(Converted::new(&outputs))));
    scope.set_task("my-task", TaskScope::new(TaskState::Succeeded, Outputs::Present(Converted::new(&json!({"x": 5})))));
    scope.set_task("broken", TaskScope::new(TaskState::Failed, Outputs::Missing));
    scope.set_task("gap", TaskScope::new(TaskState::Failed, Outputs::Null));
    scope.set_direct(["done", "broken"]);
    scope
}

pub(super) fn value(text: &str) -> Value {
    match Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).evaluate(&scope()) {
        Ok(value) => value,
        Err(error) => panic!("{text}: {error:?}"),
    }
}

pub(super) fn failure(text: &str) -> EvaluationError {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    expression.evaluate(&scope()).expect_err(text)
}

#[test]
fn numbers_from_json_are_ints_and_stay_ints() {
    assert_eq!(value("tasks.done.outputs.count + 1"), json!(42));
    assert_eq!(value("tasks.done.outputs.rate").to_string(), "1.0");
    assert_eq!(value("inputs.list.map(x, x * 2)"), json!([6, 2, 4]));
}

#[test]
fn numbers_keep_their_kind() {
    assert_eq!(value("1u + 2u"), json!(3));
    assert_eq!(value("7 / 2"), json!(3));
    assert_eq!(value("7.0 / 2.0"), json!(3.5));
    assert_eq!(value("double(inputs.n) * inputs.half"), json!(1.5));
    assert_eq!(value("[1, 2.0]").to_string(), "[1,2.0]");
    assert_eq!(failure("inputs.n * inputs.half").code, "type_clash");
    assert!(failure("inputs.n * inputs.half").message.contains("double("), "{:?}", failure("inputs.n * inputs.half"));
    let large = Converted::new(&json!({"n": u64::MAX, "m": i64::MIN}));
    let mut scope = Scope::new();
    scope.set("inputs", large);
    assert_eq!(Expression::parse("inputs").unwrap().evaluate(&scope), Ok(json!({"n": u64::MAX, "m": i64::MIN})));
}

#[test]
fn values_of_every_kind_come_back_as_they_were() {
    let original = json!({"a": [null, true, -1, 1.5, 1.0, "x", {"b": []}], "c": {}, "d e": "é"});
    let mut scope = Scope::new();
    scope.set_json("item", &original);
    let back = Expression::parse("item").unwrap().evaluate(&scope).unwrap();
    assert_eq!(back, original);
    assert_eq!(back.to_string(), original.to_string());
}

#[test]
fn every_field_of_a_task_can_be_read() {
    let mut scope = scope();
    let mut task = TaskScope::new(TaskState::Failed, Outputs::Missing);
    task.confidence = Some(0.75);
    task.error = Some(Converted::new(&json!({"code": "exit"})));
    task.attempts = 3;
    task.items = Some(Converted::new(&json!([{"key": "a", "state": "failed"}])));
    scope.set_task("full", task);
    let text = "[tasks.full.state, tasks.full.confidence, tasks.full.error.code, tasks.full.attempts, tasks.full.items[0].key, \
                tasks.done.confidence, tasks.done.error]";
    let text = text.replace("\\\n", "");
    let value = Expression::parse(&text).unwrap().evaluate(&scope).unwrap();
    assert_eq!(value, json!(["failed", 0.75, "exit", 3, "a", null, null]));
    let present =
        Expression::parse("[has(tasks.full.error), has(tasks.done.error), has(tasks.full.confidence)]").unwrap();
    assert_eq!(present.evaluate(&scope), Ok(json!([true, false, true])));
    let below = "[has(tasks.full.error.code), has(tasks.full.error.nope), has(tasks.done.error.code)]";
    assert_eq!(Expression::parse(below).unwrap().evaluate(&scope), Ok(json!([true, false, false])));
}

#[test]
fn ids_with_a_dash_are_read_with_brackets() {
    assert_eq!(value("tasks['my-task'].outputs.x"), json!(5));
    assert_eq!(value("tasks['my-task']['outputs']['x']"), json!(5));
    assert_eq!(value("inputs['max-rows'] + 1"), json!(8));
}

#[test]
fn a_task_without_outputs_is_named() {
    for text in [
        "tasks.broken.outputs.a",
        "tasks.broken.outputs",
        "tasks.broken.outputs == null",
        "1 + tasks.broken.outputs.a.b",
    ] {
        let failure = failure(text);
        assert_eq!((failure.code, failure.missing_task.as_deref()), ("missing_output", Some("broken")), "{text}");
    }
    let other = failure("tasks.done.outputs.nope");
    assert_eq!((other.code, other.missing_task), ("no_such_key", None));
    assert_eq!(failure("tasks.nobody.outputs.a").code, "unknown_name");
}

#[test]
fn outputs_are_guarded_by_has_and_succeeded() {
    for (text, expected) in [
        ("has(tasks.broken.outputs.a)", json!(false)),
        ("has(tasks.broken.outputs.a.b)", json!(false)),
        ("has(tasks.broken.outputs)", json!(false)),
        ("has(tasks.done.outputs)", json!(true)),
        ("has(tasks.done.outputs.count)", json!(true)),
        ("has(tasks.done.outputs.nope)", json!(false)),
        ("has(tasks['broken'].outputs.a) ? 1 : 2", json!(2)),
        ("succeeded('broken') ? tasks.broken.outputs.a : 'none'", json!("none")),
        ("succeeded('broken') && tasks.broken.outputs.a > 1", json!(false)),
        ("tasks.broken.outputs.a > 1 && succeeded('broken')", json!(false)),
        ("!succeeded('broken') || tasks.broken.outputs.a > 1", json!(true)),
        ("has(inputs.name) && !has(inputs.nope)", json!(true)),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn outputs_of_an_unsuccessful_task_in_an_any_read_as_null() {
    for (text, expected) in [
        ("tasks.gap.outputs", json!(null)),
        ("tasks.gap.outputs.rows", json!(null)),
        ("tasks.gap.outputs.rows.count", json!(null)),
        ("tasks.gap.outputs.rows == null", json!(true)),
        ("null == tasks.gap.outputs.rows", json!(true)),
        ("tasks.gap.outputs.rows != null", json!(false)),
        ("has(tasks.gap.outputs.rows)", json!(false)),
        ("[tasks.gap.outputs.a, 1]", json!([null, 1])),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
    assert_eq!(failure("tasks.gap.outputs.n + 1").code, "type_clash");
    assert_eq!(failure("tasks.gap.outputs.map(x, x)").code, "type_clash");
}

#[test]
fn the_scope_answers_for_the_states_of_tasks() {
    for (text, expected) in [
        ("succeeded('done')", true),
        ("failed('done')", false),
        ("failed('broken')", true),
        ("skipped('broken')", false),
        ("succeeded()", false),
        ("failed()", true),
        ("skipped()", false),
        ("always()", true),
    ] {
        assert_eq!(value(text), json!(expected), "{text}");
    }
    assert_eq!(failure("failed('nobody')").code, "unknown_name");
}

#[test]
fn a_table_has_a_size_and_columns_but_no_rows() {
    assert_eq!(value("size(tasks.done.outputs.rows)"), json!(12));
    assert_eq!(value("tasks.done.outputs.rows.size()"), json!(12));
    assert_eq!(value("tasks.done.outputs.rows.count"), json!(12));
    assert_eq!(value("tasks.done.outputs.rows.columns[0].name"), json!("a"));
    assert_eq!(value("tasks.done.outputs.rows")["count"], json!(12));
    assert_eq!(value("tasks.done.outputs.rows == tasks.done.outputs.rows"), json!(true));
    assert_eq!(value("has(tasks.done.outputs.rows.nope)"), json!(false));
    for text in
        ["tasks.done.outputs.rows[0]", "tasks.done.outputs.rows.map(r, r)", "tasks.done.outputs.rows.all(r, true)"]
    {
        let failure = failure(text);
        assert_eq!(failure.code, "table_rows", "{text}");
        assert!(failure.message.contains(".count"), "{}", failure.message);
    }
}

#[test]
fn what_fails_is_told_apart() {
    for (text, code) in [
        ("inputs.nope", "no_such_key"),
        ("nobody", "unknown_name"),
        ("1 / 0", "division"),
        ("1 % 0", "division"),
        ("9223372036854775807 + 1", "overflow"),
        ("int('x')", "conversion"),
        ("inputs.list[7]", "index"),
        ("inputs.list['a']", "type_clash"),
        ("'a' + 1", "type_clash"),
        ("1 < 'a'", "type_clash"),
        ("inputs.name.nope", "type_clash"),
        ("inputs.n.map(x, x)", "type_clash"),
        ("!inputs.n", "type_clash"),
        ("size(1)", "type_clash"),
        ("'a'.matches('(')", "pattern"),
        ("{'a': 1, 'a': 2}", "duplicate_key"),
        ("0.0 / 0.0", "not_json"),
        ("b'a'", "not_json"),
        ("lists.range(1000001)", "too_large"),
        ("'abc'.substring(9)", "index"),
    ] {
        assert_eq!(failure(text).code, code, "{text}: {:?}", failure(text));
    }
}

#[test]
fn failures_are_said_plainly() {
    for (text, message) in [
        ("inputs.name.nope", "a string has no fields"),
        ("inputs.list['a']", "a list cannot be indexed with a string"),
        ("1 < 'a'", "`<` does not go with an int and a string"),
        ("!inputs.n", "`!` does not go with an int"),
        ("inputs.n.map(x, x)", "an int stands where a list or map is needed"),
        ("'a'.matches('(')", "the pattern cannot be used: unclosed group"),
        ("math.greatest(inputs.name)", "`math.greatest` does not go with a string"),
        ("tasks.broken.outputs.a", "task `broken` has no outputs"),
    ] {
        assert_eq!(failure(text).message, message, "{text}");
    }
}

#[test]
fn a_secret_is_a_placeholder() {
    assert_eq!(value("secrets.TOKEN"), json!(crate::secret::placeholder("TOKEN")));
    assert_eq!(value("secrets['TOKEN']"), json!(crate::secret::placeholder("TOKEN")));
}

#[test]
fn a_value_that_looks_like_a_secret_is_refused() {
    let mut scope = Scope::new();
    scope.set_json("item", &json!({"a": [crate::secret::placeholder("TOKEN")]}));
    let failure = Expression::parse("item").unwrap().evaluate(&scope).unwrap_err();
    assert_eq!(failure.code, "secret_marker");
    assert_eq!(self::failure("'@@candor-' + 'secret:TOKEN@@'").code, "secret_marker");
}

#[test]
fn maps_are_walked_over_in_the_order_of_their_keys() {
    assert_eq!(value("{'b': 1, 'a': 2, 'c': 3, 'd': 4}.map(k, k)"), json!(["a", "b", "c", "d"]));
    assert_eq!(value("{3: 1, 1: 2}.filter(k, true)"), json!([1, 3]));
}
