//! Run directories: what `verify` refuses, what `--resume` goes on with, and what two processes do to each other.

use std::fs;
use std::path::{Path, PathBuf};

use candor_tests::process::Started;
use candor_tests::{document, ended, files, home, printed, run, run_directories, run_directory, shown, text, write};
use serde_json::Value;

/// A workflow with texts, numbers, a table, files and a failure.
const MIXED: &str = r#"name: mixed
tasks:
  - { id: words, run: "printf 'a b c'" }
  - { id: count, needs: words, run: "printf ${{ tasks.words.outputs.stdout }} | wc -w | tr -d ' \\n'" }
  - id: table
    uses: csv.read
    with: { path: data.csv }
  - { id: many, uses: noop, for_each: [1, 2, 3], with: { n: "${{ item }}" } }
  - { id: broken, run: "echo no >&2; exit 7" }
  - { id: after, needs: broken, uses: noop }
outputs:
  words: ${{ int(tasks.count.outputs.stdout) }}
"#;
/// A workflow whose middle waits until somebody makes a file.
const WAITING: &str = r#"name: waiting
inputs:
  flag: { type: string, required: true }
tasks:
  - { id: before, run: "printf 1" }
  - { id: hold, needs: before, run: "while [ ! -e ${{ inputs.flag }} ]; do sleep 0.05; done; printf 2" }
  - { id: after, needs: hold, run: "printf 3" }
"#;

/// A folder with a finished run.
fn finished() -> (tempfile::TempDir, PathBuf) {
    let home = home();
    write(home.path(), "mixed.yaml", MIXED);
    write(home.path(), "data.csv", "k,v\na,1\nb,2\n");
    ended(&run(home.path(), &["run", "mixed.yaml"]), 1);
    let directory = run_directory(&home.path().join("runs"));
    ended(&run(home.path(), &["verify", shown(&directory)]), 0);
    (home, directory)
}

/// Makes a file that can be written to, and writes it.
fn overwrite(path: &Path, bytes: &[u8]) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(path, mode).expect("it is ours");
    fs::write(path, bytes).expect("it is ours");
}

#[test]
fn verify_refuses_any_changed_byte() {
    let (home, directory) = finished();
    let all = files(&directory);
    assert!(all.len() >= 8, "{all:?}");
    let mut tried = 0;
    for path in &all {
        let kept = fs::read(path).expect("it is there");
        let step = (kept.len() / 12).max(1);
        let ends = [0, kept.len().saturating_sub(1)];
        for at in (0..kept.len()).step_by(step).chain(ends).filter(|at| *at < kept.len()) {
            let mut changed = kept.clone();
            changed[at] ^= 1;
            overwrite(path, &changed);
            let output = run(home.path(), &["verify", shown(&directory)]);
            let code = output.status.code();
            assert!(matches!(code, Some(1 | 5)), "{}@{at} is accepted: {code:?}", path.display());
            assert!(output.stdout.is_empty() && !output.stderr.is_empty());
            assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
            tried += 1;
        }
        for cut in [&kept[..kept.len() / 2], &[] as &[u8]] {
            if cut.len() < kept.len() {
                overwrite(path, cut);
                ended(&run(home.path(), &["verify", shown(&directory)]), 1);
            }
        }
        overwrite(path, &[kept.as_slice(), b"\n"].concat());
        ended(&run(home.path(), &["verify", shown(&directory)]), 1);
        overwrite(path, &kept);
    }
    println!("{tried} bytes in {} files", all.len());
    ended(&run(home.path(), &["verify", shown(&directory)]), 0);
}

#[test]
fn verify_refuses_missing_added_and_swapped_files() {
    let (home, directory) = finished();
    let refuses = |what: &str| {
        let output = run(home.path(), &["verify", shown(&directory), "--json"]);
        ended(&output, 1);
        let told = printed(&output);
        assert_eq!(told["verified"], false, "{what}");
        assert!(told["problems"].as_array().is_some_and(|problems| !problems.is_empty()), "{what}");
    };
    for path in files(&directory) {
        // The empty body stands for every empty text: the log names it only where a task says so.
        let aside = home.path().join("aside");
        fs::rename(&path, &aside).expect("it is ours");
        let output = run(home.path(), &["verify", shown(&directory)]);
        fs::rename(&aside, &path).expect("it is ours");
        let orphan = path.starts_with(directory.join("artifacts")) && output.status.code() == Some(0);
        assert!(output.status.code() == Some(1) || (orphan && !named(&directory, &path)), "{}", path.display());
    }
    for name in ["stranger.txt", ".hidden", "artifacts/stranger", "artifacts/ab/stranger", "state/request.json"] {
        let path = write(&directory, name, "x");
        refuses(name);
        fs::remove_file(&path).expect("it is ours");
        let folder = path.parent().expect("a folder");
        if folder != directory && fs::read_dir(folder).is_ok_and(|mut left| left.next().is_none()) {
            fs::remove_dir(folder).expect("it is empty");
        }
    }
    let bodies: Vec<PathBuf> = files(&directory.join("artifacts"));
    let (one, other) = (fs::read(&bodies[0]).expect("there"), fs::read(&bodies[1]).expect("there"));
    overwrite(&bodies[0], &other);
    overwrite(&bodies[1], &one);
    refuses("swapped artifacts");
    overwrite(&bodies[0], &one);
    overwrite(&bodies[1], &other);
    ended(&run(home.path(), &["verify", shown(&directory)]), 0);
}

