//! Bad workflows and bad inputs, through the binary: a clear error, the right code, never a panic, nothing begun.

use candor_tests::{both, command, ended, home, printed, run, shown, write};
use serde_json::Value;

/// The smallest workflow that runs.
const SMALL: &str = "name: small\ntasks:\n  - { id: a, uses: noop }\n";
/// A workflow with an input of each kind that a command line often gives.
const TYPED: &str = r#"name: typed
inputs:
  count: { type: integer, default: 1 }
  name: { type: string, pattern: "[a-z]+", default: ada }
  day: { type: date, default: "2026-01-31" }
  wait: { type: duration, default: 5s }
  source: { type: file }
tasks:
  - id: a
    uses: noop
    with: { count: "${{ inputs.count }}", name: "${{ inputs.name }}" }
"#;

/// Asserts that `run` and `validate` refuse a document with this code at this line, and that `run` begins nothing.
#[track_caller]
fn refused(document: &[u8], code: &str, line: u64) {
    let home = home();
    write(home.path(), "w.yaml", document);
    for word in ["validate", "run"] {
        let output = run(home.path(), &[word, "w.yaml"]);
        ended(&output, 2);
        assert!(output.stdout.is_empty(), "{word} prints something to stdout: {}", both(&output));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("[{code}]")), "{word} does not say {code}: {said}");
        assert!(said.contains(&format!("w.yaml:{line}:")), "{word} does not name line {line}: {said}");
    }
    assert!(!home.path().join("runs").exists(), "a run directory was made");
    let output = run(home.path(), &["validate", "w.yaml", "--json"]);
    ended(&output, 2);
    let told = printed(&output);
    assert_eq!(told["valid"], false);
    let found = told["diagnostics"].as_array().expect("a list");
    let right = |found: &Value| found["code"] == code && found["line"] == line;
    assert!(found.iter().any(right), "{told:#}");
    let output = run(home.path(), &["run", "w.yaml", "--json"]);
    ended(&output, 2);
    assert_eq!(printed(&output)["error"]["code"], "invalid_workflow");
}

#[test]
fn a_broken_workflow_is_refused_with_its_place() {
    let task = |text: &str| format!("name: w\ntasks:\n  - {{ id: a, uses: noop }}\n{text}\n");
    refused(b"name: w\ntasks: [\n", "syntax", 2);
    refused(b"# nothing\n", "empty", 1);
    refused(b"name: w\nnaem: x\ntasks:\n  - { id: a, uses: noop }\n", "unknown-key", 2);
    refused(b"name: w\ntasks: 7\n", "wrong-type", 2);
    refused(b"tasks:\n  - { id: a, uses: noop }\n", "missing-key", 1);
    refused(task("  - { id: a, uses: noop }").as_bytes(), "duplicate-id", 4);
    refused(task("  - { id: b, uses: noop, needs: c }").as_bytes(), "unknown-need", 4);
    refused(task("  - { id: b, uses: no.such }").as_bytes(), "unknown-action", 4);
    refused(task("  - { id: b, uses: noop, with: { x: '${{ tasks.a.outputs.y }}' } }").as_bytes(), "no-path", 4);
    refused(task("  - { id: b, run: 'echo ${{ 1 + }}' }").as_bytes(), "expression-syntax", 4);
    refused(task("  - { id: b, run: 'echo ${{ inputs.x }}' }").as_bytes(), "unknown-input", 4);
    refused(task("  - { id: b, uses: python, with: { script: gone.py } }").as_bytes(), "missing-file", 4);
}

#[test]
fn a_cycle_is_shown_as_a_path() {
    let text = "name: w\ntasks:\n  - { id: a, uses: noop, needs: c }\n  - { id: b, uses: noop, needs: a }\n  - { id: c, uses: noop, needs: b }\n";
    refused(text.as_bytes(), "cycle", 3);
    let home = home();
    write(home.path(), "w.yaml", text);
    let said = both(&run(home.path(), &["validate", "w.yaml"]));
    assert!(said.contains("`a` → `b` → `c` → `a`"), "{said}");
}

