//! What the catalogue declares is what the worker does: the same actions, their fields and their outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use candor_proto::value::TABLE_MEDIA_TYPE;
use candor_proto::{Column, ErrorClass, Outcome, TableValue};
use candor_workflow::catalogue::{ActionSpec, Catalogue, OutputKind};
use serde_json::{Map, Value, json};

use crate::stage::{Case, Stage, case, done, expect_code, failed};

/// Outputs that are only there in one of the ways of using an action: `exec` has `stdout` in plain text.
const CONDITIONAL: &[(&str, &str)] = &[("exec", "stdout")];
/// A schema of columns for the table that is tried.
const SCHEMA: &str = r#"{"fields": [{"name": "x", "type": "integer"}, {"name": "y"}]}"#;

fn supported() -> Vec<ActionSpec> {
    Catalogue::built_in().unwrap().iter().filter(|spec| spec.supported).cloned().collect()
}

/// Ways of using every action that together name every field that this build has.
async fn uses(stage: &Stage) -> BTreeMap<&'static str, Vec<Value>> {
    let file = stage.store("a.csv", b"x,y\n1,a\n2,b\n3,c\n").await.to_value();
    let script = stage.store("run.sh", b"echo hello").await.to_value();
    let program = stage.store("run.py", b"print(args)").await.to_value();
    let body = stage.store("rows", b"[1,\"a\"]\n[2,\"b\"]\n").await;
    let column = |name: &str, kind: &str| Column { name: name.to_owned(), kind: kind.to_owned() };
    let rows = TableValue {
        name: "rows".to_owned(),
        sha256: body.sha256,
        bytes: body.bytes,
        media_type: TABLE_MEDIA_TYPE.to_owned(),
        count: 2,
        columns: vec![column("x", "integer"), column("y", "string")],
    };
    let rows = rows.to_value();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let rules = json!([{"id": "r", "assert": "row.x > 0", "severity": "error", "message": "m"}]);
    let machine = |name: &str| {
        let path = stage.work.path().join(name);
        std::fs::write(&path, "x").unwrap();
        path.display().to_string()
    };
    BTreeMap::from([
        ("noop", vec![json!({"anything": 1})]),
        (
            "shell",
            vec![
                json!({"run": "cat; exit 3", "args": [1], "stdin": "text", "shell": "bash", "ok_exit_codes": [3]}),
                json!({"file": script}),
            ],
        ),
        (
            "exec",
            vec![
                json!({"program": "cat", "args": ["-"], "stdin": "text", "protocol": "text", "ok_exit_codes": [0]}),
                json!({"program": "cat", "protocol": "json", "further": 1}),
            ],
        ),
        (
            "python",
            vec![json!({"script": program, "args": {"a": 1}}), json!({"function": "json:loads", "args": {"s": "{}"}})],
        ),
        (
            "csv.read",
            vec![json!({
                "path": file, "delimiter": ",", "encoding": "utf-8", "header": true, "null_values": [""],
                "schema": schema, "on_bad_row": "collect", "distinct": {"ys": "y"},
            })],
        ),
        ("csv.validate", vec![json!({"rows": rows, "schema": schema, "rules": rules})]),
        ("csv.metrics", vec![json!({"rows": rows, "columns": ["x"]})]),
        ("csv.anomalies", vec![json!({"rows": rows, "columns": ["x"], "method": "iqr", "threshold": 1.5})]),
        (
            "output.write",
            vec![
                json!({"rows": rows, "path": "p", "formats": ["csv"]}),
                json!({"value": 1, "formats": ["json", "md"]}),
            ],
        ),
        ("file.copy", vec![json!({"from": file, "to": "b.csv", "verify": "sha256"})]),
        ("file.read", vec![json!({"path": file})]),
        ("file.stat", vec![json!({"path": file})]),
        ("file.move", vec![json!({"from": machine("m.txt"), "to": "n.txt", "verify": "sha256"})]),
        ("file.delete", vec![json!({"path": machine("d.txt"), "missing": "fail"})]),
        ("file.write", vec![json!({"path": "w.txt", "content": "x", "verify": "sha256"})]),
        ("file.list", vec![json!({"path": ".", "pattern": "*"})]),
    ])
}

