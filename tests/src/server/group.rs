//! A server and everything that it starts, as one group of processes that ends when the test does.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Starts the program, and kills its whole group as soon as standard input ends: also when the test is killed.
const KEEPER: &str = r#""$@" </dev/null & read -r _; kill -s KILL -- -$$"#;

/// A running group.
pub(super) struct Group {
    keeper: Child,
}

impl Group {
    /// Starts a program; what it prints goes to a file.
    pub(super) fn start(program: &str, arguments: &[String], variables: &[(&str, String)], log: &Path) -> Self {
        let out = File::options().append(true).create(true).open(log).expect("a log file");
        let err = out.try_clone().expect("a log file");
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper", program])
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(log.parent().expect("a log lies in a folder"))
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .expect("a shell");
        Self { keeper }
    }

    /// Ends all of it at once, as a power failure would.
    pub(super) fn kill(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("it can be waited for");
    }

    /// Sends every process of it a signal, by the name that `kill` knows.
    pub(super) fn signal(&self, name: &str) {
        let group = format!("-{}", self.keeper.id());
        let status = Command::new("kill").args(["-s", name, "--", &group]).status();
        assert!(status.expect("kill is installed").success(), "could not send {name}");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
