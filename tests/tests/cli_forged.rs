//! Run directories that somebody rewrote with care: every digest that can be computed again fits.

use std::fs;
use std::path::{Path, PathBuf};

use candor_proto::Sha256;
use candor_tests::{document, ended, home, printed, run, run_directory, shown, text, write};
use serde_json::{Value, json};

/// A file and a table that no sentence is about, a tolerated failure, and one sentence.
const WORKFLOW: &str = r#"name: forged
tasks:
  - { id: early, run: "mkdir -p out; printf abc > out/a.txt; echo seven" }
  - { id: table, uses: csv.read, with: { path: data.csv } }
  - { id: broken, run: "echo no >&2; exit 7" }
  - { id: instead, needs: broken, when: "${{ failed('broken') }}", uses: noop }
  - { id: last, needs: [early, table, instead], uses: noop, with: { n: 3 } }
assemble: { summary: [last] }
"#;

/// A folder with a finished run.
fn finished() -> (tempfile::TempDir, PathBuf) {
    let home = home();
    write(home.path(), "w.yaml", WORKFLOW);
    write(home.path(), "data.csv", "k,v\na,1\nb,2\n");
    ended(&run(home.path(), &["run", "w.yaml"]), 3);
    let directory = run_directory(&home.path().join("runs"));
    ended(&run(home.path(), &["verify", shown(&directory)]), 0);
    (home, directory)
}

fn edit(directory: &Path, name: &str, change: impl Fn(&str) -> String) {
    let path = directory.join(name);
    let kept = fs::read_to_string(&path).expect("it is text");
    fs::write(&path, change(&kept)).expect("it is ours");
}

/// Makes the digests in `answer.json` fit again.
fn bind(directory: &Path) {
    let answer = document(directory, "answer.json");
    let events = fs::read_to_string(directory.join("events.jsonl")).expect("it is text");
    let closing = events.trim_end().rfind('\n').expect("it has lines") + 1;
    let now = |name: &str| Sha256::of(&fs::read(directory.join(name)).expect("it is there")).to_string();
    let said = |name: &str| answer["files"][name].as_str().expect("a digest").to_owned();
    let pairs = [
        (
            answer["log_sha256"].as_str().expect("a digest").to_owned(),
            Sha256::of(&events.as_bytes()[..closing]).to_string(),
        ),
        (said("report.md"), now("report.md")),
        (said("run.log"), now("run.log")),
    ];
    edit(directory, "answer.json", |text| {
        pairs.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
    });
}

#[track_caller]
fn refused(home: &Path, directory: &Path, because: &str) {
    let output = run(home, &["verify", shown(directory), "--json"]);
    ended(&output, 1);
    let problems = printed(&output)["problems"].to_string();
    assert!(problems.contains(because), "{problems}");
}

#[test]
fn a_plan_that_was_changed_is_refused_although_the_digests_fit() {
    let (home, directory) = finished();
    edit(&directory, "events.jsonl", |text| text.replacen("echo seven", "echo eight", 1));
    bind(&directory);
    refused(home.path(), &directory, "plan_hash");
}

#[test]
fn a_result_that_does_not_follow_is_refused_although_the_digests_fit() {
    let (home, directory) = finished();
    let mut answer = document(&directory, "answer.json");
    assert_eq!(answer["result"], "complete_with_gaps");
    answer["result"] = "complete".into();
    let said = |statement: &Value| json!({"text": statement["text"], "spans": statement["spans"]});
    let statements: Vec<Value> = answer["statements"].as_array().expect("a list").iter().map(said).collect();
    let digest = Sha256::of_value(&json!({
        "plan_hash": answer["plan_hash"], "inputs": {}, "statements": statements, "gaps": answer["gaps"],
        "ledger": answer["ledger"], "outputs": answer["outputs"], "result": answer["result"],
    }));
    let before = answer["digest"].as_str().expect("a digest").to_owned();
    for name in ["events.jsonl", "summary.json", "answer.json", "report.md", "run.log"] {
        edit(&directory, name, |text| {
            let text = text.replace("\"result\":\"complete_with_gaps\"", "\"result\":\"complete\"");
            let text = text.replace("\"result\": \"complete_with_gaps\"", "\"result\": \"complete\"");
            let text = text.replace("complete with gaps", "complete").replace(&before, &digest.to_string());
            text.replace(
                "What was asked for is here, with the gaps that are listed below.",
                "Everything that was asked for is here.",
            )
        });
    }
    bind(&directory);
    refused(home.path(), &directory, "closing event");
}

