//! A large fan-out through the binary: everything done once, failures tolerated and named up to a limit.

use candor_tests::{both, document, ended, home, printed, run, run_directory, shown, write};
use serde_json::Value;

/// Failed items that a summary names.
const NAMED_MAX: usize = 1_000;

/// Items; ten times as many with `CANDOR_TEST_ITEMS=100000`.
fn items() -> usize {
    let told =
        std::env::var_os("CANDOR_TEST_ITEMS").and_then(|value| value.to_str().and_then(|text| text.parse().ok()));
    told.unwrap_or(5_000)
}

#[test]
fn a_large_fan_out_completes() {
    let (home, count) = (home(), items());
    let text = format!(
        "name: wide\ntasks:\n  - {{ id: many, uses: noop, for_each: \"${{{{ lists.range({count}) }}}}\", with: {{ n: \"${{{{ item }}}}\" }} }}\n  - {{ id: after, needs: many, uses: noop }}\n"
    );
    write(home.path(), "wide.yaml", text);
    let output = run(home.path(), &["run", "wide.yaml", "--json"]);
    ended(&output, 0);
    let answer = printed(&output);
    assert_eq!(answer["result"], "complete");
    // `after` has nothing to say; what `many` gave beyond what is stated is nobody's summary.
    assert_eq!(answer["gaps"], serde_json::json!([]));
    let directory = run_directory(&home.path().join("runs"));
    let summary = document(&directory, "summary.json");
    let many = &summary["tasks"]["many"];
    assert_eq!(
        (many["items"]["total"].as_u64(), many["items"]["succeeded"].as_u64()),
        (Some(count as u64), Some(count as u64))
    );
    assert_eq!(summary["tasks"]["after"]["state"], "succeeded");
    let log = std::fs::read_to_string(directory.join("events.jsonl")).expect("it is there");
    let mut seen = vec![0_u8; count];
    for line in log.lines().skip(1) {
        let line: Value = serde_json::from_str(line).expect("an event");
        let success =
            line["event"].get("succeeded").or_else(|| (line["event"]["kind"] == "succeeded").then_some(&line["event"]));
        if let Some(item) = success.and_then(|success| success["node"]["item"].as_u64()) {
            seen[usize::try_from(item).expect("small")] += 1;
        }
    }
    assert!(seen.iter().all(|times| *times == 1), "an item was recorded twice, or not at all");
    ended(&run(home.path(), &["verify", shown(&directory)]), 0);
}

#[test]
fn failed_items_are_tolerated_and_named_up_to_a_limit() {
    let (home, count) = (home(), items().min(5_000));
    let bad = count / 2;
    let text = format!(
        "name: holes\ntasks:\n  - id: many\n    uses: noop\n    for_each: \"${{{{ lists.range({count}) }}}}\"\n    with: {{ n: \"${{{{ item }}}}\" }}\n    fail: {{ tolerate: {bad} }}\n    checks: [{{ assert: \"${{{{ outputs.n % 2 == 0 }}}}\" }}]\n"
    );
    write(home.path(), "holes.yaml", text);
    let output = run(home.path(), &["run", "holes.yaml", "--json"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", both(&output));
    let directory = run_directory(&home.path().join("runs"));
    let items = document(&directory, "summary.json")["tasks"]["many"]["items"].clone();
    assert_eq!(items["failed"].as_u64(), Some(bad as u64), "{items:#}");
    let gaps = document(&directory, "answer.json")["gaps"].as_array().cloned().expect("a list");
    let left_out = |reason: &str| gaps.iter().find(|gap| gap["reason"] == reason).map(|gap| gap["count"].clone());
    assert_eq!(gaps.iter().filter(|gap| gap["reason"] == "item_failed").count(), NAMED_MAX.min(bad));
    assert_eq!(left_out("gaps_left_out"), Some((bad - NAMED_MAX).into()));
    // The sentence about the list is the first; each item that succeeded has one result.
    assert_eq!(left_out("statements_left_out"), Some((count - bad + 1 - NAMED_MAX).into()));
    let report = std::fs::read_to_string(directory.join("report.md")).expect("it is there");
    assert!(!report.contains("has them all") && report.contains("not stated one by one"), "{report}");
    assert_eq!(items["failures"].as_array().map(Vec::len), Some(NAMED_MAX.min(bad)));
    ended(&run(home.path(), &["verify", shown(&directory)]), 0);
}
