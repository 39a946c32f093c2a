//! Column schemas: types, formats, constraints, and descriptors that are wrong.

use candor_worker::action::csv::CsvRead;
use candor_worker::schema::Schema;
use serde_json::{Value, json};

use crate::stage::Stage;

/// What a text is read as by a field, or the rule that it breaks.
fn read(field: &Value, text: &str) -> Result<Value, &'static str> {
    let mut field = field.clone();
    field["name"] = "x".into();
    let schema = Schema::from_value(&json!({"fields": [field]})).unwrap();
    let none = schema.missing.contains(&text.to_owned());
    schema.fields[0].read((!none).then_some(text)).map_err(|fault| fault.rule)
}

#[test]
fn every_type_reads_its_texts_and_no_others() {
    let cases = [
        (
            "integer",
            vec![("5", json!(5)), ("+5", json!(5)), ("-007", json!(-7)), ("9223372036854775807", json!(i64::MAX))],
        ),
        ("number", vec![("5", json!(5.0)), (".5", json!(0.5)), ("-1e-3", json!(-0.001)), ("1.", json!(1.0))]),
        ("boolean", vec![("true", json!(true)), ("1", json!(true)), ("FALSE", json!(false))]),
        ("date", vec![("2024-02-29", json!("2024-02-29"))]),
        (
            "datetime",
            vec![
                ("2024-02-29T12:00:00Z", json!("2024-02-29T12:00:00Z")),
                ("2024-02-29T12:00:00+02:00", json!("2024-02-29T10:00:00Z")),
                ("2024-02-29 12:00:00", json!("2024-02-29T12:00:00")),
            ],
        ),
        ("time", vec![("23:59:01", json!("23:59:01"))]),
        ("year", vec![("2024", json!(2024))]),
        ("yearmonth", vec![("2024-02", json!("2024-02"))]),
        ("string", vec![("anything, é", json!("anything, é"))]),
        ("any", vec![("x", json!("x"))]),
    ];
    for (kind, texts) in cases {
        for (text, value) in texts {
            assert_eq!(read(&json!({"type": kind}), text), Ok(value), "{kind} {text}");
        }
    }
    let wrong = [
        ("integer", vec!["5.0", "x", " 5", "5 ", "1_000", "", "+", "9223372036854775808", "٣"]),
        ("number", vec!["NaN", "inf", "-Infinity", "1e999", "0x10", "1,5", "e5", "--1"]),
        ("boolean", vec!["yes", "TrUe", "2"]),
        ("date", vec!["2023-02-29", "29.02.2024", "2024-2-9", "2024-02-29T00:00:00Z"]),
        ("datetime", vec!["2024-02-29", "2024-02-30T12:00:00Z", "noon", "2024-02-29T25:00:00"]),
        ("time", vec!["24:00:01", "1:2", "noon"]),
        ("year", vec!["24", "-2024", "20x4"]),
        ("yearmonth", vec!["2024-13", "2024"]),
    ];
    for (kind, texts) in wrong {
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            assert_eq!(read(&json!({"type": kind}), text), Err("type"), "{kind} {text}");
        }
    }
}

#[test]
fn formats_say_how_values_are_written() {
    assert_eq!(read(&json!({"type": "date", "format": "%d.%m.%Y"}), "29.02.2024"), Ok(json!("2024-02-29")));
    assert_eq!(read(&json!({"type": "date", "format": "%d.%m.%Y"}), "2024-02-29"), Err("type"));
    assert_eq!(
        read(&json!({"type": "datetime", "format": "%Y/%m/%d %H:%M"}), "2024/02/29 07:05"),
        Ok(json!("2024-02-29T07:05:00"))
    );
    assert_eq!(read(&json!({"type": "number", "decimalChar": ",", "groupChar": "."}), "1.234,5"), Ok(json!(1234.5)));
    assert_eq!(read(&json!({"type": "number", "decimalChar": ","}), "1.5"), Err("type"));
    assert_eq!(read(&json!({"type": "number", "bareNumber": false}), "$ -95.50 USD"), Ok(json!(-95.5)));
    assert_eq!(read(&json!({"type": "integer", "bareNumber": false}), "95%"), Ok(json!(95)));
    assert_eq!(read(&json!({"type": "boolean", "trueValues": ["ja"], "falseValues": ["nein"]}), "ja"), Ok(json!(true)));
    assert_eq!(read(&json!({"format": "email"}), "a@b.example"), Ok(json!("a@b.example")));
    assert_eq!(read(&json!({"format": "email"}), "a b@c"), Err("type"));
    assert_eq!(read(&json!({"format": "uri"}), "https://a.example/x"), Ok(json!("https://a.example/x")));
    assert_eq!(read(&json!({"format": "uri"}), "no uri"), Err("type"));
    assert_eq!(read(&json!({"format": "uuid"}), "zz"), Err("type"));
}

