//! Nothing outlives its attempt, also where attempts run as the worker's own user and kill what watches over them.

use std::os::unix::fs::chown;
use std::process::{Command, Stdio};

use candor_tests::process::{living, survivors};
use candor_tests::{both, candor, home, run_directory, shown, write};

/// The user that nobody is.
const NOBODY: u32 = 65_534;

/// Leaves a process in a session of its own, below no folder and without environment, and kills its supervisor.
const ESCAPES: &str = r#"
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir('/')
    os.kill(int(sys.argv[1]), 9)
    os.execve('/bin/sleep', ['sleep', sys.argv[2]], {})
time.sleep(5)
"#;

#[test]
fn a_process_that_kills_its_supervisor_ends_with_its_attempt_and_those_of_others_live_on() {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let may = Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success());
    if root && !may {
        println!("left out: there is no setpriv to become another user with");
        return;
    }
    let home = home();
    // A number of seconds that stands in no other command line.
    let (word, inherited) = (format!("9{}", std::process::id()), format!("8{}", std::process::id()));
    write(home.path(), "escape.py", ESCAPES);
    let workflow = format!(
        "name: w\nfiles: [escape.py]\ntasks:\n  - {{ id: a, run: \"python3 escape.py $PPID {word}\" }}\n  - {{ id: b, run: \"sleep 1; echo done\" }}\n"
    );
    write(home.path(), "w.yaml", workflow);
    let mut command = if root {
        for name in ["", "escape.py", "w.yaml"] {
            chown(home.path().join(name), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        let mut command = Command::new("setpriv");
        let user = NOBODY.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    // The shell becomes the run: what it started before is the run's child and none of its business.
    let script = format!("sleep {inherited} > /dev/null 2>&1 & exec \"$0\" run w.yaml --json");
    command.args(["-c", &script, shown(&candor())]).current_dir(home.path()).stdin(Stdio::null());
    let output = command.output().expect("sh is installed");
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    assert_eq!(survivors(&word), Vec::<String>::new());
    let others = living(&inherited);
    assert_eq!(others.len(), 1, "what the run did not start was ended: {others:?}");
    let id = others[0].split(':').next().expect("an id").to_owned();
    assert!(Command::new("kill").arg(id).status().expect("kill is installed").success());
    let summary = candor_tests::document(&run_directory(&home.path().join("runs")), "summary.json");
    assert_eq!(summary["tasks"]["a"]["error"]["code"], "supervisor_lost", "{summary}");
    assert_eq!(summary["tasks"]["b"]["state"], "succeeded");
}
