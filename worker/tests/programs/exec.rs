//! Programs without a shell, with text and with JSON, and those that are installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use candor_proto::{Bearing, Class, ErrorClass, Outcome};
use candor_worker::action::Action;
use candor_worker::action::installed::read_folder;
use candor_worker::registry::Registry;
use serde_json::{Value, json};

use crate::stage::{Case, Stage, case, done, expect_code, failed};

async fn exec(stage: &Stage, with: Value) -> Outcome {
    stage.execute(&stage.assignment("exec", with)).await
}

fn python(source: &str) -> Value {
    json!({"program": "python3", "args": ["-c", source], "protocol": "json"})
}

pub(crate) fn cases() -> Vec<Case> {
    [text(), spoken(), installed()].into_iter().flatten().collect()
}

fn text() -> Vec<Case> {
    vec![
        case("exec hands arguments over without a shell", |stage| async move {
            let outputs = done(exec(&stage, json!({"program": "printf", "args": ["[%s]", "$(id)", "a b", 7]})).await);
            assert_eq!(outputs["stdout"], "[$(id)][a b][7]");
            assert_eq!(done(exec(&stage, json!({"program": "/bin/cat", "stdin": "x"})).await)["stdout"], "x");
        }),
        case("exec runs a program of the plan", |stage| async move {
            let mut assignment = stage.assignment("exec", json!({"program": "bin/tool", "args": ["a"]}));
            stage.with_file(&mut assignment, "bin/tool", b"#!/bin/sh\necho \"tool $1\"").await;
            assert_eq!(done(stage.execute(&assignment).await)["stdout"], "tool a\n");
        }),
        case("a program that cannot start is wrong input", |stage| async move {
            for program in ["no-such-program-here", "/nowhere/at/all", "/etc/passwd"] {
                let error = expect_code(exec(&stage, json!({"program": program})).await, "not_started");
                assert_eq!(error.class, ErrorClass::Validation, "{error:?}");
                assert!(error.message.contains(program) && error.advice.is_some(), "{error:?}");
            }
            expect_code(exec(&stage, json!({"program": "./missing"})).await, "path");
            expect_code(exec(&stage, json!({"program": "../up"})).await, "path");
            expect_code(exec(&stage, json!({"program": "true", "nonsense": 1})).await, "with");
            let mut assignment = stage.assignment("exec", json!({"program": "./tool"}));
            stage.with_file(&mut assignment, "tool", b"#!/no/interpreter").await;
            expect_code(stage.execute(&assignment).await, "not_started");
        }),
    ]
}

fn spoken() -> Vec<Case> {
    vec![
        case("exec with JSON reads its fields and answers with an object", |stage| async move {
            let mut with = python(
                "import json,sys; given=json.load(sys.stdin); print(json.dumps({'given': given, 'confidence': 0.7}))",
            );
            with["numbers"] = json!([1, 2]);
            let Outcome::Done { outputs, evidence } = exec(&stage, with).await else { panic!("not done") };
            assert_eq!(outputs["given"], json!({"numbers": [1, 2]}));
            assert_eq!((outputs.get("confidence"), &outputs["exit_code"]), (None, &json!(0)));
            let limit = evidence.iter().find(|piece| piece.source == "reported").unwrap();
            assert_eq!((limit.class, limit.bearing, limit.score.get()), (Class::Observed, Bearing::Limits, 0.7));
            let mut with = python("import sys; print('{\"got\": ' + sys.stdin.read() + '}')");
            with["stdin"] = json!([true]);
            assert_eq!(done(exec(&stage, with).await)["got"], json!([true]));
        }),
        case("exec with JSON gives files a path", |stage| async move {
            let mut with = python(
                "import json,sys; d=json.load(sys.stdin)['data']; print(json.dumps({'text': open(d['path']).read(), 'keys': sorted(d)}))",
            );
            with["data"] = stage.store("x/data.txt", b"body").await.to_value();
            let outputs = done(exec(&stage, with).await);
            assert_eq!(outputs["text"], "body");
            assert_eq!(outputs["keys"], json!(["bytes", "media_type", "name", "path", "sha256"]));
        }),
        case("answers that are no JSON object are refused", |stage| async move {
            for (source, code) in [
                ("pass", "output_json"),
                ("print('hello')", "output_json"),
                ("print('[1]')", "output_json"),
                ("print('{} {}')", "output_json"),
                ("print('{\"a\":' + '['*101 + ']'*101 + '}')", "output_json"),
                ("print('{\"confidence\": 1.5}')", "output_confidence"),
                ("print('{\"confidence\": \"high\"}')", "output_confidence"),
                ("print('{\"exit_code\": 7}')", "output_reserved"),
                ("import sys; sys.exit(9)", "exit"),
            ] {
                assert_eq!(failed(exec(&stage, python(source)).await).code, code, "{source}");
            }
        }),
    ]
}

fn installed() -> Vec<Case> {
    vec![
        case("an installed executable is an action", |stage| async move {
            let folder = tempfile::tempdir().unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            let program = folder.path().join("words.py");
            fs::write(&program, "#!/usr/bin/env python3\nimport json, sys\ngiven = json.load(sys.stdin)\nprint(json.dumps({'count': len(open(given['text']).read().split())}))\n").unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let spec = json!({
                "name": "words.count", "summary": "Counts words.", "program": "words.py", "runs_code": true,
                "with": {
                    "type": "object", "additionalProperties": false, "required": ["text"],
                    "properties": {"text": {"type": "string", "format": "path"}, "deep": {"type": "integer"}},
                },
                "outputs": {"count": {"type": "integer"}},
            });
            fs::write(folder.path().join("words.count.action.json"), spec.to_string()).unwrap();
            let actions = read_folder(folder.path(), &stage.executor.processes).unwrap();
            assert_eq!(actions[0].name(), "words.count");
            let mut registry = Registry::new(&stage.executor.processes);
            registry.add_installed(folder.path(), &stage.executor.processes).unwrap();
            assert!(registry.names().any(|name| name == "words.count"));
            assert!(registry.add_installed(folder.path(), &stage.executor.processes).is_err());

            let file = stage.store("a.txt", b"one two three").await;
            let worker = stage.another(registry);
            let assignment = stage.assignment("words.count", json!({"text": file.to_value()}));
            let outputs =
                done(worker.execute(&assignment, &candor_worker::executor::Brake::default()).await.unwrap().outcome);
            assert_eq!(outputs["count"], 3);
            for wrong in
                [json!({"text": file.to_value(), "other": 1}), json!({"text": file.to_value(), "deep": "x"}), json!({})]
            {
                let assignment = stage.assignment("words.count", wrong);
                let outcome =
                    worker.execute(&assignment, &candor_worker::executor::Brake::default()).await.unwrap().outcome;
                assert_eq!(failed(outcome).code, "with");
            }
        }),
        case("a broken declaration is said to be broken", |stage| async move {
            for (text, word) in [
                ("{", "EOF"),
                ("{\"name\": \"a\", \"summary\": \"\", \"with\": {}}", "program"),
                ("{\"name\": \"a\", \"summary\": \"\", \"with\": {}, \"program\": \"../x\"}", "without a folder"),
                ("{\"name\": \"b\", \"summary\": \"\", \"with\": {}, \"program\": \"x\"}", "its file is not"),
            ] {
                let folder = tempfile::tempdir().unwrap();
                fs::write(folder.path().join("a.action.json"), text).unwrap();
                let error = read_folder(folder.path(), &stage.executor.processes).unwrap_err().to_string();
                assert!(error.contains(word) && error.contains("a.action.json"), "{error}");
            }
        }),
    ]
}
