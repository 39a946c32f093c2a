//! Where a run works: below --work-dir, however that is written, and nowhere else.

use candor_tests::{command, document, ended, home, printed, run, run_directory, shown, write};

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

/// Reads a file whose path is told by `path`, in each of the ways that a workflow has.
fn reads(path: &str) -> String {
    format!(
        "name: r\ninputs: {{ from: {{ type: string, default: none }} }}\ntasks:\n  - {{ id: told, run: \"cat told.txt\" }}\n  - {{ id: read, needs: told, uses: file.read, with: {{ path: \"{path}\" }} }}\nfiles: [told.txt]\n"
    )
}

#[test]
fn data_chooses_no_path_of_the_machine_and_who_writes_a_workflow_does() {
    let (home, other) = (home(), home());
    let secret = write(other.path(), "below/private.txt", "private");
    let (secret, folder) = (shown(&secret).to_owned(), shown(other.path()).to_owned());
    write(home.path(), "told.txt", &secret);
    write(home.path(), "computed.yaml", reads("${{ tasks.told.outputs.stdout }}"));
    write(home.path(), "literal.yaml", reads(&secret));
    write(home.path(), "given.yaml", reads("${{ inputs.from }}"));
    write(home.path(), "below.yaml", reads(&format!("{folder}/${{{{ 'below/private.txt' }}}}")));
    let output = run(home.path(), &["run", "computed.yaml"]);
    ended(&output, 1);
    let said = candor_tests::both(&output);
    assert!(said.contains("path_not_allowed") || said.contains("may use"), "{said}");
    assert!(!said.contains("read.content is private"), "{said}");
    let report = std::fs::read_to_string(run_directory(&home.path().join("runs")).join("summary.json")).expect("there");
    assert!(report.contains("--allow-path"), "{report}");
    for arguments in [
        vec!["run", "computed.yaml", "--allow-path", &folder],
        vec!["run", "literal.yaml"],
        vec!["run", "given.yaml", "-i", &format!("from={secret}")],
        vec!["run", "below.yaml"],
    ] {
        ended(&run(home.path(), &arguments), 0);
    }
    ended(&run(home.path(), &["run", "given.yaml", "-i", &format!("from={folder}/nothing")]), 1);
    let plan = run(home.path(), &["plan", "computed.yaml", "--json"]);
    assert_eq!(printed(&plan)["computed_paths"].as_array().map(Vec::len), Some(1));
    let plan = run(home.path(), &["plan", "literal.yaml", "--json"]);
    assert_eq!(printed(&plan)["computed_paths"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_run_directory_is_its_owners_and_no_pattern_picks_it_up() {
    let home = home();
    write(home.path(), "data/a.txt", "a");
    write(home.path(), "w.yaml", "name: w\nfiles: [\"**\"]\ntasks:\n  - { id: a, run: \"find . -type f | sort\" }\n");
    let hash = || {
        let plan = printed(&run(home.path(), &["plan", "w.yaml", "--json"]));
        plan["plan_hash"].as_str().expect("a hash").to_owned()
    };
    let before = hash();
    ended(&run(home.path(), &["run", "w.yaml"]), 0);
    let directory = run_directory(&home.path().join("runs"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&directory.metadata().expect("it is there").permissions());
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(hash(), before, "the second run is the same work");
    // One that has not ended is none of the workflow's files either.
    write(&home.path().join("runs/other"), "state/request.json", "{}");
    write(&home.path().join("runs/other"), "artifacts/ab/cd", "x");
    assert_eq!(hash(), before);
}
