//! `candor up` and the commands that speak to it through its socket.

use std::path::Path;

use candor_tests::process::{Started, survivors};
use candor_tests::{command, ended, home, printed, run, run_directory, shown, text, write};
use serde_json::Value;
use tempfile::TempDir;

const WORK: &str = "name: work\ntasks:\n  - { id: a, run: echo hello }\n  - { id: b, needs: a, run: \"wc -c\", with: { stdin: \"${{ tasks.a.outputs.stdout }}\" } }\n";
const HELD: &str = "name: held\ntasks:\n  - { id: a, run: \"until [ -e FREE ]; do sleep 0.05; done\" }\n";

/// A running `candor up` with a folder of its own, and a home for the commands.
struct Case {
    home: TempDir,
    up: Option<Started>,
}

impl Case {
    fn new() -> Self {
        let mut case = Self { home: home(), up: None };
        case.start();
        case
    }

    fn start(&mut self) {
        let mut up = Started::of(&mut self.command(&["up", "--data-dir", "data"]));
        up.until("candor is up");
        self.up = Some(up);
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = command(self.home.path(), arguments);
        command.env("CANDOR_DATA_DIR", "data");
        command
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.command(arguments).output().expect("the binary can be started")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        ended(&output, 0);
        printed(&output)
    }

    fn write(&self, name: &str, content: &str) {
        write(self.home.path(), name, content.replace("FREE", shown(&self.home.path().join("free"))));
    }

    fn submit(&self, content: &str) -> String {
        self.write("w.yaml", content);
        let said = self.json(&["submit", "w.yaml"]);
        assert_eq!((&said["accepted"], &said["duplicate"]), (&Value::Bool(true), &Value::Bool(false)), "{said}");
        said["job"].as_str().expect("an id").to_owned()
    }

    fn stop(&mut self, signal: &str) -> std::process::ExitStatus {
        let up = self.up.take().expect("it runs");
        up.signal(signal);
        up.ended().status
    }

    fn word(&self) -> String {
        shown(Path::new(self.home.path().file_name().expect("a name"))).to_owned()
    }
}

#[test]
fn what_is_submitted_is_done_and_can_be_read_in_every_way() {
    let mut case = Case::new();
    let job = case.submit(WORK);
    let watched = case.run(&["watch", &job]);
    ended(&watched, 0);
    assert!(text(&watched.stdout).contains("result  complete"), "{}", text(&watched.stdout));
    let summary = case.json(&["status", &job]);
    assert_eq!((&summary["state"], &summary["tasks"]["b"]["outputs"]["stdout"]), (&"completed".into(), &"6\n".into()));
    let listed = case.json(&["list"]);
    assert_eq!((&listed[0]["job"], &listed[0]["tasks"]["succeeded"]), (&Value::from(job.as_str()), &2.into()));
    assert_eq!(case.json(&["list", "--result", "failed"]), Value::Array(Vec::new()));
    let told = text(&case.run(&["logs", &job]).stdout);
    assert!(told.contains("b succeeded") && told.contains("job ended: complete"), "{told}");
    let explained = case.json(&["explain", &job, "S1"]);
    assert_eq!(explained[0]["spans"][0]["task"], "b");
    let exported = case.json(&["export", &job]);
    let directory = exported["run_dir"].as_str().expect("a path").to_owned();
    ended(&case.run(&["verify", &directory]), 0);
    assert_eq!(case.json(&["export", &job])["run_dir"], directory.as_str(), "what stands is left as it is");
    assert_eq!(case.json(&["doctor"])["findings"], Value::Array(Vec::new()));
    assert!(case.stop("TERM").success());
    assert_eq!(survivors(&case.word()), Vec::<String>::new());
}

