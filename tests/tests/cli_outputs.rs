//! The outputs of a job have a bound together, whatever each of them is.

use candor_tests::{ended, home, printed, run, write};

#[test]
fn outputs_beyond_what_an_answer_holds_are_gaps_and_the_others_stand() {
    let home = home();
    // Some 14 MB each: the fifth does not fit, and nobody works the others out.
    let text = "a".repeat(120);
    let large: String =
        (1..=12).map(|place| format!("  o{place:02}: ${{{{ lists.range(120000).map(x, '{text}') }}}}\n")).collect();
    let workflow = format!("name: w\ntasks:\n  - {{ id: a, uses: noop }}\noutputs:\n  first: 1\n{large}  second: 2\n");
    write(home.path(), "w.yaml", workflow);
    let output = run(home.path(), &["run", "w.yaml", "--json"]);
    ended(&output, 3);
    let answer = printed(&output);
    let missing: Vec<&str> =
        answer["gaps"].as_array().expect("a list").iter().filter_map(|gap| gap["task"].as_str()).collect();
    assert_eq!(missing.len(), 9, "{missing:?}");
    assert_eq!((missing[0], missing[8]), ("outputs.o05", "outputs.second"));
    assert_eq!(answer["outputs"]["first"], 1);
    assert!(answer["outputs"]["o04"].is_array() && answer["outputs"]["o05"].is_null());
}