/// Whether the log speaks of this body.
fn named(directory: &Path, body: &Path) -> bool {
    let parts = body.strip_prefix(directory.join("artifacts")).expect("a body").to_string_lossy().replace('/', "");
    fs::read_to_string(directory.join("events.jsonl")).expect("it is there").contains(&parts)
}

#[test]
fn what_a_newer_build_wrote_is_said_to_be_newer() {
    let (home, directory) = finished();
    for name in ["answer.json", "events.jsonl"] {
        let path = directory.join(name);
        let kept = fs::read_to_string(&path).expect("it is there");
        let newer = kept.replacen("\"format\": 1", "\"format\": 2", 1).replacen("\"format\":1", "\"format\":2", 1);
        assert_ne!(newer, kept);
        overwrite(&path, newer.as_bytes());
        for word in ["verify", "explain"] {
            let output = run(home.path(), &[word, shown(&directory), "--json"]);
            ended(&output, 5);
            assert_eq!(printed(&output)["error"]["code"], "newer_run", "{word} {name}");
        }
        overwrite(&path, kept.as_bytes());
    }
    let (held, interrupted) = interrupted();
    let path = interrupted.join("state/request.json");
    let kept = fs::read_to_string(&path).expect("it is there");
    overwrite(&path, kept.replacen("\"format\":1", "\"format\":9", 1).as_bytes());
    let output = run(held.path(), &["run", "--resume", shown(&interrupted), "--json"]);
    ended(&output, 5);
    assert_eq!(printed(&output)["error"]["code"], "newer_run");
    overwrite(&path, &kept.as_bytes()[..kept.len() / 2]);
    let output = run(held.path(), &["run", "--resume", shown(&interrupted), "--json"]);
    ended(&output, 5);
    assert_eq!(printed(&output)["error"]["code"], "damaged_run");
    overwrite(&path, kept.as_bytes());
    write(held.path(), "flag", "");
    ended(&run(held.path(), &["run", "--resume", shown(&interrupted)]), 0);
}

/// A folder with the run directory of a run that was killed while a task waited.
fn interrupted() -> (tempfile::TempDir, PathBuf) {
    let home = home();
    write(home.path(), "waiting.yaml", WAITING);
    let flag = format!("flag={}", home.path().join("flag").display());
    let mut started = Started::new(home.path(), &["run", "waiting.yaml", "-i", &flag]);
    started.until("hold: running");
    started.signal("KILL");
    started.ended();
    let directory = run_directory(&home.path().join("runs"));
    (home, directory)
}

#[test]
fn a_run_directory_in_use_is_left_alone() {
    let home = home();
    write(home.path(), "waiting.yaml", WAITING);
    let flag = format!("flag={}", home.path().join("flag").display());
    let mut first = Started::new(home.path(), &["run", "waiting.yaml", "-i", &flag, "--json"]);
    first.until("hold: running");
    let directory = run_directory(&home.path().join("runs"));
    let output = run(home.path(), &["run", "--resume", shown(&directory), "--json"]);
    ended(&output, 5);
    assert_eq!(printed(&output)["error"]["code"], "in_use");
    // A run that has not ended does not hold yet, and says how it gets on.
    let output = run(home.path(), &["verify", shown(&directory)]);
    ended(&output, 1);
    assert!(text(&output.stderr).contains("--resume"), "{}", text(&output.stderr));
    write(home.path(), "flag", "");
    let first = first.ended();
    assert_eq!(first.status.code(), Some(0), "{}", first.stderr);
    let output = run(home.path(), &["run", "--resume", shown(&directory), "--json"]);
    ended(&output, 0);
    assert_eq!(text(&output.stdout), first.stdout, "a finished run says its answer again");
}

#[test]
fn many_who_resume_at_once_come_to_one_answer() {
    let (home, directory) = interrupted();
    write(home.path(), "flag", "");
    let all: Vec<Started> =
        (0..4).map(|_| Started::new(home.path(), &["run", "--resume", shown(&directory), "--json"])).collect();
    let mut answers = std::collections::BTreeSet::new();
    for started in all {
        let ended = started.ended();
        match ended.status.code() {
            Some(0) => drop(answers.insert(ended.stdout)),
            Some(5) => assert!(ended.stdout.contains("in_use"), "{}", ended.stdout),
            other => panic!("{other:?}: {}", ended.stderr),
        }
    }
    assert_eq!(answers.len(), 1);
    ended(&run(home.path(), &["verify", shown(&directory)]), 0);
}

