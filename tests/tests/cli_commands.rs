//! Every command: its code, its streams, what it prints.

use std::io::Read;
use std::process::Stdio;

use candor_tests::{both, command, document, ended, home, printed, project, run, run_directory, shown, text, write};

fn hello() -> String {
    shown(&project().join("examples/hello.yaml")).to_owned()
}

/// A folder with a finished run of the first example, and its run directory.
fn finished() -> (tempfile::TempDir, String) {
    let home = home();
    ended(&run(home.path(), &["run", &hello()]), 0);
    let directory = shown(&run_directory(&home.path().join("runs"))).to_owned();
    (home, directory)
}

fn plain(output: &std::process::Output) {
    assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "escape sequences: {}", both(output));
}

#[test]
fn run_prints_the_answer_to_stdout_and_everything_else_to_stderr() {
    let home = home();
    let output = run(home.path(), &["run", &hello()]);
    ended(&output, 0);
    plain(&output);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(out.contains("result  complete\n") && out.contains("digest  "), "{out}");
    assert!(err.contains("run directory: ") && err.contains("greet: succeeded"), "{err}");
    assert!(err.contains("task") && err.contains("confidence") && err.contains("duration"), "no table: {err}");
    let output = run(home.path(), &["run", &hello(), "--json", "--runs-dir", "other"]);
    ended(&output, 0);
    let directory = run_directory(&home.path().join("other"));
    assert_eq!(text(&output.stdout), std::fs::read_to_string(directory.join("answer.json")).expect("it is there"));
}

#[test]
fn run_ends_with_the_code_of_its_result() {
    let home = home();
    write(home.path(), "fails.yaml", "name: w\ntasks:\n  - { id: a, run: exit 3 }\n");
    write(
        home.path(),
        "gaps.yaml",
        "name: w\ntasks:\n  - id: a\n    uses: noop\n    checks: [{ assert: \"${{ 1 == 2 }}\", on_fail: warn }]\n",
    );
    for (name, code, result) in [("fails.yaml", 1, "failed"), ("gaps.yaml", 3, "complete_with_gaps")] {
        let output = run(home.path(), &["run", name, "--json"]);
        ended(&output, code);
        assert_eq!(printed(&output)["result"], result);
    }
}

#[test]
fn events_are_told_in_the_order_in_which_they_happened() {
    let home = home();
    write(
        home.path(),
        "w.yaml",
        "name: w\ntasks:\n  - { id: a, uses: noop }\n  - { id: b, uses: noop, needs: a, for_each: [1, 2, 3] }\n  - { id: c, uses: noop, needs: b }\n",
    );
    let output = run(home.path(), &["run", "w.yaml"]);
    ended(&output, 0);
    let said = text(&output.stderr);
    let place = |words: &str| said.find(words).unwrap_or_else(|| panic!("`{words}` is not said: {said}"));
    assert!(place("a: succeeded") < place("b: "), "{said}");
    assert!(place("3 of 3 items") < place("b: succeeded"), "{said}");
    assert!(place("b: succeeded") < place("c: "), "{said}");
}

#[test]
fn validate_says_valid_or_every_diagnostic() {
    let home = home();
    let output = run(home.path(), &["validate", &hello()]);
    ended(&output, 0);
    assert!(text(&output.stdout).ends_with("valid\n"));
    let output = run(home.path(), &["validate", &hello(), "--json"]);
    ended(&output, 0);
    assert_eq!(printed(&output), serde_json::json!({"valid": true, "diagnostics": []}));
    write(home.path(), "w.yaml", "name: w\nx: 1\ny: 2\ntasks:\n  - { id: a, uses: noop }\n");
    let output = run(home.path(), &["validate", "w.yaml", "--json"]);
    ended(&output, 2);
    let told = printed(&output);
    assert_eq!(told["diagnostics"].as_array().map(Vec::len), Some(2), "{told:#}");
    for found in told["diagnostics"].as_array().expect("a list") {
        for field in ["code", "line", "column", "message", "advice", "severity"] {
            assert!(found.get(field).is_some(), "no {field}: {found}");
        }
    }
}

