//! What `shell` promises to those who mean well.

use candor_proto::{ErrorClass, ValueType};
use serde_json::json;

use crate::stage::{Case, case, done, expect_code};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("shell gives exact text and the exit code", |stage| async move {
            let outputs = done(stage.shell("printf 'a\\n\\n'; printf 'ü' >&2").await);
            assert_eq!(outputs["stdout"], "a\n\n");
            assert_eq!(outputs["stderr"], "ü");
            assert_eq!(outputs["exit_code"], 0);
            assert_eq!(outputs["files"], json!([]));
        }),
        case("shell stops at the first command that fails and at unset variables", |stage| async move {
            let error = expect_code(stage.shell("echo before >&2; false; echo after").await, "exit");
            assert_eq!(error.message, "exited with 1");
            assert_eq!(error.detail.as_deref(), Some("before\n"));
            expect_code(stage.shell("echo $undefined").await, "exit");
            expect_code(
                stage.execute(&stage.assignment("shell", json!({"shell": "bash", "run": "false | true"}))).await,
                "exit",
            );
        }),
        case("shell accepts the exit codes that it was told to", |stage| async move {
            let with = json!({"run": "exit 3", "ok_exit_codes": [0, 3]});
            assert_eq!(done(stage.execute(&stage.assignment("shell", with)).await)["exit_code"], 3);
            assert_eq!(expect_code(stage.shell("exit 3").await, "exit").message, "exited with 3");
        }),
        case("shell reads text and files from standard input", |stage| async move {
            let with = json!({"run": "cat | wc -c; cat", "stdin": "hello"});
            assert_eq!(done(stage.execute(&stage.assignment("shell", with)).await)["stdout"], "5\n");
            let file = stage.store("deep/below/data.txt", b"some bytes").await;
            let with = json!({"run": "cat", "stdin": file});
            assert_eq!(done(stage.execute(&stage.assignment("shell", with)).await)["stdout"], "some bytes");
            assert_eq!(done(stage.shell("cat").await)["stdout"], "");
        }),
        case("shell hands arguments over untouched", |stage| async move {
            let file = stage.store("data.txt", b"x").await;
            let with = json!({"run": "for a in \"$@\"; do printf '[%s]' \"$a\"; done", "args": ["a b", "$(id)", 7, null, "-n", file, [1]]});
            let outputs = done(stage.execute(&stage.assignment("shell", with)).await);
            assert_eq!(outputs["stdout"], "[a b][$(id)][7][][-n][in/data.txt][[1]]");
        }),
        case("shell runs a file of the plan, and the plan's files lie under their paths", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"file": "scripts/go.sh", "args": ["one"]}));
            stage.with_file(&mut assignment, "scripts/go.sh", b"cat data/in.txt; echo $1; touch scripts/own").await;
            stage.with_file(&mut assignment, "data/in.txt", b"input\n").await;
            assert_eq!(done(stage.execute(&assignment).await)["stdout"], "input\none\n");
        }),
        case("a long script runs like a short one", |stage| async move {
            let script = format!("echo first\n{}echo last", "# a comment\n".repeat(20_000));
            assert_eq!(done(stage.shell(&script).await)["stdout"], "first\nlast\n");
        }),
        case("the environment is what the language says and nothing else", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"run": "env | sort"}));
            assignment.env.insert("GREETING".into(), "hi there".into());
            assignment.env.insert("CANDOR_TASK".into(), "a lie".into());
            let outputs = done(stage.execute(&assignment).await);
            let names: Vec<&str> =
                outputs["stdout"].as_str().unwrap().lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
            let expected = [
                "CANDOR_ATTEMPT",
                "CANDOR_IDEMPOTENCY_KEY",
                "CANDOR_JOB",
                "CANDOR_OUT",
                "CANDOR_OUTPUT",
                "CANDOR_TASK",
                "GREETING",
                "HOME",
                "LANG",
                "PATH",
                "PWD",
            ];
            assert_eq!(names, expected);
            assert!(outputs["stdout"].as_str().unwrap().contains("CANDOR_TASK=step\n"));
            let outputs =
                done(stage.shell("test \"$HOME\" = \"$(pwd -P)\" && test -d \"$CANDOR_OUT\" && echo $LANG").await);
            assert_eq!(outputs["stdout"], "C.UTF-8\n");
        }),
        case("keys of the output object become outputs and their types are checked", |stage| async move {
            let script = r#"echo '{"count": 3, "list": [1, "é"]}' > "$CANDOR_OUTPUT""#;
            let mut assignment = stage.assignment("shell", json!({"run": script}));
            assignment.outputs.insert("count".into(), ValueType::Integer);
            let outputs = done(stage.execute(&assignment).await);
            assert_eq!((&outputs["count"], &outputs["list"]), (&json!(3), &json!([1, "é"])));
            assignment.outputs.insert("count".into(), ValueType::String);
            let wrong = expect_code(stage.execute(&assignment).await, "output_type");
            assert_eq!(wrong.class, ErrorClass::Validation, "the same input gives the same type again");
            assignment.outputs.insert("other".into(), ValueType::String);
            assignment.outputs.remove("count");
            expect_code(stage.execute(&assignment).await, "output_missing");
        }),
        case("a span of time is given in any of its forms and handed on in seconds", |stage| async move {
            for (given, kept) in [("1h30m", "5400s"), ("PT90S", "90s"), ("250ms", "0.25s"), ("7d", "604800s")] {
                let script = format!("echo '{{\"wait\": \"{given}\"}}' > \"$CANDOR_OUTPUT\"");
                let mut assignment = stage.assignment("shell", json!({"run": script}));
                assignment.outputs.insert("wait".into(), ValueType::Duration);
                assert_eq!(done(stage.execute(&assignment).await)["wait"], kept, "{given}");
            }
            for (kind, given, wanted) in [
                (ValueType::Duration, "\"90\"", "like `30s`, `1h30m` or `7d`"),
                (ValueType::Duration, "90", "like `30s`, `1h30m` or `7d`"),
                (ValueType::Date, "\"31.1.2024\"", "as `2024-01-31`"),
            ] {
                let script = format!("echo '{{\"wait\": {given}}}' > \"$CANDOR_OUTPUT\"");
                let mut assignment = stage.assignment("shell", json!({"run": script}));
                assignment.outputs.insert("wait".into(), kind);
                let wrong = expect_code(stage.execute(&assignment).await, "output_type");
                assert!(wrong.advice.unwrap().contains(wanted), "{given}");
            }
        }),
        case("what is said of a failure does not depend on where and how fast the attempt ran", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"run": "sleep 60"}));
            assignment.timeout_ms = 300;
            assert_eq!(expect_code(stage.execute(&assignment).await, "timeout").message, "did not end within 300 ms");
            let error = expect_code(stage.shell("pwd >&2; ls $PWD/nothing/x >&2 || exit 7").await, "exit");
            let detail = error.detail.unwrap();
            assert!(detail.starts_with(".\n") && detail.contains("nothing/x") && !detail.contains("//"), "{detail}");
        }),
        case("files below out are found by their paths, sorted", |stage| async move {
            let script =
                "mkdir -p $CANDOR_OUT/b; echo 2 > out/b/two.csv; echo 1 > out/a.txt; : > out/empty; echo x > elsewhere";
            let outputs = done(stage.shell(script).await);
            let files = outputs["files"].as_array().unwrap();
            let names: Vec<_> = files.iter().map(|file| file["name"].as_str().unwrap()).collect();
            assert_eq!(names, ["a.txt", "b/two.csv", "empty"]);
            assert_eq!(files[1]["media_type"], "text/csv");
            assert_eq!(stage.body(&files[1]).await, b"2\n");
        }),
        case("long text becomes a file value", |stage| async move {
            let outputs = done(stage.shell("yes 0123456789 | head -c 200000").await);
            assert_eq!(outputs["stdout"]["bytes"], 200_000);
            assert_eq!(outputs["stdout"]["name"], "stdout");
            assert!(stage.body(&outputs["stdout"]).await.starts_with(b"0123456789\n01"));
        }),
        case("text of exactly the limit stays text", |stage| async move {
            let outputs = done(stage.shell("head -c 65536 /dev/zero | tr '\\0' x").await);
            assert_eq!(outputs["stdout"].as_str().unwrap().len(), 65_536);
        }),
        case("a secret is masked wherever it comes out", |stage| async move {
            let script =
                "echo \"got $TOKEN\"; echo \"$TOKEN\" >&2; echo \"{\\\"k\\\": \\\"$TOKEN\\\"}\" > $CANDOR_OUTPUT";
            let mut assignment = stage.assignment("shell", json!({"run": script}));
            assignment.env.insert("TOKEN".into(), "@@candor-secret:TOKEN@@".into());
            let outputs = done(stage.execute(&assignment).await);
            assert_eq!(
                (&outputs["stdout"], &outputs["stderr"], &outputs["k"]),
                (&json!("got ***\n"), &json!("***\n"), &json!("***"))
            );
            let mut assignment = stage.assignment("shell", json!({"run": "echo \"$TOKEN\" >&2; exit 4"}));
            assignment.env.insert("TOKEN".into(), "@@candor-secret:TOKEN@@".into());
            assert_eq!(expect_code(stage.execute(&assignment).await, "exit").detail.as_deref(), Some("***\n"));
            let mut assignment = stage.assignment("shell", json!({"run": "yes \"$TOKEN\" | head -c 100000"}));
            assignment.env.insert("TOKEN".into(), "@@candor-secret:TOKEN@@".into());
            let body = stage.body(&done(stage.execute(&assignment).await)["stdout"]).await;
            assert!(!String::from_utf8(body).unwrap().contains("hunter2"));
            let assignment = stage.assignment("shell", json!({"run": "true", "stdin": "@@candor-secret:NOBODY@@"}));
            expect_code(stage.execute(&assignment).await, "secret_missing");
        }),
        case("a wrong with is said to be wrong", |stage| async move {
            for with in [
                json!({}),
                json!({"run": "true", "file": "a"}),
                json!({"run": 1}),
                json!({"rnu": "true"}),
                json!({"run": "true", "stdin": 5}),
            ] {
                let error = expect_code(stage.execute(&stage.assignment("shell", with)).await, "with");
                assert_eq!(error.class, candor_proto::ErrorClass::Validation);
            }
            expect_code(stage.execute(&stage.assignment("shell", json!({"file": "../../etc/passwd"}))).await, "path");
        }),
        case("usage is measured", |stage| async move {
            let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
            let report = stage.report(&stage.assignment("shell", json!({"run": script}))).await;
            assert!(report.usage.cpu_ms > 0 && report.usage.max_rss_bytes > 100_000, "{:?}", report.usage);
            done(report.outcome);
        }),
    ]
}
