//! Where a run works: below --work-dir, however that is written, and nowhere else.

use candor_tests::{command, document, ended, home, printed, run_directory, write};

#[test]
fn a_relative_work_dir_works_and_nothing_else_is_needed() {
    let home = home();
    let work = "name: w\ntasks:\n  - id: a\n    run: pwd; head -c 200000 /dev/zero | tr '\\0' x >&2; echo $T > out/a.txt; cat in.txt\n    env: { T: \"${{ secrets.token }}\" }\nfiles: [in.txt]\n";
    write(home.path(), "w.yaml", work);
    write(home.path(), "in.txt", "inside");
    // A folder that is not there: whoever looks for room in the system's place fails.
    let output = command(home.path(), &["run", "w.yaml", "--work-dir", "below/./work", "--json"])
        .env("TMPDIR", "/nonexistent")
        .env("CANDOR_SECRET_token", "a-secret-of-some-length")
        .output()
        .expect("the binary can be started");
    ended(&output, 0);
    assert_eq!(printed(&output)["result"], "complete");
    let outputs = &document(&run_directory(&home.path().join("runs")), "summary.json")["tasks"]["a"]["outputs"];
    assert_eq!(outputs["stderr"]["bytes"], 200_000);
    assert!(outputs["stdout"].as_str().is_some_and(|said| said.contains("/below/work/") && said.ends_with("inside")));
}