#[test]
fn plan_shows_the_graph_in_three_forms() {
    let home = home();
    let output = run(home.path(), &["plan", &hello()]);
    ended(&output, 0);
    plain(&output);
    let out = text(&output.stdout);
    assert!(out.contains("stage 1") && out.contains("greet") && out.contains("risk "), "{out}");
    let output = run(home.path(), &["plan", &hello(), "--json"]);
    ended(&output, 0);
    let told = printed(&output);
    for field in
        ["valid", "plan_hash", "plan", "stages", "absolute_paths", "secrets", "risk", "unsupported", "diagnostics"]
    {
        assert!(told.get(field).is_some(), "no {field}");
    }
    let output = run(home.path(), &["plan", &hello(), "--dot"]);
    ended(&output, 0);
    let out = text(&output.stdout);
    assert!(out.starts_with("digraph ") && out.contains(" -> ") && out.ends_with("}\n"), "{out}");
    ended(&run(home.path(), &["plan", &hello(), "--dot", "--json"]), 2);
    write(home.path(), "w.yaml", "name: w\ntasks: 1\n");
    let output = run(home.path(), &["plan", "w.yaml", "--json"]);
    ended(&output, 2);
    assert_eq!(printed(&output)["valid"], false);
}

#[test]
fn explain_shows_the_bytes_behind_each_statement() {
    let (home, directory) = finished();
    let output = run(home.path(), &["explain", &directory]);
    ended(&output, 0);
    assert!(text(&output.stdout).starts_with("S1  "));
    let output = run(home.path(), &["explain", &directory, "s1", "--json"]);
    ended(&output, 0);
    let told = printed(&output);
    assert_eq!(told.as_array().map(Vec::len), Some(1));
    assert!(told[0]["spans"][0]["bytes"].is_string(), "{told:#}");
    for (arguments, code, word) in [
        (vec!["explain", directory.as_str(), "S999", "--json"], 2, "no_statement"),
        (vec!["explain", "nowhere", "--json"], 2, "not_a_run_directory"),
        (vec!["explain", home.path().to_str().expect("plain"), "--json"], 1, "does_not_hold"),
    ] {
        let output = run(home.path(), &arguments);
        ended(&output, code);
        assert_eq!(printed(&output)["error"]["code"], word, "{arguments:?}");
    }
}

#[test]
fn verify_compares_the_digest() {
    let (home, directory) = finished();
    let digest =
        document(std::path::Path::new(&directory), "answer.json")["digest"].as_str().expect("a text").to_owned();
    let output = run(home.path(), &["verify", &directory, "--json"]);
    ended(&output, 0);
    let told = printed(&output);
    assert_eq!((&told["verified"], &told["digest"]), (&true.into(), &digest.as_str().into()));
    ended(&run(home.path(), &["verify", &directory, "--digest", &digest]), 0);
    let output = run(home.path(), &["verify", &directory, "--digest", &"0".repeat(64), "--json"]);
    ended(&output, 1);
    assert_eq!(printed(&output)["verified"], false);
    let output = run(home.path(), &["verify", &directory, "--digest", "abc", "--json"]);
    ended(&output, 2);
    assert_eq!(printed(&output)["error"]["code"], "digest_form");
    let output = run(home.path(), &["verify", "nowhere"]);
    ended(&output, 2);
    assert!(output.stdout.is_empty());
}

#[test]
fn schema_and_actions_are_data() {
    let home = home();
    let output = run(home.path(), &["schema"]);
    ended(&output, 0);
    assert!(printed(&output)["$schema"].is_string());
    let output = run(home.path(), &["actions"]);
    ended(&output, 0);
    assert!(text(&output.stdout).contains("csv.read"));
    let output = run(home.path(), &["actions", "csv.read"]);
    ended(&output, 0);
    assert!(text(&output.stdout).starts_with("# csv.read\n"));
    let output = run(home.path(), &["actions", "--json"]);
    ended(&output, 0);
    assert!(printed(&output).as_array().is_some_and(|actions| actions.len() > 10));
    let output = run(home.path(), &["actions", "csv.raed", "--json"]);
    ended(&output, 2);
    let error = printed(&output)["error"].clone();
    assert_eq!(error["code"], "unknown_action");
    assert!(error["advice"].as_str().is_some_and(|advice| advice.contains("csv.read")), "{error}");
    let installed = shown(&project().join("examples/installed-action/actions")).to_owned();
    let output = run(home.path(), &["actions", "--actions-dir", &installed]);
    ended(&output, 0);
    assert!(text(&output.stdout).contains("calendar.workdays"));
    write(home.path(), "bad/x.action.json", "{");
    let output = run(home.path(), &["actions", "--actions-dir", "bad", "--json"]);
    ended(&output, 2);
    assert_eq!(printed(&output)["error"]["code"], "action_declaration");
    ended(&run(home.path(), &["actions", "--actions-dir", "nowhere"]), 5);
}

