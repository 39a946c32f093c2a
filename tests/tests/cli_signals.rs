//! SIGINT and SIGTERM: the first drains, the second ends at once; either way the run can be resumed.

use std::path::Path;

use candor_tests::process::{Started, survivors};
use candor_tests::{document, ended, home, printed, run, run_directory, shown, write};

/// A task that waits until somebody makes a file, with work before and after it.
const WAITING: &str = r#"name: waiting
inputs:
  flag: { type: string, required: true }
tasks:
  - { id: before, run: "printf 1" }
  - { id: hold, needs: before, run: "while [ ! -e ${{ inputs.flag }} ]; do sleep 0.05; done; printf 2" }
  - { id: after, needs: hold, run: "printf 3" }
outputs:
  all: ${{ tasks.before.outputs.stdout + tasks.hold.outputs.stdout + tasks.after.outputs.stdout }}
"#;

struct Case {
    home: tempfile::TempDir,
    flag: String,
}

impl Case {
    fn new() -> Self {
        let home = home();
        write(home.path(), "waiting.yaml", WAITING);
        let flag = format!("flag={}", home.path().join("flag").display());
        Self { home, flag }
    }

    fn held(&self) -> Started {
        let mut started = Started::new(self.home.path(), &["run", "waiting.yaml", "-i", &self.flag, "--json"]);
        started.until("hold: running");
        started
    }

    fn release(&self) {
        write(self.home.path(), "flag", "");
    }

    fn directory(&self) -> std::path::PathBuf {
        run_directory(&self.home.path().join("runs"))
    }

    /// Resumes the run, and compares it with one that nobody disturbed.
    #[track_caller]
    fn resumes_to_the_same_answer(&self) {
        self.release();
        let directory = self.directory();
        let output = run(self.home.path(), &["run", "--resume", shown(&directory), "--json"]);
        ended(&output, 0);
        let digest = printed(&output)["digest"].clone();
        ended(&run(self.home.path(), &["verify", shown(&directory)]), 0);
        let calm = run(self.home.path(), &["run", "waiting.yaml", "-i", &self.flag, "--json", "--runs-dir", "calm"]);
        ended(&calm, 0);
        assert_eq!(printed(&calm)["digest"], digest);
        assert_eq!(document(&directory, "summary.json")["outputs"]["all"], "123");
    }

    fn word(&self) -> &str {
        shown(Path::new(self.home.path().file_name().expect("a name")))
    }
}

fn drains(name: &str) {
    let case = Case::new();
    let mut started = case.held();
    started.signal(name);
    started.until("asked to end");
    case.release();
    let ended = started.ended();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.stderr);
    let error: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one document");
    assert_eq!(error["error"]["code"], "interrupted");
    assert!(ended.stderr.contains("hold: succeeded") || !ended.stderr.contains("after: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("--resume"), "{}", ended.stderr);
    assert!(!case.directory().join("answer.json").exists(), "an answer was written");
    assert_eq!(survivors(case.word()), Vec::<String>::new());
    let log = |directory: &Path| std::fs::read_to_string(directory.join("run.log")).expect("it is there");
    case.resumes_to_the_same_answer();
    // What ran when the signal came was let to its end, and is not done again.
    let told = log(&case.directory());
    assert_eq!(told.matches("hold started").count(), 1, "{told}");
}

#[test]
fn an_interrupt_drains_and_the_run_can_be_resumed() {
    drains("INT");
}

#[test]
fn a_request_to_terminate_drains_as_well() {
    drains("TERM");
}

#[test]
fn a_second_interrupt_ends_at_once_and_the_run_can_be_resumed() {
    let case = Case::new();
    let mut started = case.held();
    started.signal("INT");
    started.until("asked to end");
    started.signal("INT");
    started.until("ending now");
    // Nobody releases the task: only an end at once comes here.
    let ended = started.ended();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.stderr);
    assert!(!case.directory().join("answer.json").exists(), "an answer was written");
    assert_eq!(survivors(case.word()), Vec::<String>::new());
    case.resumes_to_the_same_answer();
}

#[test]
fn a_kill_leaves_no_process_and_the_run_can_be_resumed() {
    let case = Case::new();
    let started = case.held();
    started.signal("KILL");
    assert_eq!(started.ended().status.code(), None);
    assert_eq!(survivors(case.word()), Vec::<String>::new());
    case.resumes_to_the_same_answer();
}