#[test]
fn bombs_and_giants_are_refused_at_once() {
    let mut bomb = String::from("name: w\nx0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
    for level in 1..9 {
        let refs = vec![format!("*x{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("x{level}: &x{level} [{refs}]\n"));
    }
    let home = home();
    write(home.path(), "bomb.yaml", &bomb);
    write(home.path(), "deep.yaml", format!("name: w\ntasks: {}{}\n", "[".repeat(100_000), "]".repeat(100_000)));
    write(home.path(), "deep.json", format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000)));
    write(home.path(), "large.yaml", format!("name: w\n# {}\n", "x".repeat(1024 * 1024)));
    write(home.path(), "giant.yaml", format!("name: w\n# {}\n", "ü".repeat(4 * 1024 * 1024)));
    let sum = vec!["1"; 50_000].join(" + ");
    write(home.path(), "sum.yaml", format!("name: w\ntasks:\n  - {{ id: a, run: 'echo ${{{{ {sum} }}}}' }}\n"));
    let nested = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    write(home.path(), "nested.yaml", format!("name: w\ntasks:\n  - {{ id: a, run: 'echo ${{{{ {nested} }}}}' }}\n"));
    for name in ["bomb.yaml", "deep.yaml", "deep.json", "large.yaml", "giant.yaml", "sum.yaml", "nested.yaml"] {
        for word in ["validate", "plan", "run"] {
            let output = run(home.path(), &[word, name]);
            ended(&output, 2);
            assert!(output.stderr.len() < 100_000, "{word} {name} says {} bytes", output.stderr.len());
        }
    }
}

#[test]
fn a_document_of_just_under_one_mebibyte_is_read() {
    let home = home();
    let text = format!("{SMALL}# {}\n", "x".repeat(1024 * 1024 - SMALL.len() - 10));
    write(home.path(), "w.yaml", text);
    ended(&run(home.path(), &["run", "w.yaml"]), 0);
}

#[test]
fn files_that_are_no_workflow_are_refused() {
    let home = home();
    write(home.path(), "binary.yaml", b"name: \xff\xfe\n");
    std::fs::create_dir(home.path().join("folder.yaml")).expect("a folder");
    for (name, code) in [
        ("binary.yaml", "not_utf8"),
        ("folder.yaml", "unreadable_workflow"),
        ("gone.yaml", "unreadable_workflow"),
        ("count the words", "no_model"),
        ("/dev/null/x.yaml", "unreadable_workflow"),
    ] {
        for word in ["validate", "plan", "run"] {
            let output = run(home.path(), &[word, name, "--json"]);
            ended(&output, 2);
            let error = &printed(&output)["error"];
            assert_eq!(error["code"], code, "{word} {name}");
            assert!(error["message"].as_str().is_some_and(|text| text.len() > 10), "{error}");
            assert!(error["advice"].as_str().is_some_and(|text| text.len() > 10), "{error}");
        }
    }
    // Something endless is read to its limit only.
    let output = run(home.path(), &["validate", "/dev/zero"]);
    ended(&output, 2);
    assert!(!home.path().join("runs").exists());
}

#[test]
fn a_request_in_words_is_refused_with_a_plain_sentence() {
    let home = home();
    let output = run(home.path(), &["run", "count the words of the report"]);
    ended(&output, 2);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("needs a language model") && said.contains("candor new"), "{said}");
    assert!(output.stdout.is_empty());
}

/// Asserts that these arguments after `run typed.yaml` are refused with this code and words, and nothing begins.
#[track_caller]
fn inputs_refused(arguments: &[&str], code: &str, words: &str) {
    let home = home();
    write(home.path(), "typed.yaml", TYPED);
    write(home.path(), "list.json", "[1, 2]");
    write(home.path(), "broken.json", "{\"count\": ");
    write(home.path(), "wrong.yaml", "count: many\n");
    write(home.path(), "strange.yaml", "color: red\n");
    write(home.path(), "latin1.txt", b"gr\xfcn");
    for word in ["run", "validate", "plan"] {
        let all: Vec<&str> = [word, "typed.yaml"].iter().chain(arguments).chain(&["--json"]).copied().collect();
        let output = run(home.path(), &all);
        ended(&output, 2);
        let error = printed(&output)["error"].clone();
        assert_eq!(error["code"], code, "{all:?}: {error}");
        assert!(error["message"].as_str().expect("a text").contains(words), "{all:?}: {error}");
        assert!(!error["advice"].as_str().expect("a text").is_empty(), "{all:?}: {error}");
    }
    assert_eq!(candor_tests::files(&home.path().join("runs")), Vec::<std::path::PathBuf>::new());
}

#[test]
fn wrong_inputs_are_refused_before_anything_begins() {
    inputs_refused(&["-i", "count"], "input_form", "-i count");
    inputs_refused(&["-i", "=7"], "input_form", "=7");
    inputs_refused(&["-i", "count=many"], "invalid_inputs", "`count`");
    inputs_refused(&["-i", "count=1.5"], "invalid_inputs", "`count`");
    inputs_refused(&["-i", "name=ADA"], "invalid_inputs", "`name`");
    inputs_refused(&["-i", "day=2026-02-30"], "invalid_inputs", "`day`");
    inputs_refused(&["-i", "wait=soon"], "invalid_inputs", "`wait`");
    inputs_refused(&["-i", "cuont=1"], "invalid_inputs", "`cuont`");
    inputs_refused(&["-i", "source=gone.csv"], "input_file", "gone.csv");
    inputs_refused(&["-i", "source=."], "input_file", "no file");
    inputs_refused(&["-i", "name=@gone.txt"], "input_file", "gone.txt");
    inputs_refused(&["-i", "name=@latin1.txt"], "input_file", "byte 3");
    inputs_refused(&["-i", "name=@/dev/zero"], "input_file", "larger");
    inputs_refused(&["--inputs", "gone.json"], "inputs_file", "gone.json");
    inputs_refused(&["--inputs", "list.json"], "inputs_file", "list.json");
    inputs_refused(&["--inputs", "broken.json"], "inputs_file", "broken.json");
    inputs_refused(&["--inputs", "wrong.yaml"], "invalid_inputs", "`count`");
    inputs_refused(&["--inputs", "strange.yaml"], "invalid_inputs", "`color`");
    inputs_refused(&["--inputs", "/dev/zero"], "inputs_file", "larger");
}

