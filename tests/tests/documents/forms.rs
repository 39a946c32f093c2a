//! `summary.json` and `answer.json` of real runs against the schemas that `docs/` gives out.

use std::fs;
use std::path::{Path, PathBuf};

use candor_tests::{project, run, tree};
use candor_workflow::validator::Validator;
use serde_json::Value;

/// A workflow with everything that a summary can tell of: items that fail, stops, skips, gaps, errors, outputs.
const OF_ALL_KINDS: &str = r#"
name: of-all-kinds
inputs:
  letters: { type: list, default: [a, b, c] }
tasks:
  - id: fan
    for_each: ${{ inputs.letters }}
    fail: { tolerate: 1 }
    run: test "${{ item }}" != b || { echo no >&2; exit 3; }
  - id: broken
    run: exit 4
    retry: { max_attempts: 2, backoff: constant, delay: 10ms }
  - id: behind
    needs: broken
    run: echo never
  - id: mend
    needs: broken
    when: ${{ failed('broken') }}
    run: printf 'mended'
  - id: quiet
    when: ${{ 1 > 2 }}
    run: echo never
  - id: doubtful
    run: printf 'fine'
    checks:
      - { assert: "${{ outputs.stdout == 'better' }}", on_fail: warn }
assemble:
  summary: [mend, doubtful, fan]
outputs:
  said: ${{ tasks.mend.outputs.stdout }}
"#;

fn schema(name: &str) -> Validator {
    let mut schema: Value = serde_json::from_str(&tree::text(&format!("docs/{name}.schema.json"))).expect("JSON");
    // Readers ignore names that they do not know; here each one must be described.
    close(&mut schema);
    Validator::new(&schema).expect("a JSON Schema")
}

/// Allows no property that an object's schema does not list.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Runs a workflow and gives its run directory.
fn run_directory(folder: &Path, arguments: &[&str]) -> PathBuf {
    let runs = folder.join("runs");
    let runs_text = runs.to_str().expect("a plain path");
    let output = run(&project(), &[&["run", "--runs-dir", runs_text], arguments].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    let mut found: Vec<PathBuf> = fs::read_dir(&runs)
        .unwrap_or_else(|error| panic!("nothing was run: {error}\n{said}"))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(found.len(), 1, "{said}");
    found.remove(0)
}

fn assert_described(directory: &Path) {
    for name in ["summary", "answer"] {
        let text = fs::read_to_string(directory.join(format!("{name}.json"))).expect("it was written");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        schema(name).check(&document).unwrap_or_else(|reason| panic!("{name}.json {reason}"));
    }
}

#[test]
fn the_forms_of_a_complete_job_are_described() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let inputs = "examples/sol-import/sol-import.inputs.json";
    assert_described(&run_directory(folder.path(), &["examples/sol-import/sol-import.yaml", "--inputs", inputs]));
}

#[test]
fn the_forms_of_a_job_with_gaps_are_described() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let workflow = folder.path().join("of-all-kinds.yaml");
    fs::write(&workflow, OF_ALL_KINDS).expect("written");
    let directory = run_directory(folder.path(), &[workflow.to_str().expect("a plain path")]);
    assert_described(&directory);
    let text = fs::read_to_string(directory.join("summary.json")).expect("it was written");
    let summary: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(summary["result"], "complete_with_gaps", "{summary:#}");
    assert_eq!(summary["tasks"]["behind"]["caused_by"], "broken");
    assert_eq!(summary["tasks"]["fan"]["items"]["failures"][0]["key"], "b");
    assert_eq!(summary["tasks"]["quiet"]["state"], "skipped");
}

#[test]
fn the_story_tells_each_failed_attempt_with_its_reason() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let workflow = folder.path().join("of-all-kinds.yaml");
    fs::write(&workflow, OF_ALL_KINDS).expect("written");
    let directory = run_directory(folder.path(), &[workflow.to_str().expect("a plain path")]);
    let story = fs::read_to_string(directory.join("run.log")).expect("it was written");
    let told = story.lines().filter(|line| line.contains("  broken ") && line.contains("exited with 4")).count();
    assert_eq!(told, 2, "{story}");
}
