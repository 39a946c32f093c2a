//! What people see: stdout is for data, stderr for everything else.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::OnceLock;

use candor_platform::config::Environment;
use candor_workflow::Paint;
use serde::Serialize;
use serde_json::json;

use crate::failure::{Code, Failure};

/// Why data did not arrive. Only the first reason counts: what follows it has no use any more.
static LOST: OnceLock<String> = OnceLock::new();

/// Writes data to stdout. A reader that went away is no error of ours; any other is kept, and the command ends with it.
pub(crate) fn data(text: &str) {
    let mut out = std::io::stdout().lock();
    // Flushed here, because nobody asks at the end whether the last line arrived.
    lose(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Takes note of data that did not arrive.
pub(crate) fn lose(written: std::io::Result<()>) {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            // Only the first reason is kept; `set` refuses the others.
            let _ = LOST.set(error.to_string());
        }
        Ok(()) | Err(_) => {}
    }
}

/// What a command that has printed everything comes to, when not all of it arrived.
pub(crate) fn lost() -> Option<Failure> {
    let reason = LOST.get()?;
    let failure = Failure::store(Code::Disk, format!("could not write to standard output: {reason}"));
    Some(failure.advice("make room where the output goes, and ask again; nothing else was lost"))
}

/// Writes a JSON document to stdout.
pub(crate) fn document<T: Serialize>(value: &T) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => data(&format!("{text}\n")),
        Err(error) => lose(Err(error.into())),
    }
}

/// Rows of cells, each column as wide as its widest cell.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(clean(&cells.join("  ")).trim_end());
        text.push('\n');
    }
    text
}

/// Writes a line to stderr.
pub(crate) fn line(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{text}");
}

/// Whether stderr shows progress bars.
pub(crate) fn live() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether diagnostics have colours: only on a terminal, and never when `NO_COLOR` says no.
pub(crate) fn paint(environment: &Environment) -> Paint {
    let refused = environment.get("NO_COLOR").is_some();
    if live() && !refused { Paint::Colour } else { Paint::Plain }
}

/// Says why a command could not do its work: to people on stderr, and with `--json` to programs on stdout.
pub(crate) fn report(failure: &Failure, json: bool) {
    if json {
        document(&json!({"error": failure.body}));
    }
    line(&format!("error[{}]: {}", clean(&failure.body.code), clean(&failure.body.message)));
    if !failure.body.advice.is_empty() {
        line(&format!("  help: {}", clean(&failure.body.advice)));
    }
}

/// Text of strangers must not give orders to a terminal, nor look like a line of ours: it stays on one line.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => clean.push_str(" ⏎ "),
            control if control.is_control() => clean.push('\u{fffd}'),
            plain => clean.push(plain),
        }
    }
    clean
}

/// The same for text of several lines, which whoever prints it sets apart from ours.
pub(crate) fn clean_lines(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| line.strip_suffix('\n').map_or_else(|| clean(line), |line| clean(line) + "\n"))
        .collect()
}

/// A path as part of a line.
pub(crate) fn path(path: &Path) -> String {
    clean(&path.to_string_lossy())
}