#[test]
fn every_wrong_value_is_told_at_once() {
    let home = home();
    let text = "name: w\ninputs:\n  who: { type: string, required: true }\n  n: integer\n  day: { type: date, required: true }\n  \
                l: list\n  f: file\ntasks:\n  - { id: a, uses: noop }\n";
    write(home.path(), "w.yaml", text);
    let values = ["n=many", "day=31.1.2024", "l=[", "f=gone.csv", "nn=1", "form"];
    let arguments = values.iter().flat_map(|value| ["-i", value]);
    let all: Vec<&str> = ["run", "w.yaml", "--json"].into_iter().chain(arguments).collect();
    let output = run(home.path(), &all);
    ended(&output, 2);
    let error = printed(&output)["error"].clone();
    assert_eq!(error["code"], "invalid_inputs");
    let said = error["message"].as_str().expect("a text");
    for words in [
        "`n` must be",
        "`day` must be",
        "`l` cannot be read",
        "`f` names gone.csv",
        "no input `nn`",
        "`who` (string) is required",
        "`-i form`",
    ] {
        assert_eq!(said.matches(words).count(), 1, "{words}: {said}");
    }
    assert!(!said.contains("`day` (date) is required"), "{said}");
}

#[test]
fn a_missing_input_is_named() {
    let home = home();
    write(
        home.path(),
        "w.yaml",
        "name: w\ninputs:\n  who: { type: string, required: true }\ntasks:\n  - { id: a, uses: noop }\n",
    );
    let output = run(home.path(), &["run", "w.yaml", "--json"]);
    ended(&output, 2);
    let error = printed(&output)["error"].clone();
    assert_eq!(error["code"], "invalid_inputs");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("`who`")), "{error}");
    assert_eq!(candor_tests::files(&home.path().join("runs")).len(), 0, "something of the run was left");
}

#[test]
fn inputs_come_from_flags_files_and_the_environment() {
    let home = home();
    write(home.path(), "typed.yaml", TYPED);
    write(home.path(), "sub/inputs.yaml", "count: 2\nname: bob\nsource: data.csv\n");
    write(home.path(), "sub/data.csv", "a\n1\n");
    write(home.path(), "seven.txt", "7");
    let count = |arguments: &[&str], variables: &[(&str, &str)]| {
        let runs = tempfile::tempdir_in(home.path()).expect("a folder");
        let all: Vec<&str> =
            ["run", "typed.yaml", "--runs-dir", shown(runs.path())].iter().chain(arguments).copied().collect();
        let mut command = command(home.path(), &all);
        let output = command.envs(variables.iter().copied()).output().expect("the binary can be started");
        ended(&output, 0);
        let summary = candor_tests::document(&candor_tests::run_directory(runs.path()), "summary.json");
        let outputs = &summary["tasks"]["a"]["outputs"];
        (outputs["count"].as_i64().expect("a number"), outputs["name"].as_str().expect("a text").to_owned())
    };
    assert_eq!(count(&[], &[]), (1, "ada".to_owned()));
    assert_eq!(count(&["-i", "count=@seven.txt"], &[]), (7, "ada".to_owned()));
    assert_eq!(count(&["--inputs", "sub/inputs.yaml"], &[]), (2, "bob".to_owned()));
    assert_eq!(count(&["--inputs", "sub/inputs.yaml", "-i", "count=3", "-i", "count=4"], &[]), (4, "bob".to_owned()));
    assert_eq!(count(&[], &[("CANDOR_INPUTS", "sub/inputs.yaml")]), (2, "bob".to_owned()));
    assert_eq!(count(&["-i", "source=sub/data.csv"], &[]), (1, "ada".to_owned()));
}

#[test]
fn a_file_that_leaves_the_folder_is_refused() {
    let home = home();
    write(home.path(), "secret.py", "print('out')\n");
    write(home.path(), "w/flow.yaml", "name: w\ntasks:\n  - { id: a, uses: python, with: { script: link.py } }\n");
    write(home.path(), "w/up.yaml", "name: w\ntasks:\n  - { id: a, uses: python, with: { script: ../secret.py } }\n");
    std::os::unix::fs::symlink("../secret.py", home.path().join("w/link.py")).expect("a link");
    for (name, code, words) in
        [("w/flow.yaml", "missing-file", "link that leaves"), ("w/up.yaml", "outside-path", "../secret.py")]
    {
        let output = run(home.path(), &["run", name]);
        ended(&output, 2);
        let said = both(&output);
        assert!(said.contains(code) && said.contains(words), "{said}");
    }
    assert!(!home.path().join("runs").exists());
}
