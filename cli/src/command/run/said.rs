//! What a run says at its end: the answer, as JSON or for people.

use std::path::Path;

use candor_proto::JobResult;
use serde_json::Value;

use crate::failure::{Code, Exit, Failure};
use crate::run_directory::{self, ANSWER, FORMAT};
use crate::terminal;

/// Characters of a statement on a terminal.
const STATEMENT_CHARACTERS_MAX: usize = 160;

/// Says the answer that stands in a run directory; the exit code is the job's.
pub(crate) fn again(directory: &Path, json: bool) -> Result<Exit, Failure> {
    let path = directory.join(ANSWER);
    let bytes = std::fs::read(&path).map_err(|error| Failure::disk("could not read", &path, &error))?;
    run_directory::known_format(&path, &bytes)?;
    let damaged = || {
        Failure::store(Code::DamagedRun, format!("{} is damaged", path.display())).advice("`candor verify` says more")
    };
    let document: Value = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
    if document.get("format").and_then(Value::as_u64) != Some(u64::from(FORMAT)) {
        return Err(damaged());
    }
    let result = document.get("result").cloned().and_then(|result| serde_json::from_value::<JobResult>(result).ok());
    let result = result.ok_or_else(damaged)?;
    if json {
        // The bytes as they stand: numbers keep their form.
        terminal::data(&String::from_utf8_lossy(&bytes));
    } else {
        terminal::data(&for_people(&document));
        terminal::data(&format!("answer  {}\n", terminal::path(&path)));
    }
    Ok(Exit::of(result))
}

/// The answer's sentences, gaps, result and digest, a line each.
fn for_people(document: &Value) -> String {
    // Somebody may have written into the file since: no field is believed to be what we wrote.
    let text = |value: &Value, name: &str| {
        terminal::clean(value.get(name).and_then(Value::as_str).unwrap_or_default().trim_end())
    };
    let list = |name: &str| document.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut said = String::new();
    for statement in list("statements") {
        said.push_str(&format!("{}  {}\n", text(&statement, "id"), short(&text(&statement, "text"))));
    }
    for gap in list("gaps") {
        let count = gap.get("count").and_then(Value::as_u64).map(|count| format!("{count} ")).unwrap_or_default();
        said.push_str(&format!("gap  {}: {count}{}\n", text(&gap, "task"), text(&gap, "reason").replace('_', " ")));
    }
    said.push_str(&format!("result  {}\n", text(document, "result").replace('_', " ")));
    said.push_str(&format!("digest  {}\n", text(document, "digest")));
    said
}

/// As much of a statement as fits beside its number.
fn short(text: &str) -> String {
    let mut short: String = text.chars().take(STATEMENT_CHARACTERS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
