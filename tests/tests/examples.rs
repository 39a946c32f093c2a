//! Every example is run as `examples/expected.json` says, twice, and comes to the same answer both times.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use candor_tests::{both, document, ended, printed, project, run, run_directory, text};
use serde_json::Value;

/// Numbers agree within this part of the larger one.
const TOLERANCE: f64 = 1e-9;

fn expected() -> Vec<Value> {
    let document = document(&project().join("examples"), "expected.json");
    document["examples"].as_array().expect("a list").clone()
}

fn words(example: &Value) -> Vec<String> {
    let given =
        example["args"].as_array().expect("a list").iter().map(|word| word.as_str().expect("a text").to_owned());
    let command = example["command"].as_str().expect("a text").to_owned();
    let workflow = example["workflow"].as_str().expect("a text").to_owned();
    [command, workflow].into_iter().chain(given).collect()
}

/// Runs an example; its run directories go into `runs`.
fn carried_out(example: &Value, runs: &Path) -> std::process::Output {
    let words = words(example);
    let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
    let place = runs.to_str().expect("a plain path");
    if example["command"] == "run" {
        arguments.extend(["--runs-dir", place]);
    }
    arguments.push("--json");
    run(&project().join("examples"), &arguments)
}

fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(found), Value::Number(wanted)) => {
            let (found, wanted) = (found.as_f64().expect("a number"), wanted.as_f64().expect("a number"));
            (found - wanted).abs() <= TOLERANCE * found.abs().max(wanted.abs())
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| same(found, wanted))
        }
        (Value::Object(found), Value::Object(wanted)) => {
            found.len() == wanted.len()
                && wanted.iter().all(|(name, wanted)| found.get(name).is_some_and(|found| same(found, wanted)))
        }
        (found, wanted) => found == wanted,
    }
}

/// The rows of a table, by the names of its columns.
fn rows(directory: &Path, table: &Value) -> Vec<serde_json::Map<String, Value>> {
    let sha256 = table["sha256"].as_str().unwrap_or_else(|| panic!("no table: {table}"));
    let path = directory.join("artifacts").join(&sha256[..2]).join(&sha256[2..]);
    let body = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let columns: Vec<&str> =
        table["columns"].as_array().expect("columns").iter().filter_map(|column| column["name"].as_str()).collect();
    let row = |line: &str| {
        let values: Vec<Value> = serde_json::from_str(line).expect("a row is a JSON list");
        columns.iter().map(|name| (*name).to_owned()).zip(values).collect()
    };
    body.lines().map(row).collect()
}

fn assert_figures(example: &Value, directory: &Path) {
    let (name, summary) = (&example["workflow"], document(directory, "summary.json"));
    assert_eq!(summary["result"], example["result"], "{name}");
    for (pointer, wanted) in example["summary"].as_object().into_iter().flatten() {
        let found = summary.pointer(pointer).unwrap_or_else(|| panic!("{name}: summary.json has no {pointer}"));
        assert!(same(found, wanted), "{name}: {pointer} is {found}, not {wanted}");
    }
    for (pointer, wanted) in example["tables"].as_object().into_iter().flatten() {
        let table = summary.pointer(pointer).unwrap_or_else(|| panic!("{name}: summary.json has no {pointer}"));
        let column = wanted["column"].as_str().expect("a column");
        let found: Vec<Value> = rows(directory, table).iter().map(|row| row[column].clone()).collect();
        assert_eq!(&Value::Array(found), &wanted["values"], "{name}: {pointer}");
    }
}

/// Every planted fault is found where it must show up, and nothing else is.
fn assert_planted(planted: &Value, directory: &Path) {
    let summary = document(directory, "summary.json");
    let faults = planted["faults"].as_array().expect("a list");
    let shown_in = |kind: &'static str| faults.iter().filter(move |fault| fault["shows_in"] == kind);
    let table = |pointer: &str| rows(directory, summary.pointer(pointer).expect("the table is an output"));

    let found: BTreeSet<String> = table("/outputs/rejected")
        .iter()
        .map(|row| format!("line {} column {} rule {}", row["line"], row["column"], row["rule"]))
        .collect();
    let wanted: BTreeSet<String> = shown_in("rejected")
        .map(|fault| format!("line {} column {} rule {}", fault["line"], fault["column"], fault["found_by"]))
        .collect();
    assert_eq!(found, wanted, "rejected rows");

    let found: BTreeSet<String> =
        table("/outputs/violations").iter().map(|row| format!("row {} rule {}", row["row"], row["rule"])).collect();
    let wanted: BTreeSet<String> = shown_in("violations")
        .map(|fault| format!("row {} rule {}", fault["accepted_row"], fault["found_by"]))
        .collect();
    assert_eq!(found, wanted, "violations");

    let found: BTreeSet<String> = table("/outputs/doubtful")
        .iter()
        .map(|row| format!("rule {} column {}", row["rule_id"], row["column"]))
        .collect();
    let wanted: BTreeSet<String> =
        shown_in("anomalies").map(|fault| format!("rule {} column {}", fault["rule_id"], fault["column"])).collect();
    assert_eq!(found, wanted, "anomalies");

    let counted = found.len() + table("/outputs/rejected").len() + table("/outputs/violations").len();
    assert_eq!(counted, faults.len(), "something was found twice");
}

#[test]
fn every_example_comes_to_what_is_expected_of_it_twice() {
    for example in expected() {
        let home = tempfile::tempdir().expect("a folder");
        let mut digests = BTreeSet::new();
        for round in ["first", "second"] {
            let runs = home.path().join(round);
            let output = carried_out(&example, &runs);
            let code = i32::try_from(example["exit"].as_i64().expect("a code")).expect("a small one");
            ended(&output, code);
            let document = printed(&output);
            for wanted in example["codes"].as_array().into_iter().flatten() {
                let word = wanted.as_str().expect("a text");
                assert!(both(&output).contains(word), "{example} does not say {word}: {}", both(&output));
            }
            if example.get("result").is_none() {
                assert!(!runs.exists(), "{example} left a run directory");
                continue;
            }
            let directory = run_directory(&runs);
            assert_eq!(document, candor_tests::document(&directory, "answer.json"), "{example}");
            assert_figures(&example, &directory);
            if let Some(planted) = example["planted"].as_str() {
                let path = project().join("examples").join(planted);
                let planted = candor_tests::document(path.parent().expect("a folder"), "planted.json");
                assert_planted(&planted, &directory);
            }
            let place = directory.to_str().expect("a plain path");
            let digest = document["digest"].as_str().expect("a digest").to_owned();
            let verified = run(home.path(), &["verify", place, "--digest", &digest]);
            ended(&verified, 0);
            assert!(text(&verified.stdout).contains(&digest));
            digests.insert(digest);
        }
        assert!(digests.len() <= 1, "{example} has another digest the second time: {digests:?}");
    }
}

#[test]
fn every_workflow_among_the_examples_is_expected_to_come_to_something() {
    let examples = project().join("examples");
    let named: BTreeSet<PathBuf> =
        expected().iter().map(|example| examples.join(example["workflow"].as_str().expect("a text"))).collect();
    let data = ["rules", "schemas", "data"].map(std::ffi::OsStr::new);
    let workflows = candor_tests::files(&examples).into_iter().filter(|path| {
        let yaml = path.extension().is_some_and(|extension| extension == "yaml");
        let aside = path.parent().and_then(Path::file_name).is_some_and(|folder| data.contains(&folder));
        yaml && !aside
    });
    let found: BTreeSet<PathBuf> = workflows.collect();
    assert_eq!(found, named);
}