#[test]
fn a_body_of_another_size_than_the_log_says_is_refused_although_the_digests_fit() {
    for (before, after, because) in [("\"bytes\":3,", "\"bytes\":4,", "bytes"), ("\"count\":2", "\"count\":9", "rows")]
    {
        let (home, directory) = finished();
        let spaced = |text: &str| text.replace(':', ": ");
        for name in ["events.jsonl", "summary.json"] {
            edit(&directory, name, |text| text.replace(before, after).replace(&spaced(before), &spaced(after)));
        }
        bind(&directory);
        refused(home.path(), &directory, because);
    }
}

#[test]
fn a_rewritten_report_is_refused_and_that_of_another_version_is_named() {
    let (home, directory) = finished();
    let version = env!("CARGO_PKG_VERSION");
    edit(&directory, "report.md", |text| text.replacen("with gaps", "with flying colours", 1));
    refused(home.path(), &directory, "report.md");
    bind(&directory);
    refused(home.path(), &directory, "report.md");
    // Another version may have worded it so; nobody here can know, and that is what is said.
    edit(&directory, "report.md", |text| text.replace(&format!("Candor {version}."), "Candor 0.0.1."));
    refused(home.path(), &directory, "report.md");
    bind(&directory);
    let output = run(home.path(), &["verify", shown(&directory)]);
    ended(&output, 0);
    let said = text(&output.stdout);
    assert!(said.contains("not derived by this build: report.md") && said.contains("0.0.1"), "{said}");
    let output = run(home.path(), &["verify", shown(&directory), "--json"]);
    assert_eq!(printed(&output)["not_derived"], json!(["report.md"]));
    edit(&directory, "run.log", |text| text.replacen("broken failed", "broken succeeded", 1));
    refused(home.path(), &directory, "run.log");
}

#[test]
fn a_story_that_was_rewritten_is_refused_although_the_digests_fit() {
    let (home, directory) = finished();
    edit(&directory, "run.log", |text| text.replacen("broken failed", "broken succeeded", 1));
    bind(&directory);
    refused(home.path(), &directory, "run.log");
}

#[test]
fn an_answer_that_binds_other_files_too_is_refused() {
    let (home, directory) = finished();
    let digest = "0".repeat(64);
    edit(&directory, "answer.json", |text| {
        text.replacen("\"files\": {", &format!("\"files\": {{\n    \"audit.pdf\": \"{digest}\","), 1)
    });
    refused(home.path(), &directory, "files");
}

/// Replaces a part of a run directory, which `verify` must then refuse; one that waits for a pipe never ends.
fn replaced(home: &Path, directory: &Path, name: &str, make: impl Fn(&Path)) {
    let (path, aside) = (directory.join(name), home.join("aside"));
    fs::rename(&path, &aside).expect("it is ours");
    make(&path);
    let output = run(home, &["verify", shown(directory)]);
    ended(&output, 1);
    let said = text(&output.stderr);
    assert!(said.contains(name.split('/').next().unwrap_or(name)), "{said}");
    match fs::symlink_metadata(&path).expect("it was made") {
        found if found.is_dir() => fs::remove_dir(&path).expect("it is empty"),
        _ => fs::remove_file(&path).expect("it is ours"),
    }
    fs::rename(&aside, &path).expect("it is ours");
}

#[test]
fn links_pipes_folders_and_endless_files_are_refused_and_nothing_hangs() {
    let (home, directory) = finished();
    let aside = home.path().join("aside");
    let folders = fs::read_dir(directory.join("artifacts")).expect("it is there").flatten();
    let shard = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).next().expect("a body");
    let body = candor_tests::files(&directory.join("artifacts"))[0].clone();
    let body = body.strip_prefix(&directory).expect("it lies there").to_string_lossy().into_owned();
    let documents = ["events.jsonl", "answer.json", "summary.json", "report.md", "run.log"];
    let bodies = ["artifacts".to_owned(), format!("artifacts/{shard}"), body];
    for name in documents.iter().map(|name| (*name).to_owned()).chain(bodies) {
        replaced(home.path(), &directory, &name, |path| {
            std::os::unix::fs::symlink(&aside, path).expect("a link");
        });
        replaced(home.path(), &directory, &name, |path| {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.expect("mkfifo is installed").success());
        });
        replaced(home.path(), &directory, &name, |path| {
            std::os::unix::fs::symlink("/dev/zero", path).expect("a link");
        });
    }
    for name in documents {
        replaced(home.path(), &directory, name, |path| fs::create_dir(path).expect("a folder"));
    }
    replaced(home.path(), &directory, "answer.json", |path| {
        let file = fs::File::create(path).expect("a file");
        file.set_len(1 << 40).expect("a file with a hole");
    });
    ended(&run(home.path(), &["verify", shown(&directory)]), 0);
}
