//! What people see: stdout is for data, stderr for everything else.

use std::io::{IsTerminal, Write};

use candor_platform::config::Environment;
use candor_workflow::Paint;
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

/// Writes data to stdout. A reader that went away is no error of ours.
pub(crate) fn data(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a JSON document to stdout.
pub(crate) fn document<T: Serialize>(value: &T) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        data(&text);
        data("\n");
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

/// Text of strangers must not give orders to a terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() && character != '\n' { '\u{fffd}' } else { character })
        .collect()
}