#[test]
fn a_submission_that_waits_gives_the_same_answer_as_a_run() {
    let mut case = Case::new();
    case.write("w.yaml", WORK);
    let waited = case.run(&["submit", "w.yaml", "--wait", "--json", "--runs-dir", "there"]);
    ended(&waited, 0);
    let ran = run(case.home.path(), &["run", "w.yaml", "--json", "--runs-dir", "here"]);
    assert_eq!(printed(&waited)["digest"], printed(&ran)["digest"]);
    let directory = run_directory(&case.home.path().join("there"));
    assert_eq!(candor_tests::document(&directory, "answer.json"), printed(&waited));
    ended(&case.run(&["verify", shown(&directory)]), 0);
    case.write("bad.yaml", "name: bad\ntasks:\n  - { id: a, run: exit 4 }\n");
    assert_eq!(case.run(&["submit", "bad.yaml", "--wait"]).status.code(), Some(1), "the exit code is the job's");
    case.stop("TERM");
}

#[test]
fn the_same_key_means_the_same_job_and_another_body_is_refused() {
    let mut case = Case::new();
    case.write("w.yaml", WORK);
    let submit = ["submit", "w.yaml", "--idempotency-key", "k"];
    let first = case.run(&[submit.as_slice(), &["--wait", "--json"]].concat());
    let second = case.json(&submit);
    assert_eq!(printed(&first)["job"], second["job"]);
    assert_eq!(second["duplicate"], true);
    case.write("w.yaml", &WORK.replace("hello", "other"));
    let refused = case.run(&[submit.as_slice(), &["--wait", "--json"]].concat());
    ended(&refused, 2);
    assert_eq!(printed(&refused)["error"]["code"], "job_exists");
    case.stop("TERM");
}

#[test]
fn killed_at_any_moment_it_goes_on_where_it_was() {
    let mut case = Case::new();
    let job = case.submit(HELD);
    assert!(case.stop("KILL").code().is_none());
    // Whoever only reads needs nobody.
    assert_eq!(case.json(&["list"])[0]["state"], "in_progress");
    let refused = case.run(&["submit", "w.yaml", "--json"]);
    ended(&refused, 5);
    assert_eq!(printed(&refused)["error"]["code"], "nobody_listens");
    case.start();
    write(case.home.path(), "free", "");
    ended(&case.run(&["watch", &job]), 0);
    case.stop("TERM");
    assert_eq!(survivors(&case.word()), Vec::<String>::new());
}

#[test]
fn a_second_one_in_the_same_folder_is_refused() {
    let mut case = Case::new();
    let second = case.run(&["up", "--data-dir", "data"]);
    ended(&second, 5);
    assert!(text(&second.stderr).contains("in_use"), "{}", text(&second.stderr));
    let job = case.submit(WORK);
    ended(&case.run(&["watch", &job]), 0);
    case.stop("TERM");
}

#[test]
fn wrong_words_are_refused_with_what_to_do() {
    let mut case = Case::new();
    for (arguments, code) in [
        (["status", "job_x"], "job_form"),
        (["status", "job_01910000-0000-7000-8000-00000000000a"], "unknown_job"),
        (["export", "job_01910000-0000-7000-8000-00000000000a"], "unknown_job"),
        (["logs", "job_01910000-0000-7000-8000-00000000000a"], "unknown_job"),
        (["cancel", "job_01910000-0000-7000-8000-00000000000a"], "unknown_job"),
    ] {
        let output = case.run(&[arguments.as_slice(), &["--json"]].concat());
        ended(&output, 2);
        assert_eq!(printed(&output)["error"]["code"], code, "{arguments:?}");
    }
    let job = case.submit(HELD);
    assert_eq!(printed(&case.run(&["export", &job, "--json"]))["error"]["code"], "nothing_to_export");
    let every = case.run(&["up", "--concurrency", "0", "--grace", "soon", "--config", "nowhere.toml"]);
    ended(&every, 2);
    let said = text(&every.stderr);
    assert!(["concurrency", "grace", "nowhere.toml"].iter().all(|name| said.contains(name)), "{said}");
    write(case.home.path(), "free", "");
    case.stop("TERM");
}

#[test]
fn nobody_but_the_owner_reaches_its_socket() {
    use std::os::unix::fs::PermissionsExt;
    let mut case = Case::new();
    let mode = |name: &str| {
        let found = std::fs::metadata(case.home.path().join(name)).expect("it is there");
        found.permissions().mode() & 0o777
    };
    assert_eq!((mode("data"), mode("data/candor.sock")), (0o700, 0o600));
    case.stop("TERM");
}
