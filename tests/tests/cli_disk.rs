//! A full disk and one that cannot be written to: exit 5, nothing half written, and the run goes on when there is room.

use std::process::Command;

use candor_tests::{candor, ended, home, run, shown, write};

/// Many events and one program, so that the store needs room.
const MANY: &str = r#"name: many
tasks:
  - { id: many, for_each: "${{ lists.range(2000) }}", uses: noop, with: { text: "${{ 'a text of some length ' + string(item) }}" } }
  - { id: last, needs: many, run: "printf 3" }
"#;

/// Runs a script in a mount namespace of its own; `None` when this user may not have one.
#[expect(clippy::print_stdout, reason = "what is left out is said")]
fn apart(script: &str, words: &[&str]) -> Option<String> {
    let may = Command::new("unshare").args(["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        println!("left out: this user may not mount a file system");
        return None;
    }
    let output =
        Command::new("unshare").args(["-m", "sh", "-c", script, "sh"]).args(words).output().expect("it was there");
    let said = candor_tests::both(&output);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    Some(said)
}

const FULL: &str = r#"
set -u
mount -t tmpfs -o size="$3" tmpfs "$2/disk" || exit 77
"$1" run "$2/many.yaml" --runs-dir "$2/disk/runs" --json > "$2/out.$3"; echo "first $?"
set -- "$1" "$2" "$3" "$2"/disk/runs/2*
if [ -d "$4" ]; then
    [ -e "$4/answer.json" ] && echo "an answer was written"
    "$1" run --resume "$4" > /dev/null 2>&1; echo "still full $?"
    mount -o remount,size=64m "$2/disk" || exit 77
    "$1" run --resume "$4" > /dev/null; echo "second $?"
    "$1" verify "$4"; echo "verify $?"
else
    [ -z "$(find "$2/disk" -type f)" ] && echo "nothing is left"
fi
"#;

#[test]
fn a_full_disk_ends_the_run_with_5_and_the_run_goes_on_when_there_is_room() {
    let home = home();
    write(home.path(), "many.yaml", MANY);
    std::fs::create_dir(home.path().join("disk")).expect("a folder");
    let calm = run(home.path(), &["run", "many.yaml", "--json"]);
    ended(&calm, 0);
    let digest = candor_tests::printed(&calm)["digest"].as_str().expect("a text").to_owned();
    // From no room for the request, over none for the store, to none for the last events.
    for size in ["4k", "16k", "200k", "600k", "1500k"] {
        let Some(said) = apart(FULL, &[shown(&candor()), shown(home.path()), size]) else { return };
        assert!(said.contains("first 5\n"), "{size}: {said}");
        let out = std::fs::read(home.path().join(format!("out.{size}"))).expect("it is there");
        let told: serde_json::Value = serde_json::from_slice(&out).expect("one document");
        assert_eq!(told["error"]["code"], "disk", "{size}");
        assert!(!said.contains("an answer was written"), "{size}: {said}");
        if !said.contains("nothing is left") {
            assert!(said.contains("still full 5\n"), "{size}: {said}");
            assert!(said.contains("--resume"), "{size}: {said}");
            assert!(said.contains("second 0\n") && said.contains("verify 0\n"), "{size}: {said}");
            assert!(said.contains(&digest), "{size}: another digest: {said}");
        }
    }
}

const READ_ONLY: &str = r#"
set -u
mount -t tmpfs -o size=16m tmpfs "$2/disk" || exit 77
"$1" run "$2/one.yaml" --runs-dir "$2/disk/runs" > /dev/null; echo "before $?"
set -- "$1" "$2" "$2"/disk/runs/2*
mount -o remount,ro "$2/disk" || exit 77
"$1" run "$2/one.yaml" --runs-dir "$2/disk/runs" --json; echo "run $?"
"$1" run --resume "$3" > /dev/null; echo "resume $?"
"$1" verify "$3"; echo "verify $?"
"$1" explain "$3" > /dev/null; echo "explain $?"
"$1" new "$2/disk/new.yaml"; echo "new $?"
"$1" validate "$2/one.yaml"; echo "validate $?"
"#;

#[test]
fn a_disk_that_cannot_be_written_to_ends_the_run_with_5_and_can_still_be_read() {
    let home = home();
    write(home.path(), "one.yaml", "name: one\ntasks:\n  - { id: a, run: printf 1 }\n");
    std::fs::create_dir(home.path().join("disk")).expect("a folder");
    let Some(said) = apart(READ_ONLY, &[shown(&candor()), shown(home.path())]) else { return };
    for line in ["before 0", "run 5", "resume 0", "verify 0", "explain 0", "new 5", "validate 0"] {
        assert!(said.contains(&format!("{line}\n")), "no `{line}`: {said}");
    }
    assert!(said.contains("\"code\": \"disk\"") && said.contains("Read-only"), "{said}");
}

const WORKERS_DISK: &str = r#"
set -u
mount -t tmpfs -o size=3m tmpfs "$2/disk" || exit 77
mkdir -p "$2/disk/work" && chmod 755 "$2/disk" "$2/disk/work"
"$1" run "$2/$4.yaml" --runs-dir "$2/$3/runs" --work-dir "$2/$5" --json > "$2/out.$4"; echo "first $?"
set -- "$1" "$2" "$2/$5" "$2/$3"/runs/2*
[ -e "$4/answer.json" ] && echo "an answer was written"
mount -o remount,size=64m "$2/disk" || exit 77
"$1" run --resume "$4" --work-dir "$3" > /dev/null; echo "second $?"
"$1" verify "$4"; echo "verify $?"
"#;

/// What a program prints, writes and hands on, each larger than the disk; a list of what does not fit where.
#[test]
fn a_full_disk_of_the_workers_own_is_no_failure_of_the_task() {
    let home = home();
    for name in ["disk", "other", "otherwork"] {
        let made = write(home.path(), &format!("{name}/.keep"), "");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(made.parent().expect("a folder"), open).expect("it is ours");
    }
    let task = |run: &str| format!("name: one\ntasks:\n  - id: a\n    run: {run}\n    retry: {{ max_attempts: 1 }}\n");
    let prints = "head -c 5000000 /dev/zero | tr '\\0' x";
    write(home.path(), "prints.yaml", task(prints));
    write(home.path(), "leaves.yaml", task("head -c 5000000 /dev/zero > out/a; true"));
    let rows = "name: rows\ntasks:\n  - { id: a, uses: csv.read, with: { path: big.csv } }\n";
    write(home.path(), "rows.yaml", rows);
    let line = "a,b,c,d,e,f,g,h\n";
    write(home.path(), "big.csv", format!("a,b,c,d,e,f,g,h\n{}", line.repeat(110_000)));
    // Where the artifacts lie, the task, and where attempts work: one of the two places is full.
    for (runs, task, work) in [
        ("disk", "prints", "otherwork"),
        ("other", "prints", "disk/work"),
        ("disk", "leaves", "otherwork"),
        ("other", "rows", "disk/work"),
    ] {
        let _ = std::fs::remove_dir_all(home.path().join("other/runs"));
        let binary = candor();
        let words = [shown(&binary), shown(home.path()), runs, task, work];
        let Some(said) = apart(WORKERS_DISK, &words) else { return };
        for line in ["first 5", "second 0", "verify 0"] {
            assert!(said.contains(&format!("{line}\n")), "{runs} {task} {work}: no `{line}`: {said}");
        }
        assert!(said.contains("--resume") && !said.contains("an answer was written"), "{said}");
        let out = std::fs::read(home.path().join(format!("out.{task}"))).expect("it is there");
        let told: serde_json::Value = serde_json::from_slice(&out).expect("one document");
        assert_eq!(told["error"]["code"], "disk", "{told}");
    }
}

#[test]
fn places_that_cannot_hold_a_run_are_said_to_be_so() {
    let home = home();
    write(home.path(), "one.yaml", "name: one\ntasks:\n  - { id: a, run: printf 1 }\n");
    write(home.path(), "file", "x");
    for place in ["/proc/runs", "file", "file/runs"] {
        let output = run(home.path(), &["run", "one.yaml", "--runs-dir", place, "--json"]);
        ended(&output, 5);
        let error = candor_tests::printed(&output)["error"].clone();
        assert_eq!(error["code"], "disk", "{place}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(place)), "{error}");
    }
    let output = run(home.path(), &["run", "one.yaml", "--work-dir", "file", "--json"]);
    assert!(matches!(output.status.code(), Some(1 | 5)), "{}", candor_tests::both(&output));
    assert!(!candor_tests::both(&output).contains("panicked"));
}
