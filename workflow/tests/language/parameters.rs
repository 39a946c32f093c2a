//! Parameters of actions: what this build cannot execute of them, and rules for rows.

use candor_proto::plan::Plan;
use candor_workflow::{Files, Mode, file_fact};

use crate::stage::{compiled, errors, places, run};

const IMPORT: &str = r#"name: import
files: [a.csv]
tasks:
  - { id: ingest, uses: csv.read, with: { path: a.csv } }
  - id: anomalies
    needs: ingest
    uses: csv.anomalies
    with:
      rows: ${{ tasks.ingest.outputs.rows }}
      method: isolation_forest
  - id: deadlines
    needs: ingest
    uses: python
    with:
      function: sol.deadlines:compute
      repo: https://example.org/code.git
      ref: main
      venv: .venv
  - id: export
    needs: ingest
    uses: output.write
    with:
      rows: ${{ tasks.ingest.outputs.rows }}
      formats: [csv, xml, parquet]
      compress: zstd
      encrypt: { recipients: "${{ secrets.RECIPIENT }}" }
"#;

fn files() -> Files {
    let mut files = Files::default();
    files.facts.insert("a.csv".to_owned(), file_fact(b"a,b\n1,2\n".to_vec()));
    files.facts.insert("rules.yaml".to_owned(), file_fact(b"- { id: r, assert: inputs.x > 1 }\n".to_vec()));
    files
}

fn with(plan: &Plan, task: &str) -> serde_json::Value {
    let task = plan.tasks.iter().find(|found| found.id == task).unwrap();
    serde_json::to_value(task).unwrap()["with"].clone()
}

#[test]
fn fields_and_words_that_are_not_in_this_build_are_named_where_they_stand() {
    let executed = compiled(IMPORT, &files(), Mode::Execute);
    assert!(executed.plan.is_none());
    let expected = [
        ("with.method: isolation_forest", 10, 15),
        ("with.repo", 16, 7),
        ("with.ref", 17, 7),
        ("with.venv", 18, 7),
        ("with.formats: xml", 24, 22),
        ("with.formats: parquet", 24, 27),
        ("with.compress", 25, 7),
        ("with.encrypt", 26, 7),
    ];
    let found: Vec<_> =
        executed.diagnostics.iter().map(|found| (found.code.as_str(), found.line, found.column)).collect();
    assert_eq!(found, expected.map(|(_, line, column)| ("unsupported", line, column)), "{:#?}", executed.diagnostics);
    for ((part, ..), found) in expected.iter().zip(&executed.diagnostics) {
        assert!(found.message.starts_with(&format!("`{part}`")) && !found.advice.is_empty(), "{found:?}");
    }
    assert_eq!(executed.facts.unsupported, expected.map(|(part, ..)| part));
    let validated = compiled(IMPORT, &files(), Mode::Validate);
    assert_eq!(errors(&validated), Vec::<String>::new());
    assert!(validated.plan.is_some());
}

#[test]
fn words_that_nobody_knows_are_still_errors_of_the_parameter() {
    for (from, to) in [("isolation_forest", "isolation_florest"), ("xml", "xmll"), ("compress:", "compres:")] {
        let compiled = compiled(&IMPORT.replace(from, to), &files(), Mode::Validate);
        assert!(errors(&compiled).iter().any(|error| error.contains("invalid-with")), "{to}: {:?}", errors(&compiled));
    }
}

fn rules(rules: &str) -> String {
    format!(
        "name: x\nfiles: [a.csv]\ninputs: {{ x: {{ type: integer, default: 1 }} }}\ntasks:\n  - {{ id: a, uses: csv.read, with: {{ path: a.csv }} }}\n  - id: b\n    needs: a\n    uses: csv.validate\n    with:\n      rows: ${{{{ tasks.a.outputs.rows }}}}\n      rules: {rules}\n"
    )
}

#[test]
fn rules_in_the_workflow_reach_the_action_as_bare_expressions() {
    for assert in ["row.a > 0", "\"${{ row.a > 0 }}\""] {
        let text = rules(&format!("[{{ id: r, assert: {assert}, message: \"not ${{{{ inputs.x }}}}\" }}]"));
        let compiled = compiled(&text, &files(), Mode::Execute);
        assert_eq!(errors(&compiled), Vec::<String>::new());
        let rule = &with(&compiled.plan.unwrap(), "b")["rules"][0];
        assert_eq!((&rule["assert"], &rule["message"]), (&"row.a > 0".into(), &"not ${{ inputs.x }}".into()));
    }
}

#[test]
fn an_expression_of_a_rule_is_checked_where_it_stands() {
    for (text, code) in [
        ("[{ id: r, assert: row.a > }]", "expression-syntax"),
        ("[{ id: r, assert: inputs.x > 1 }]", "unknown-name"),
        ("[{ id: r, assert: other.x > 1 }]", "unknown-name"),
        ("[{ id: r, assert: tasks.a.outputs.rows_in > 1 }]", "no-path"),
        ("[{ id: r, assert: row.a.nosuch() }]", "unknown-function"),
        ("rules.yaml", "invalid-rules"),
    ] {
        let compiled = compiled(&rules(text), &files(), Mode::Execute);
        assert!(compiled.plan.is_none(), "{text}");
        let found = places(&compiled);
        assert!(
            found.iter().all(|(found, line, _)| found == code && *line == 11),
            "{text}: {:?}",
            compiled.diagnostics
        );
    }
    assert!(run(&rules("nowhere.yaml")).plan.is_none());
}
