//! `csv.validate`.

use candor_proto::Outcome;
use candor_worker::action::Action;
use candor_worker::action::csv::{CsvRead, CsvValidate};
use serde_json::{Value, json};

use crate::stage::Stage;

async fn table(stage: &Stage, text: &str, schema: Value) -> Value {
    let path = stage.file("data.csv", text).await;
    let with = if schema.is_null() { json!({"path": path}) } else { json!({"path": path, "schema": schema}) };
    stage.done(CsvRead, with).await["rows"].clone()
}

#[tokio::test]
async fn rows_that_break_a_rule_are_set_aside_and_the_others_go_on() {
    let mut stage = Stage::new();
    let schema =
        json!({"fields": [{"name": "id", "type": "integer"}, {"name": "price", "type": "number"}, {"name": "kind"}]});
    let rows = table(&stage, "id,price,kind\n1,5,a\n2,-1,a\n3,9,b\n4,,a\n5,700,a\n", schema).await;
    let rules = json!([
        {"id": "positive", "assert": "row.price > 0.0", "message": "a price is positive"},
        {"id": "kinds", "assert": "row.kind in ['a']", "severity": "warning"},
        {"id": "idle", "assert": "row.id > 0"},
        {"id": "cheap", "assert": "row.price == null || row.price < 500.0", "severity": "info"},
    ]);
    let outputs = stage.done(CsvValidate, json!({"rows": rows, "rules": rules})).await;
    assert_eq!(json!(stage.rows(&outputs["rows"])), json!([[1, 5.0, "a"], [3, 9.0, "b"], [5, 700.0, "a"]]));
    assert_eq!(outputs["report"], json!({"positive": 2, "kinds": 1, "idle": 0, "cheap": 1}));
    assert_eq!(outputs["count"], 4);
    let violations = stage.rows(&outputs["violations"]);
    assert_eq!(json!(violations[0]), json!([2, null, "positive", "error", "a price is positive"]));
    assert_eq!(json!(violations[1][..4]), json!([3, null, "kinds", "warning"]));
    let message = violations[2][4].as_str().unwrap();
    assert!(message.starts_with("a price is positive: it cannot be evaluated"), "{message}");
    // The same rules from a file.
    let yaml = "rules:\n  - { id: positive, assert: row.price > 0.0 }\n";
    stage.plan_file("rules/all.yaml", yaml).await;
    let outputs = stage.done(CsvValidate, json!({"rows": rows, "rules": "rules/all.yaml"})).await;
    assert_eq!(outputs["report"], json!({"positive": 2}));
}

#[tokio::test]
async fn a_schema_gives_texts_their_types_and_names_what_does_not_fit() {
    let stage = Stage::new();
    let rows = table(&stage, "n,d\n1,2024-01-02\nx,2024-01-03\n1,bad\n2,2024-01-04\n1,2024-01-05\n", Value::Null).await;
    let schema = json!({"fields": [
        {"name": "d", "type": "date"},
        {"name": "n", "type": "integer", "constraints": {"unique": true}},
    ]});
    let rules = json!([{"id": "one", "assert": "row.n >= 1"}]);
    let outputs = stage.done(CsvValidate, json!({"rows": rows, "schema": schema, "rules": rules})).await;
    assert_eq!(json!(stage.rows(&outputs["rows"])), json!([[1, "2024-01-02"], [2, "2024-01-04"]]));
    assert_eq!(outputs["rows"]["columns"][0], json!({"name": "n", "type": "integer"}));
    assert_eq!(outputs["report"], json!({"one": 0, "schema.type": 2, "schema.unique": 1}));
    let violations = stage.rows(&outputs["violations"]);
    assert_eq!(json!(violations[0]), json!([2, "n", "schema.type", "error", "`x` is not an integer"]));
    // Rows that have their types already are valid again.
    let with = json!({"rows": outputs["rows"], "schema": schema});
    let again = stage.done(CsvValidate, with).await;
    assert_eq!((&again["count"], &again["rows"]["sha256"]), (&0.into(), &outputs["rows"]["sha256"]));
}

#[tokio::test]
async fn a_date_that_was_read_by_a_pattern_stays_valid() {
    let stage = Stage::new();
    let schema = json!({"fields": [{"name": "d", "type": "date", "format": "%d.%m.%Y", "constraints": {"minimum": "2024-01-01"}}]});
    let rows = table(&stage, "d\n29.02.2024\n", schema.clone()).await;
    assert_eq!(stage.done(CsvValidate, json!({"rows": rows, "schema": schema})).await["count"], 0);
}