#[test]
fn constraints_hold_at_their_limits_and_not_beyond() {
    let with = |kind: &str, constraints: Value| json!({"type": kind, "constraints": constraints});
    for (field, good, bad, rule) in [
        (with("integer", json!({"minimum": 3})), "3", "2", "minimum"),
        (with("integer", json!({"maximum": 3.5})), "3", "4", "maximum"),
        (with("number", json!({"exclusiveMinimum": 0})), "0.001", "0", "exclusiveMinimum"),
        (with("number", json!({"exclusiveMaximum": "10"})), "9.99", "10", "exclusiveMaximum"),
        (with("date", json!({"minimum": "2020-01-01"})), "2020-01-01", "2019-12-31", "minimum"),
        (with("year", json!({"maximum": 2030})), "2030", "2031", "maximum"),
        (with("string", json!({"minLength": 2})), "éé", "é", "minLength"),
        (with("string", json!({"maxLength": 2})), "éé", "ééé", "maxLength"),
        (with("string", json!({"pattern": "a|bc"})), "bc", "abc", "pattern"),
        (with("string", json!({"enum": ["A", "B"]})), "A", "a", "enum"),
        (with("integer", json!({"enum": [1, "2"]})), "02", "3", "enum"),
        (with("number", json!({"enum": [1.5]})), "1.50", "2", "enum"),
        (with("string", json!({"required": true})), "x", "", "required"),
    ] {
        assert!(read(&field, good).is_ok(), "{field} {good}");
        assert_eq!(read(&field, bad), Err(rule), "{field} {bad}");
    }
    assert_eq!(read(&with("integer", json!({"minimum": 3, "enum": [5]})), ""), Ok(Value::Null));
}

#[test]
fn a_wrong_descriptor_is_refused_with_all_its_mistakes() {
    for (schema, said) in [
        (json!([]), "not an object"),
        (json!({}), "`fields` must be a list"),
        (json!({"fields": []}), "at least one field"),
        (json!({"fields": [{"type": "string"}]}), "field 1 has no name"),
        (json!({"fields": [{"name": "a"}, {"name": "a"}]}), "field `a` is there twice"),
        (json!({"fields": [{"name": "a", "type": "intger"}]}), "no type `intger`"),
        (json!({"fields": [{"name": "a", "type": "geojson"}]}), "`geojson` is not in this build"),
        (json!({"fields": [{"name": "a", "constraint": {}}]}), "no `constraint` in a field"),
        (json!({"fields": [{"name": "a", "constraints": {"requird": true}}]}), "no constraint `requird`"),
        (json!({"fields": [{"name": "a", "constraints": {"required": "yes"}}]}), "does not fit"),
        (json!({"fields": [{"name": "a", "constraints": {"pattern": "("}}]}), "does not fit"),
        (json!({"fields": [{"name": "a", "constraints": {"minimum": 1}}]}), "does not fit"),
        (
            json!({"fields": [{"name": "a", "type": "integer", "constraints": {"minLength": 1}}]}),
            "only texts have a length",
        ),
        (json!({"fields": [{"name": "a", "type": "integer", "constraints": {"enum": ["x"]}}]}), "does not fit"),
        (json!({"fields": [{"name": "a", "type": "date", "format": "%Q"}]}), "cannot be read"),
        (json!({"fields": [{"name": "a", "type": "integer", "format": "x"}]}), "no format `x`"),
        (json!({"fields": [{"name": "a"}], "foreignKeys": []}), "not in this build"),
        (json!({"fields": [{"name": "a"}], "primaryKey": "b"}), "`b`, which is no field"),
        (json!({"fields": [{"name": "a"}], "missing": []}), "no `missing` in a schema"),
        (json!({"fields": [{"name": "a", "type": "x"}, {"name": "b", "type": "y"}]}), "field `b`"),
    ] {
        let error = Schema::from_value(&schema).unwrap_err();
        assert!(error.message.contains(said), "{schema}: {}", error.message);
    }
}

#[tokio::test]
async fn a_schema_comes_from_a_file_of_the_workflow_or_from_the_workflow_itself() {
    let mut stage = Stage::new();
    stage
        .plan_file("schemas/a.json", r#"{"fields": [{"name": "a", "type": "integer"}], "missingValues": ["-"]}"#)
        .await;
    stage.plan_file("schemas/a.yaml", "fields:\n  - { name: a, type: integer }\nmissingValues: ['-']\n").await;
    stage.plan_file("broken.json", "{").await;
    stage.plan_file("data.csv", "a\n1\n-\n").await;
    for schema in [
        json!("schemas/a.json"),
        json!("./schemas/a.yaml"),
        json!({"fields": [{"name": "a", "type": "integer"}], "missingValues": ["-"]}),
        stage.file("a.json", r#"{"fields": [{"name": "a", "type": "integer"}], "missingValues": ["-"]}"#).await,
    ] {
        let outputs = stage.done(CsvRead, json!({"path": "data.csv", "schema": schema})).await;
        assert_eq!(json!(stage.rows(&outputs["rows"])), json!([[1], [null]]));
    }
    for (schema, code) in [("missing.json", "not_found"), ("broken.json", "document"), ("../x.json", "path")] {
        assert_eq!(stage.fails(CsvRead, json!({"path": "data.csv", "schema": schema})).await.code, code);
    }
}
