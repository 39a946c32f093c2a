//! What a good document compiles to.

use candor_proto::plan::{CheckRule, FailPolicy, OnFail, Over, Priority};
use candor_workflow::catalogue::Risk;
use candor_workflow::{Files, Mode, Source, file_fact, wanted};
use serde_json::json;

use crate::stage::{catalogue, compiled, documents, errors, folder, gathered, places, run};

#[test]
fn good_documents_compile_without_a_word() {
    for (name, text) in documents("valid") {
        let files = gathered(&text, &folder("valid"));
        let compiled = compiled(&text, &files, Mode::Execute);
        assert_eq!(places(&compiled), [], "{name}: {:#?}", compiled.diagnostics);
        let plan = compiled.plan.unwrap();
        let again: candor_proto::Plan = serde_json::from_value(serde_json::to_value(&plan).unwrap()).unwrap();
        assert_eq!(again, plan, "{name}");
    }
}

#[test]
fn the_whole_language_arrives_in_the_plan() {
    let text = std::fs::read_to_string(folder("valid").join("whole.yaml")).unwrap();
    let compiled = compiled(&text, &gathered(&text, &folder("valid")), Mode::Execute);
    let plan = compiled.plan.unwrap();
    assert_eq!(plan.version.as_deref(), Some("1.10"));
    assert_eq!(plan.priority, Priority::High);
    assert_eq!(plan.budget.wall_clock_ms, Some(45 * 60_000));
    assert_eq!(plan.env["RATE"], "1.50");
    assert_eq!(plan.inputs["zip"].default, Some(json!("01234")));
    assert_eq!(plan.inputs["limit"].default, Some(json!(1000.0)));
    assert_eq!(plan.inputs["since"].default, Some(json!("1800s")));
    assert_eq!(plan.files.keys().collect::<Vec<_>>(), ["files/totals.py", "rows.schema.json", "rules.yaml"]);
    let task = |id: &str| plan.tasks.iter().find(|task| task.id == id).unwrap();
    let each = task("each");
    assert_eq!(each.fan_out.as_ref().unwrap().fail, FailPolicy::ToleratePercent(5.0));
    assert_eq!((each.timeout_ms(), each.pool(), each.priority), (90_000, "large", Some(Priority::Low)));
    assert_eq!((each.limits.memory_bytes, each.limits.processes), (Some(1 << 30), Some(64)));
    assert_eq!((task("say").timeout_ms(), task("say").pool(), task("say").retry.max_attempts), (600_000, "small", 3));
    let ingest = task("ingest");
    assert_eq!(
        ingest.checks[0].rule,
        CheckRule::Assert("outputs.rows_in == outputs.rows_ok + outputs.rows_rejected".into())
    );
    assert_eq!((ingest.checks[0].on_fail, ingest.checks[1].on_fail), (OnFail::Fail, OnFail::Warn));
    let Over::Matrix(lists) = &task("grid").fan_out.as_ref().unwrap().over else { panic!("no matrix") };
    assert_eq!(lists.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["os", "n", "w"]);
    let mend = task("mend");
    assert_eq!(
        (mend.needs.all.as_slice(), mend.needs.any.len()),
        (["grid".to_owned(), "my-check".to_owned()].as_slice(), 2)
    );
    assert_eq!(mend.when.as_deref(), Some("failed('flaky')"));
    assert_eq!(mend.env["CANDOR_E1"], "${{ inputs.zip }}");
    assert_eq!(mend.with["run"], json!("printf '%s' \"${CANDOR_E1}\"\necho \"${CANDOR_E2}\" $LEVEL\n"));
    assert_eq!(compiled.facts.secrets, ["TOKEN"]);
    assert_eq!(compiled.facts.risk, Risk::Medium);
}

#[test]
fn older_styles_mean_the_same_plan() {
    let old = "name: x\ntasks:\n  a: { plugin: noop, config: { v: 1 } }\n  b: { run: 'true', dependencies: [a], if: '${{ true }}' }\n";
    let new = "name: x\ntasks:\n- { id: a, uses: noop, with: { v: 1 } }\n- { id: b, run: 'true', needs: a, when: '${{ true }}' }\n";
    let (old, new) = (run(old), run(new));
    assert_eq!(errors(&old), Vec::<String>::new());
    assert_eq!(old.plan.unwrap().hash(), new.plan.unwrap().hash());
}