#[test]
fn new_writes_a_workflow_that_runs_and_never_over_another() {
    let home = home();
    ended(&run(home.path(), &["new"]), 0);
    ended(&run(home.path(), &["validate", "workflow.yaml"]), 0);
    let output = run(home.path(), &["run", "workflow.yaml"]);
    ended(&output, 0);
    let summary = document(&run_directory(&home.path().join("runs")), "summary.json");
    assert_eq!(summary["outputs"]["words"], 4);
    let before = std::fs::read(home.path().join("workflow.yaml")).expect("it is there");
    let output = run(home.path(), &["new"]);
    ended(&output, 2);
    assert!(text(&output.stderr).contains("[exists]"));
    assert_eq!(std::fs::read(home.path().join("workflow.yaml")).expect("it is there"), before);
    ended(&run(home.path(), &["new", "no/such/folder.yaml"]), 5);
}

#[test]
fn completions_come_for_every_shell() {
    let home = home();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(home.path(), &["completions", shell]);
        ended(&output, 0);
        assert!(text(&output.stdout).contains("validate"), "{shell}");
        assert!(output.stderr.is_empty(), "{shell}");
    }
    ended(&run(home.path(), &["completions", "tcsh"]), 2);
}

#[test]
fn a_reader_that_went_away_is_no_panic() {
    let (home, directory) = finished();
    let hello = hello();
    for arguments in [
        &["schema"] as &[&str],
        &["actions", "--json"],
        &["completions", "zsh"],
        &["--help"],
        &["plan", &hello],
        &["explain", &directory],
        &["verify", &directory],
        &["run", &hello, "--json"],
    ] {
        let mut child = command(home.path(), arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        let status = child.wait().expect("it ends");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        assert_eq!(status.code(), Some(0), "{arguments:?}: {said}");
    }
    // Nobody who listens on either side.
    let mut child = command(home.path(), &["run", &hello])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn mistakes_on_the_command_line_are_json_for_those_who_ask() {
    let home = home();
    for arguments in
        [&["run", "--fly", "--json"] as &[&str], &["fly", "--json"], &["run", "--json", "--concurrency", "0"]]
    {
        let output = run(home.path(), arguments);
        ended(&output, 2);
        assert_eq!(printed(&output)["error"]["code"], "usage", "{arguments:?}");
    }
    let output = run(home.path(), &["run", "--json"]);
    ended(&output, 2);
    assert_eq!(printed(&output)["error"]["code"], "no_workflow");
}

#[test]
fn flags_can_be_said_by_the_environment() {
    let home = home();
    let hello = hello();
    let with = |arguments: &[&str], name: &str, value: &str| {
        command(home.path(), arguments).env(name, value).output().expect("the binary can be started")
    };
    let output = with(&["validate", &hello], "CANDOR_JSON", "1");
    ended(&output, 0);
    assert_eq!(printed(&output)["valid"], true);
    let output = with(&["validate", &hello], "CANDOR_JSON", "false");
    ended(&output, 0);
    assert!(text(&output.stdout).ends_with("valid\n"));
    let output = with(&["run", &hello], "CANDOR_RUNS_DIR", "elsewhere");
    ended(&output, 0);
    run_directory(&home.path().join("elsewhere"));
    for (name, value) in [("CANDOR_LOG_FORMAT", "xml"), ("CANDOR_LOG", "a=b=c")] {
        let output = with(&["validate", &hello, "--json"], name, value);
        ended(&output, 2);
        assert_eq!(printed(&output)["error"]["code"], "settings", "{name}");
    }
    let output = command(home.path(), &["run", &hello, "--json"])
        .envs([("CANDOR_LOG", "debug"), ("CANDOR_LOG_FORMAT", "json")])
        .output()
        .expect("the binary can be started");
    ended(&output, 0);
    assert_eq!(printed(&output)["result"], "complete");
    let said = text(&output.stderr);
    let logs = said.lines().filter(|line| line.starts_with('{'));
    let right =
        logs.filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line["level"].is_string()));
    assert!(right.count() > 0, "no log line is JSON: {said}");
}

#[test]
fn two_runs_at_the_same_time_do_not_meet() {
    let home = home();
    let hello = hello();
    let mut children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = command(home.path(), &["run", &hello, "--json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary can be started")
        })
        .collect();
    let mut digests = std::collections::BTreeSet::new();
    for child in &mut children {
        let mut out = String::new();
        child.stdout.take().expect("a pipe").read_to_string(&mut out).expect("text");
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
        let answer: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        digests.insert(answer["digest"].as_str().expect("a text").to_owned());
    }
    assert_eq!(digests.len(), 1);
    assert_eq!(candor_tests::run_directories(&home.path().join("runs")).len(), 4);
}
