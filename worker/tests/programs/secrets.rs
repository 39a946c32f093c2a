//! Nothing that an attempt stores or reports has a secret in it.

use candor_proto::{FileValue, Outcome};
use candor_workflow::secret::placeholder;
use serde_json::{Value, json};

use crate::stage::{Case, Stage, case, done, failed};

/// What the stage's worker knows under the name `TOKEN`.
const SECRET: &str = "hunter2-and-more";
/// The same under `QUOTED`; CSV and JSON each have a form of their own for it.
const QUOTED: &str = "say \"hunter3\"\\\n";

/// The same under `PIN`, a number.
const PIN: &str = "482915";

/// Every body that the outputs name, and the outputs themselves.
async fn everything(stage: &Stage, outcome: Outcome) -> String {
    let outputs = Value::Object(done(outcome));
    let mut all = outputs.to_string();
    let mut open = vec![&outputs];
    while let Some(value) = open.pop() {
        if FileValue::from_value(value).is_some() {
            all.push_str(&String::from_utf8_lossy(&stage.body(value).await));
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    all
}

async fn masked(stage: &Stage, uses: &str, with: Value) -> String {
    let all = everything(stage, stage.execute(&stage.assignment(uses, with)).await).await;
    for hidden in ["hunter2", "hunter3"] {
        assert!(!all.contains(hidden), "{uses}: {all}");
    }
    assert!(all.contains("***"), "{uses}: {all}");
    all
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("files that the data actions store have no secret in them", |stage| async move {
            let (token, quoted) = (placeholder("TOKEN"), placeholder("QUOTED"));
            masked(&stage, "file.write", json!({"path": "a.txt", "content": format!("key={token}!")})).await;
            masked(&stage, "file.write", json!({"path": "a.json", "content": {"k": [quoted, token]}})).await;
            let value = json!([{"a": quoted, "b": token}, {"a": "plain", "b": 1}]);
            let formats = json!(["csv", "json", "jsonl", "md"]);
            let all = masked(&stage, "output.write", json!({"value": value, "formats": formats})).await;
            assert!(all.contains("plain,1"), "{all}");
            let file = stage.store("a.csv", format!("{SECRET}\nx\n").as_bytes()).await.to_value();
            masked(&stage, "csv.read", json!({"path": file, "header": [token]})).await;
            let file = stage.store("b.csv", b"a\nx\n").await.to_value();
            let rows = done(stage.execute(&stage.assignment("csv.read", json!({"path": file}))).await)["rows"].clone();
            let rules = json!([{"id": "r", "assert": "row.a == 'y'", "message": format!("not {token}")}]);
            masked(&stage, "csv.validate", json!({"rows": rows, "rules": rules})).await;
        }),
        case("a file on the machine gets its secret, and what is stored of it has none", |stage| async move {
            let path = stage.work.path().join("settings");
            let with = json!({"path": path, "content": format!("key={}", placeholder("TOKEN")), "verify": "sha256"});
            masked(&stage, "file.write", with).await;
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("key={SECRET}"));
            std::fs::remove_file(path).unwrap();
        }),
        case("files below out/ and rows of a table have no secret in them", |stage| async move {
            let mut assignment =
                stage.assignment("shell", json!({"run": "echo $T > out/a; echo $T | tee $CANDOR_OUT/b"}));
            assignment.env.insert("T".to_owned(), placeholder("TOKEN"));
            let all = everything(&stage, stage.execute(&assignment).await).await;
            assert!(!all.contains("hunter2") && all.matches("***").count() == 3, "{all}");
            let source = b"import os\ndef go(): return [{'a': os.environ['T'], 'b': 1}]";
            let mut assignment = stage.assignment("python", json!({"function": "code:go"}));
            assignment.env.insert("T".to_owned(), placeholder("QUOTED"));
            stage.with_file(&mut assignment, "code.py", source).await;
            let outputs = done(stage.execute(&assignment).await);
            assert_eq!(stage.body(&outputs["rows"]).await, b"[\"***\",1]\n");
        }),
        case(
            "numbers, rows of numbers and JSON files have no secret in them and stay what they are",
            |stage| async move {
                let script = r#"printf '{"pin": %s, "x": {"%s": -%s}}' $P $P $P > $CANDOR_OUTPUT; printf '{"p": %s}' $P > out/a.json"#;
                let mut assignment = stage.assignment("shell", json!({"run": script}));
                assignment.env.insert("P".to_owned(), placeholder("PIN"));
                let outputs = done(stage.execute(&assignment).await);
                assert_eq!((&outputs["pin"], &outputs["x"]), (&json!("***"), &json!({"***": "***"})));
                assert_eq!(
                    serde_json::from_slice::<Value>(&stage.body(&outputs["files"][0]).await).unwrap(),
                    json!({"p": "***"})
                );
                let source = b"import os\ndef go(): return [{'a': int(os.environ['P']), 'b': 1}, {'a': 2, 'b': 3}]";
                let mut assignment = stage.assignment("python", json!({"function": "code:go"}));
                assignment.env.insert("P".to_owned(), placeholder("PIN"));
                stage.with_file(&mut assignment, "code.py", source).await;
                let outputs = done(stage.execute(&assignment).await);
                assert_eq!(stage.body(&outputs["rows"]).await, b"[\"***\",1]\n[2,3]\n");
            },
        ),
        case("where output is cut no part of a secret is left", |stage| async move {
            let starts = "printf %s $T >&2; head -c 8180 /dev/zero | tr '\\0' x >&2; exit 3";
            let ends = "head -c 1000 /dev/zero | tr '\\0' x >&2; printf %s $T >&2; sleep 5";
            for (script, output_bytes) in [(starts, 1 << 20), (ends, 1_010)] {
                let mut assignment = stage.assignment("shell", json!({"run": script}));
                assignment.limits.output_bytes = Some(output_bytes);
                assignment.env.insert("T".to_owned(), placeholder("TOKEN"));
                let detail = failed(stage.execute(&assignment).await).detail.unwrap();
                let left = detail.trim_start_matches("***");
                assert!(!left.contains("hunter") && !left.contains("more"), "{detail}");
                assert!(detail.contains("***"), "{detail}");
            }
            let source = format!("import os\ndef go(): raise ValueError(os.environ['T'] + 'x' * {})", 8_192 - 9);
            let mut assignment = stage.assignment("python", json!({"function": "code:go"}));
            assignment.env.insert("T".to_owned(), placeholder("TOKEN"));
            stage.with_file(&mut assignment, "code.py", source.as_bytes()).await;
            let error = failed(stage.execute(&assignment).await);
            assert!(!format!("{error:?}").contains("more"), "{error:?}");
        }),
        case("what one attempt got is masked in others too", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"run": "true"}));
            assignment.env.insert("T".to_owned(), placeholder("TOKEN"));
            done(stage.execute(&assignment).await);
            let script = format!("echo {SECRET} | tee out/a; printf '{{\"k\": \"{SECRET}\"}}' > $CANDOR_OUTPUT");
            masked(&stage, "shell", json!({"run": script})).await;
        }),
        case("text that only looks like a secret stays as it is", |stage| async move {
            let text = "@@candor-secret:a b@@ @@candor-secret:";
            assert_eq!(done(stage.execute(&stage.assignment("noop", json!({"a": text}))).await)["a"], text);
        }),
    ]
}

/// The secrets of the stage's worker.
pub(crate) fn lookup(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some(SECRET.to_owned()),
        "PIN" => Some(PIN.to_owned()),
        "QUOTED" => Some(QUOTED.to_owned()),
        _ => None,
    }
}