#[test]
fn resuming_something_else_is_refused() {
    let home = home();
    write(home.path(), "file.txt", "x");
    fs::create_dir(home.path().join("empty")).expect("a folder");
    for place in ["file.txt", "empty", "nowhere"] {
        let output = run(home.path(), &["run", "--resume", place, "--json"]);
        ended(&output, 2);
        let error = printed(&output)["error"].clone();
        assert_eq!(error["code"], "not_a_run_directory", "{place}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(place)), "{error}");
    }
    assert!(files(&home.path().join("empty")).is_empty());
    ended(&run(home.path(), &["run", "--resume", "empty", "w.yaml"]), 2);
}

#[test]
fn a_finished_run_says_its_answer_again_with_its_code() {
    let (home, directory) = finished();
    let before: Vec<(PathBuf, Vec<u8>)> =
        files(&directory).into_iter().map(|path| (path.clone(), fs::read(path).expect("there"))).collect();
    let output = run(home.path(), &["run", "--resume", shown(&directory), "--json"]);
    ended(&output, 1);
    assert_eq!(printed(&output), document(&directory, "answer.json"));
    let output = run(home.path(), &["run", "--resume", shown(&directory)]);
    ended(&output, 1);
    assert!(text(&output.stdout).contains("result  failed"));
    let after: Vec<(PathBuf, Vec<u8>)> =
        files(&directory).into_iter().map(|path| (path.clone(), fs::read(path).expect("there"))).collect();
    assert_eq!(before, after);
}

#[test]
fn a_run_that_died_while_it_tidied_up_is_tidied_and_not_begun_again() {
    let (home, directory) = finished();
    write(&directory, "state/jobs.redb", "left over");
    write(&directory, "artifacts/tmp.lock", "");
    ended(&run(home.path(), &["verify", shown(&directory)]), 1);
    let output = run(home.path(), &["run", "--resume", shown(&directory), "--json"]);
    ended(&output, 1);
    assert_eq!(printed(&output), document(&directory, "answer.json"));
    ended(&run(home.path(), &["verify", shown(&directory)]), 0);
}

#[test]
fn a_run_that_died_before_its_answer_stood_makes_the_same_answer() {
    let (home, directory) = interrupted();
    write(home.path(), "flag", "");
    let copy = home.path().join("copy");
    let status = std::process::Command::new("cp").args(["-a", shown(&directory), shown(&copy)]).status();
    assert!(status.expect("cp is installed").success());
    ended(&run(home.path(), &["run", "--resume", shown(&directory)]), 0);
    // Half of the files of an answer, as a crash between two of them leaves them.
    write(&copy, "events.jsonl", "{\"format\":1");
    write(&copy, ".summary.json.partial", "{");
    ended(&run(home.path(), &["run", "--resume", shown(&copy)]), 0);
    ended(&run(home.path(), &["verify", shown(&copy)]), 0);
    assert_eq!(document(&directory, "answer.json")["digest"], document(&copy, "answer.json")["digest"]);
}

#[test]
fn what_a_crash_left_unseen_is_cleared_away() {
    let home = home();
    write(home.path(), "w.yaml", "name: w\ntasks:\n  - { id: a, uses: noop }\n");
    let left = home.path().join("runs/.20260131T120000Z-left-abcdef");
    write(&left, "state/request.json", "");
    write(&left, "artifacts/ab/cdef", "x");
    let other = write(&home.path().join("runs/.git"), "state/request.json", "");
    ended(&run(home.path(), &["run", "w.yaml"]), 0);
    assert!(!left.exists(), "the folder of a dead process is still there");
    assert!(other.exists(), "something that is not ours was removed");
    run_directory(&home.path().join("runs"));
}

#[test]
fn the_run_directory_holds_what_is_documented_and_nothing_else() {
    let (_home, directory) = finished();
    let mut names: Vec<String> = fs::read_dir(&directory)
        .expect("it is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["answer.json", "artifacts", "events.jsonl", "report.md", "run.log", "summary.json"]);
    let summary = document(&directory, "summary.json");
    assert_eq!(summary["tasks"]["after"]["caused_by"], "broken");
    assert_eq!(summary["tasks"]["broken"]["attempts"], Value::from(1));
    let items = &summary["tasks"]["many"]["items"];
    assert_eq!((&items["total"], &items["succeeded"], &items["failed"]), (&3.into(), &3.into(), &0.into()));
    let name = directory.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.contains("Z-mixed-"), "{name}");
    assert_eq!(run_directories(directory.parent().expect("a folder")).len(), 1);
}
