//! A file or a table that an action gives is one that is there.

use candor_proto::value::TABLE_MEDIA_TYPE;
use candor_proto::{ErrorClass, Sha256};
use serde_json::{Value, json};

use crate::stage::{Case, Stage, case, done, expect_code};

fn file(sha256: Sha256, bytes: usize) -> Value {
    json!({"name": "accounts.pdf", "sha256": sha256, "bytes": bytes, "media_type": "application/pdf"})
}

fn table(body: &[u8], count: u64, columns: usize) -> Value {
    let columns: Vec<Value> = (0..columns).map(|place| json!({"name": format!("c{place}"), "type": "any"})).collect();
    json!({
        "name": "customers", "sha256": Sha256::of(body), "bytes": body.len(), "media_type": TABLE_MEDIA_TYPE,
        "count": count, "columns": columns,
    })
}

/// Gives a value back by each way that a program or `noop` has; all must be refused.
async fn refused(stage: &Stage, value: &Value) {
    let error =
        expect_code(stage.execute(&stage.assignment("noop", json!({"deep": [value]}))).await, "output_file_unknown");
    assert_eq!(error.class, ErrorClass::Validation);
    assert!(error.message.contains("accounts.pdf") || error.message.contains("customers"), "{}", error.message);
    let written = json!({"x": value}).to_string();
    let mut assignment = stage.assignment("shell", json!({"run": "printf '%s' \"$V\" > $CANDOR_OUTPUT"}));
    assignment.env.insert("V".to_owned(), written.clone());
    expect_code(stage.execute(&assignment).await, "output_file_unknown");
    let source = format!("import json\ndef go(): return json.loads({written:?})");
    let mut assignment = stage.assignment("python", json!({"function": "code:go"}));
    stage.with_file(&mut assignment, "code.py", source.as_bytes()).await;
    expect_code(stage.execute(&assignment).await, "output_file_unknown");
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("a file that is nowhere, or of another length, cannot be given", |stage| async move {
            refused(&stage, &file(Sha256::of(b"never stored"), 123_456)).await;
            stage.store("a", b"twelve bytes").await;
            refused(&stage, &file(Sha256::of(b"twelve bytes"), 13)).await;
            let mut strange = file(Sha256::of(b"twelve bytes"), 12);
            strange["sha256"] = "none".into();
            refused(&stage, &strange).await;
            let given = done(
                stage.execute(&stage.assignment("noop", json!({"x": file(Sha256::of(b"twelve bytes"), 12)}))).await,
            );
            assert_eq!(given["x"]["bytes"], 12);
        }),
        case("a table that has other rows or columns than it says cannot be given", |stage| async move {
            let body: &[u8] = b"[1,2]\n[3,4]\n";
            stage.store("t", body).await;
            stage.store("e", b"").await;
            refused(&stage, &table(b"", 1_000_000, 1)).await;
            refused(&stage, &table(body, 3, 2)).await;
            refused(&stage, &table(body, 2, 1)).await;
            for _ in 0..2 {
                let given = done(stage.execute(&stage.assignment("noop", json!({"t": table(body, 2, 2)}))).await);
                assert_eq!(given["t"]["count"], 2);
            }
        }),
        case("what a program stores in its own attempt is no table by that", |stage| async move {
            let body = b"[1]\n";
            let script = "printf '[1]\\n' > out/e; printf '%s' \"$V\" > $CANDOR_OUTPUT";
            let mut assignment = stage.assignment("shell", json!({"run": script}));
            assignment.env.insert("V".to_owned(), json!({"t": table(body, 9, 1)}).to_string());
            expect_code(stage.execute(&assignment).await, "output_file_unknown");
            assignment.env.insert("V".to_owned(), json!({"t": table(body, 1, 1)}).to_string());
            assert_eq!(done(stage.execute(&assignment).await)["t"]["count"], 1);
        }),
    ]
}
