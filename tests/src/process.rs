//! A running `candor`: what it says line by line, signals to it, and what it leaves behind when it ends.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus, Stdio};

use crate::command;

/// Looks for something that should soon be gone, before a test gives up; a tenth of a second apart.
const LOOKS_MAX: u32 = 300;

/// A run under way.
pub struct Started {
    child: Child,
    lines: BufReader<ChildStderr>,
    out: Option<ChildStdout>,
    /// What it said to stderr so far.
    pub said: Vec<String>,
}

/// How a run ended.
pub struct Ended {
    /// With which code or signal.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Started {
    /// Starts the binary in a folder.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn new(folder: &Path, arguments: &[&str]) -> Self {
        Self::of(&mut command(folder, arguments))
    }

    /// Starts a command.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn of(command: &mut std::process::Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary can be started");
        let lines = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        let out = child.stdout.take();
        Self { child, lines, out, said: Vec::new() }
    }

    /// The next line, or `None` when it has closed stderr.
    ///
    /// # Panics
    ///
    /// When it says something that is no text.
    pub fn line(&mut self) -> Option<&str> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("it says text");
        if read == 0 {
            return None;
        }
        self.said.push(line.trim_end().to_owned());
        self.said.last().map(String::as_str)
    }

    /// Reads until a line holds this.
    ///
    /// # Panics
    ///
    /// When it ends before.
    #[track_caller]
    pub fn until(&mut self, wanted: &str) {
        loop {
            match self.line() {
                Some(line) if line.contains(wanted) => return,
                Some(_) => {}
                None => panic!("it ended without saying `{wanted}`: {:#?}", self.said),
            }
        }
    }

    /// Sends it a signal, by the name that `kill` knows.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill is installed").success(), "could not send {name}");
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it panicked, or what it printed is no text.
    #[track_caller]
    pub fn ended(mut self) -> Ended {
        let mut stdout = String::new();
        let mut out = self.out.take().expect("taken once");
        // What it prints at the end fits into the pipe, or stderr is closed only after it was read.
        while self.line().is_some() {}
        out.read_to_string(&mut stdout).expect("it prints text");
        let status = self.child.wait().expect("it can be waited for");
        let stderr = self.said.join("\n");
        assert!(!stderr.contains("panicked"), "{stderr}");
        Ended { status, stdout, stderr }
    }
}

/// Waits until no process has this word in its command line, environment or working directory, and says which do.
pub fn survivors(word: &str) -> Vec<String> {
    for _ in 0..LOOKS_MAX {
        let found = living(word);
        if found.is_empty() {
            return found;
        }
        pause();
    }
    living(word)
}

/// The processes that have this word in their command line, environment or working directory.
pub fn living(word: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let (folder, id) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if !id.bytes().all(|byte| byte.is_ascii_digit()) || id == own {
            continue;
        }
        let part =
            |name: &str| String::from_utf8_lossy(&std::fs::read(folder.join(name)).unwrap_or_default()).into_owned();
        let place = std::fs::read_link(folder.join("cwd")).unwrap_or_default();
        let (line, environment) = (part("cmdline"), part("environ"));
        if line.contains(word) || environment.contains(word) || place.to_string_lossy().contains(word) {
            found.push(format!("{id}: {}", line.replace('\0', " ")));
        }
    }
    found
}

/// Lets others run before something is looked at again. What is looked for decides, not how long this takes.
pub(crate) fn pause() {
    let _ = std::process::Command::new("sleep").arg("0.1").status();
}
