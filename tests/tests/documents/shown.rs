//! Sessions that documents show: every command is typed again, and what it prints is compared.
//!
//! A block with the info `console` has commands after `$ ` and their output below; a line `…` stands for any lines.
//! Times, durations and ids differ from run to run and are compared by their form.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use candor_tests::{candor, project, tree};
use regex::Regex;

use crate::markdown;

/// Printed between two commands, so that their outputs can be told apart.
const BETWEEN: &str = "\u{1e}";

struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

/// The commands of a document's sessions, with the output that it shows.
fn sessions(document: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    for block in markdown::blocks(document).into_iter().filter(|block| block.info == "console") {
        for (line, text) in (block.line + 1..).zip(block.text.lines()) {
            match text.strip_prefix("$ ") {
                Some(command) => found.push(Shown { line, command: command.to_owned(), output: Vec::new() }),
                None => found.last_mut().expect("a session begins with a command").output.push(text.to_owned()),
            }
        }
    }
    found
}

/// Types the commands in one shell, in a folder with the examples, and gives what each printed.
fn typed(commands: &[Shown], folder: &Path) -> Vec<String> {
    let copied = Command::new("cp").arg("-r").arg(project().join("examples")).arg(folder).status();
    assert!(copied.expect("cp can be started").success());
    let mut script = String::from("exec 2>&1\n");
    for shown in commands {
        script.push_str(&format!("{}\nprintf '{BETWEEN}'\n", shown.command));
    }
    fs::write(folder.join(".session"), script).expect("the session can be written");
    let binary = candor();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = binary.parent().expect("a binary lies in a folder").to_path_buf();
    let path = std::env::join_paths(std::iter::once(first).chain(std::env::split_paths(&path))).expect("a path");
    let output = Command::new("bash")
        .arg(".session")
        .current_dir(folder)
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .expect("the shell can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split(BETWEEN).map(str::to_owned).collect()
}

/// The line without what differs from run to run.
fn form(line: &str) -> String {
    let differs = [
        (r"\d{8}T\d{6}Z-([a-z0-9-]+)-[0-9a-f]{6}", "TIME-$1-ID"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"job_[0-9a-f-]{36}", "JOB"),
        (r"\d+(\.\d+)? m?s\b", "DURATION"),
        (r" {2,}", "  "),
        (r"-{2,}", "--"),
    ];
    let mut form = line.trim_end().to_owned();
    for (pattern, instead) in differs {
        form = Regex::new(pattern).expect("a pattern").replace_all(&form, instead).into_owned();
    }
    form
}

/// Whether lines are those that are shown, where `…` stands for any.
fn fits(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..])),
        Some((first, rest)) => {
            printed.first().is_some_and(|line| form(line) == form(first)) && fits(rest, &printed[1..])
        }
    }
}

fn assert_shown(document: &str) {
    let commands = sessions(&tree::text(document));
    assert!(!commands.is_empty(), "{document} shows no session");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let printed = typed(&commands, folder.path());
    assert_eq!(printed.len(), commands.len() + 1, "the session of {document} ended early:\n{}", printed.concat());
    for (shown, printed) in commands.iter().zip(&printed) {
        let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
        let place = format!("{document}:{}: `{}`", shown.line, shown.command);
        assert!(
            fits(&shown.output, &lines),
            "{place} prints\n{printed}\nand the document shows\n{}",
            shown.output.join("\n")
        );
    }
}

#[test]
fn what_the_readme_shows_is_what_comes_out() {
    assert_shown("README.md");
}

#[test]
fn what_the_tutorial_shows_is_what_comes_out() {
    assert_shown("docs/tutorial.md");
}