#[test]
fn a_document_means_the_same_as_yaml_and_as_json() {
    let yaml = "name: x\ntasks:\n  - id: a\n    run: |\n      echo ${{ run.id }}\n";
    let json = json!({"name": "x", "tasks": [{"id": "a", "run": "echo ${{ run.id }}\n"}]}).to_string();
    assert_eq!(run(yaml).plan.unwrap(), run(&json).plan.unwrap());
}

#[test]
fn the_hash_covers_every_file() {
    let text = "name: x\nfiles: ['*.py']\ntasks: [{ id: a, run: python3 a.py }]\n";
    let hash = |content: &[u8]| {
        let mut files = Files::default();
        files.facts.insert("a.py".to_owned(), file_fact(content.to_vec()));
        compiled(text, &files, Mode::Execute).plan.unwrap().hash()
    };
    assert_ne!(hash(b"print(1)"), hash(b"print(2)"));
    assert_eq!(hash(b"print(1)"), hash(b"print(1)"));
}

#[test]
fn a_client_learns_which_files_to_gather() {
    let text = std::fs::read_to_string(folder("valid").join("whole.yaml")).unwrap();
    let wanted = wanted(&Source { name: "whole.yaml", text: &text }, &catalogue());
    assert_eq!(wanted.globs, ["files/*.py", "./rows.schema.json"]);
    assert_eq!(wanted.paths, ["rows.schema.json", "rules.yaml"]);
}

#[test]
fn an_absolute_path_is_read_on_the_worker_and_listed() {
    let compiled = run("name: x\ntasks: [{ id: a, uses: csv.read, with: { path: /data/rows.csv } }]\n");
    assert_eq!(errors(&compiled), Vec::<String>::new());
    assert_eq!(compiled.facts.absolute_paths, ["/data/rows.csv"]);
    assert!(compiled.plan.unwrap().files.is_empty());
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let mut files = Files::default();
    let problem = candor_workflow::FileFact { problem: Some("leaves the folder".to_owned()), ..Default::default() };
    files.facts.insert("rows.csv".to_owned(), problem);
    let text = "name: x\ntasks:\n- id: a\n  uses: csv.read\n  with: { path: rows.csv }\n";
    let compiled = compiled(text, &files, Mode::Execute);
    assert_eq!(places(&compiled), [("missing-file".to_owned(), 5, 17)]);
    assert!(compiled.diagnostics[0].message.contains("leaves the folder"));
}

#[test]
fn a_broken_schema_in_a_file_is_found_at_the_desk() {
    for (content, wanted) in [
        ("{ \"fields\": [{ \"name\": \"a\", \"type\": \"txt\" }] }", "unknown type `txt`"),
        ("{ \"fields\": [ }", "line 1, column 15"),
        ("{ \"columns\": [] }", "no `fields`"),
    ] {
        let mut files = Files::default();
        files.facts.insert("s.json".to_owned(), file_fact(content.as_bytes().to_vec()));
        files.facts.insert("a.csv".to_owned(), file_fact(Vec::new()));
        let text = "name: x\ntasks: [{ id: a, uses: csv.read, with: { path: a.csv, schema: s.json } }]\n";
        let compiled = compiled(text, &files, Mode::Execute);
        assert_eq!(compiled.diagnostics.len(), 1, "{:#?}", compiled.diagnostics);
        assert!(compiled.diagnostics[0].message.contains(wanted), "{:#?}", compiled.diagnostics);
    }
}

#[test]
fn a_schema_of_outputs_reads_neither_files_nor_the_net() {
    for target in ["file:///etc/passwd", "https://example.com/schema.json"] {
        let text = format!("name: x\ntasks: [{{ id: a, run: 'true', output_schema: {{ $ref: '{target}' }} }}]\n");
        assert_eq!(places(&run(&text)).first().map(|found| found.0.as_str()), Some("invalid-schema"), "{target}");
    }
}