fn fits(kind: &OutputKind, value: &Value) -> bool {
    match kind {
        OutputKind::One(kind) => kind.admits(value),
        OutputKind::Either(kinds) => kinds.iter().any(|kind| kind.admits(value)),
    }
}

fn fields(spec: &ActionSpec) -> Map<String, Value> {
    spec.with["properties"].as_object().cloned().unwrap_or_default()
}

async fn run(stage: &Stage, name: &str, with: Value) -> Outcome {
    stage.execute(&stage.assignment(name, with)).await
}

async fn agrees(stage: Arc<Stage>) {
    let uses = uses(&stage).await;
    for spec in supported() {
        let name = spec.name.as_str();
        let ways = uses.get(name).unwrap_or_else(|| panic!("nothing tries {name}"));
        let mut used = BTreeSet::new();
        for with in ways {
            used.extend(with.as_object().unwrap().keys().cloned());
            let outputs = done(run(&stage, name, with.clone()).await);
            for (output, declared) in &spec.outputs {
                match outputs.get(output) {
                    Some(value) => assert!(fits(&declared.kind, value), "{name}: {output} is {value}"),
                    None => assert!(CONDITIONAL.contains(&(name, output.as_str())), "{name} gives no {output}"),
                }
            }
            // `distinct` of csv.read names outputs of its own.
            let own = with.get("distinct").and_then(Value::as_object).cloned().unwrap_or_default();
            let stray = outputs.keys().find(|key| !spec.outputs.contains_key(*key) && !own.contains_key(*key));
            assert!(spec.open_outputs || stray.is_none(), "{name} gives {stray:?}, which it does not declare");
        }
        let fields = fields(&spec);
        let here = fields.iter().filter(|(_, field)| field.get("x-unsupported") != Some(&json!(true)));
        for (field, _) in here {
            assert!(used.contains(field), "{name}: nothing tries `{field}`");
        }
        let open = fields.is_empty() || name == "exec";
        let undeclared = used.iter().find(|field| !fields.contains_key(*field));
        assert!(open || undeclared.is_none(), "{name} takes {undeclared:?}, which it does not declare");
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("the worker has the actions that the catalogue calls supported, and no others", |stage| async move {
            let declared: Vec<String> = supported().into_iter().map(|spec| spec.name).collect();
            assert_eq!(stage.executor.registry.names().collect::<Vec<_>>(), declared);
        }),
        case("every action takes the fields and gives the outputs that it declares", agrees),
        case(
            "an action refuses fields that it does not declare, and those that are not in this build",
            |stage| async move {
                let uses = uses(&stage).await;
                for spec in supported() {
                    let name = spec.name.as_str();
                    let mut with = uses[name][0].clone();
                    with["no_such_field"] = json!(1);
                    if name != "noop" {
                        let error = expect_code(run(&stage, name, with).await, "with");
                        assert_eq!(error.class, ErrorClass::Validation);
                        assert!(error.message.contains("no_such_field"), "{name}: {error:?}");
                    }
                    for (field, schema) in fields(&spec) {
                        let words = match schema.get("x-unsupported") {
                            Some(Value::Bool(true)) => vec![json!("x")],
                            Some(Value::Array(words)) => words.clone(),
                            _ => match schema.pointer("/items/x-unsupported").and_then(Value::as_array) {
                                Some(words) => words.iter().map(|word| json!([word])).collect(),
                                None => Vec::new(),
                            },
                        };
                        for word in words {
                            let mut with = uses[name][0].clone();
                            with[field.as_str()] = word.clone();
                            let error = failed(run(&stage, name, with).await);
                            assert_eq!(
                                (error.class, error.code.as_str()),
                                (ErrorClass::Validation, "unsupported"),
                                "{error:?}"
                            );
                        }
                    }
                }
            },
        ),
    ]
}
