//! What a document says is what a run does: the language end to end, through the binary.

use std::path::Path;

use candor_tests::{document, ended, home, run, run_directory, shown, write};
use serde_json::{Value, json};

/// The summary of a workflow that ends with this exit code.
#[track_caller]
fn summary(folder: &Path, text: &str, arguments: &[&str], code: i32) -> Value {
    write(folder, "w.yaml", text);
    let _ = std::fs::remove_dir_all(folder.join("runs"));
    let runs = folder.join("runs");
    let own = ["run", "w.yaml", "--runs-dir", shown(&runs)];
    let output = run(folder, &[&own, arguments].concat());
    ended(&output, code);
    document(&run_directory(&runs), "summary.json")
}

#[test]
fn the_environment_reads_the_same_wherever_it_is_read() {
    let home = home();
    let text = "name: env\nenv: { A: 'v,w', N: '${{ inputs.n }}' }\ninputs: { n: { type: integer, default: 3 } }\n\
                fairness_key: '${{ env.A }}'\ntasks:\n\
                - { id: when, uses: noop, when: \"${{ env.A == 'v,w' }}\" }\n\
                - { id: not, uses: noop, when: \"${{ env.A == 'x' }}\" }\n\
                - { id: each, for_each: \"${{ env.A.split(',') }}\", uses: noop, env: { B: '${{ item }}${{ env.N }}' }, with: { x: '${{ env.B }}' } }\n\
                - { id: grid, matrix: { m: \"${{ env.A.split(',') }}\" }, uses: noop, with: { x: '${{ matrix.m }}' } }\n\
                - { id: own, uses: shell, env: { A: '${{ env.A }}x', B: '${{ env.A }}' }, with: { run: 'printf %s \"$A $B ${{ env.A }}\"' } }\n\
                - { id: decides, uses: noop, env: { B: '${{ env.N }}1' }, when: \"${{ env.B == '31' && env.N == '3' }}\", checks: [{ assert: \"${{ env.B == '31' }}\" }] }\n\
                outputs: { a: '${{ env.A }}', n: { n: '${{ env.N }}' } }\n";
    let summary = summary(home.path(), text, &[], 0);
    let (task, outputs) = (|id: &str| summary["tasks"][id].clone(), |id: &str| summary["tasks"][id]["outputs"].clone());
    assert_eq!((&task("when")["state"], &task("not")["state"]), (&json!("succeeded"), &json!("skipped")));
    assert_eq!(outputs("each"), json!([{"x": "v3"}, {"x": "w3"}]));
    assert_eq!(outputs("grid"), json!([{"x": "v"}, {"x": "w"}]));
    assert_eq!(outputs("own")["stdout"], "v,wx v,w v,wx");
    assert_eq!(task("decides")["state"], "succeeded");
    assert_eq!(summary["outputs"], json!({"a": "v,w", "n": {"n": "3"}}));
}

#[test]
fn a_failure_reads_the_same_in_every_run() {
    let home = home();
    write(home.path(), "bad.py", "def go():\n    raise ValueError('no')\n");
    let text = "name: errors\nfiles: [bad.py]\ntasks:\n\
                - { id: raises, uses: python, with: { function: 'bad:go' } }\n\
                - { id: slow, run: sleep 60, timeout: 300ms }\n\
                - { id: each, for_each: [1, 2], max_parallel: 1, retry: { max_attempts: 2, delay: 1ms }, fail: all, run: 'exit ${{ item }}' }\n\
                - id: look\n  needs: [raises, slow, each]\n  when: \"${{ failed('raises') && failed('slow') && failed('each') }}\"\n  uses: noop\n\
                \x20 with: { raises: '${{ tasks.raises.error }}', slow: '${{ tasks.slow.error.message }}', each: '${{ tasks.each.error.message }}', \
                attempts: '${{ tasks.each.attempts }}', items: '${{ tasks.each.items.map(i, i.error) }}' }\n";
    let summary = summary(home.path(), text, &["--work-dir", shown(&home.path().join("work"))], 3);
    assert_eq!(
        summary["tasks"]["look"]["outputs"],
        json!({
            "raises": {"class": "execution", "code": "exception", "message": "ValueError: no"},
            "slow": "did not end within 300 ms", "each": "exited with 1", "attempts": 4,
            "items": [
                {"class": "execution", "code": "exit", "message": "exited with 1"},
                {"class": "execution", "code": "exit", "message": "exited with 2"},
            ],
        })
    );
    assert_eq!(summary["tasks"]["each"]["attempts"], 4);
    let traceback = summary["tasks"]["raises"]["error"]["detail"].as_str().expect("a text");
    assert!(traceback.contains("File \"bad.py\", line 2") && !traceback.contains("/work"), "{traceback}");
}

#[test]
fn the_items_of_a_matrix_are_called_by_their_values() {
    let home = home();
    let text = "name: matrix\ntasks:\n\
                - { id: grid, matrix: { os: [linux], py: [3.11, 3.12], fast: [true] }, uses: noop }\n\
                - { id: twice, matrix: { n: [1.5, '1.5'] }, uses: noop }\n\
                - { id: each, for_each: [1.5, 2.5], uses: noop }\n\
                - id: keys\n  needs: [grid, twice, each]\n  uses: noop\n  with:\n\
                \x20   grid: '${{ tasks.grid.items.map(i, i.key) }}'\n    twice: '${{ tasks.twice.items.map(i, i.key) }}'\n    each: '${{ tasks.each.items.map(i, i.key) }}'\n";
    let summary = summary(home.path(), text, &[], 0);
    assert_eq!(
        summary["tasks"]["keys"]["outputs"],
        json!({"grid": ["os=linux,py=3.11,fast=true", "os=linux,py=3.12,fast=true"], "twice": ["0", "1"], "each": ["0", "1"]})
    );
}

#[test]
fn a_declared_number_is_one_for_expressions_whatever_its_digits() {
    let home = home();
    let text = "name: numbers\ntasks:\n\
                - { id: give, run: \"echo '{\\\"n\\\": 5}' > $CANDOR_OUTPUT\", outputs: { n: number }, checks: [{ assert: '${{ outputs.n * 0.5 < 3.0 }}' }] }\n\
                - { id: each, for_each: [1], run: \"echo '{\\\"n\\\": 5}' > $CANDOR_OUTPUT\", outputs: { n: number } }\n\
                - { id: half, needs: [give, each], uses: noop, with: { one: '${{ tasks.give.outputs.n * 0.5 }}', each: '${{ tasks.each.outputs.map(o, o.n * 0.5) }}' } }\n";
    let summary = summary(home.path(), text, &[], 0);
    assert_eq!(summary["tasks"]["half"]["outputs"], json!({"one": 2.5, "each": [2.5]}));
    assert_eq!(summary["tasks"]["give"]["outputs"]["n"], json!(5), "what is recorded stays");
}