#[tokio::test]
async fn tables_with_equal_columns_are_one_table() {
    let stage = Stage::new();
    let one = table(&stage, "a\n1\n2\n", Value::Null).await;
    let two = table(&stage, "a\n3\n", Value::Null).await;
    let other = table(&stage, "b\n3\n", Value::Null).await;
    let rules = json!([{"id": "r", "assert": "true"}]);
    let outputs = stage.done(CsvValidate, json!({"rows": [one, two, one], "rules": rules})).await;
    assert_eq!(json!(stage.rows(&outputs["rows"])), json!([["1"], ["2"], ["3"], ["1"], ["2"]]));
    let error = stage.fails(CsvValidate, json!({"rows": [one, other], "rules": rules})).await;
    assert!(error.message.contains("table 2 has the columns b (string), not a (string)"), "{}", error.message);
    let error = stage.fails(CsvValidate, json!({"rows": [one, null], "rules": rules})).await;
    assert!(error.message.contains("`rows[1]` is not a table"), "{}", error.message);
}

#[tokio::test]
async fn rules_that_are_wrong_are_refused_before_any_row_is_read() {
    let stage = Stage::new();
    let rows = table(&stage, "a\n1\n", Value::Null).await;
    for (rules, said) in [
        (json!([{"id": "r", "assert": "row.a >"}]), "rule `r`"),
        (json!([{"id": "r", "assert": "inputs.a > 1"}]), "`inputs`"),
        (json!([{"id": "r", "assert": "true"}, {"id": "r", "assert": "true"}]), "rule 2 has no id of its own"),
        (json!([{"id": "r", "assert": "x".repeat(2000)}]), "1024"),
        (json!([{"id": "r", "asert": "true"}]), "asert"),
        (json!([{"id": "r", "assert": "true", "severity": "fatal"}]), "fatal"),
    ] {
        let error = stage.fails(CsvValidate, json!({"rows": rows, "rules": rules})).await;
        assert!(error.message.contains(said), "{rules}: {}", error.message);
    }
    let error = stage.fails(CsvValidate, json!({"rows": rows})).await;
    assert!(error.message.contains("needs a `schema` or `rules`"));
    let error = stage.fails(CsvValidate, json!({"rows": "x", "rules": []})).await;
    assert!(error.message.contains("`rows` is not a table"));
}

#[tokio::test]
async fn a_rule_that_cannot_be_asked_of_any_row_fails_instead_of_setting_all_aside() {
    let stage = Stage::new();
    let schema = json!({"fields": [{"name": "a", "type": "integer"}]});
    let rows = table(&stage, "a\n1\n2\n\n", schema).await;
    for (assert, said) in [
        ("row.b > 1", "reads the column `b`"),
        ("row.a > 9 && row['b c'] == 1", "reads the column `b c`"),
        ("row.a", "neither true nor false"),
        ("row.a > 1 ? 'yes' : 'no'", "neither true nor false"),
    ] {
        let rules = json!([{"id": "r", "assert": assert}]);
        let error = stage.fails(CsvValidate, json!({"rows": rows, "rules": rules})).await;
        assert!(error.message.contains(said), "{assert}: {}", error.message);
        assert_eq!(error.class, candor_proto::ErrorClass::Validation);
    }
    for (assert, count) in [("!has(row.b) || row.b > 1", 0), ("row.a / (row.a - 1) > 0", 1)] {
        let rules = json!([{"id": "r", "assert": assert}]);
        assert_eq!(stage.done(CsvValidate, json!({"rows": rows, "rules": rules})).await["count"], count, "{assert}");
    }
}

#[tokio::test]
async fn an_expression_that_is_deep_does_not_bring_the_worker_down() {
    let stage = Stage::new();
    let rows = table(&stage, "a\n1\n", Value::Null).await;
    for deep in [
        format!("{} == 2", vec!["1"; 400].join("+")),
        format!("{}false{}", "(".repeat(400), ")".repeat(400)),
        format!("{}true", "!".repeat(401)),
        format!("{}row.a{} == 1", "[".repeat(300), "][0]".repeat(150)),
    ] {
        let with = json!({"rows": rows, "rules": [{"id": "r", "assert": deep}]});
        match CsvValidate.run(&stage.context, with).await {
            Outcome::Fail { error } => assert_eq!(error.code, "with", "{}", error.message),
            Outcome::Done { outputs, .. } => assert_eq!(outputs["count"], 1),
            other => panic!("{other:?}"),
        }
    }
}
