//! `report.md`: the answer for somebody who was not there.

use std::fmt::Write;

use candor_proto::time::rfc3339;
use candor_proto::{Answer, Fate, Gap, Job, JobResult, Node};

use super::story;

/// Statements, gaps and tasks that a report shows; the answer and the summary have what they have of them.
const SHOWN_MAX: usize = 200;
/// Characters of one statement.
const STATEMENT_CHARACTERS_MAX: usize = 400;

/// Before the version in a report's last line.
const WRITTEN_BY: &str = "Written by Candor ";
/// Characters of a version.
const VERSION_CHARACTERS_MAX: usize = 40;

/// The report of an ended job, as this build words it; `version` is who signs it.
pub(super) fn report(job: &Job, answer: &Answer, version: &str) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut text, job, answer).and_then(|()| writeln!(text, "{WRITTEN_BY}{version}."));
    text
}

/// The version that a report says has written it.
pub(super) fn written_by(report: &[u8]) -> Option<&str> {
    let line = report.strip_suffix(b".\n")?.rsplit(|byte| *byte == b'\n').next()?;
    let version = std::str::from_utf8(line).ok()?.strip_prefix(WRITTEN_BY)?;
    let plain = |character: char| character.is_ascii_alphanumeric() || ".+-".contains(character);
    let fits = !version.is_empty() && version.len() <= VERSION_CHARACTERS_MAX && version.chars().all(plain);
    fits.then_some(version)
}

fn write(out: &mut String, job: &Job, answer: &Answer) -> std::fmt::Result {
    let sure = answer.confidence;
    writeln!(out, "# {}: {}\n", escape(&answer.workflow), story::ended(answer.result))?;
    writeln!(out, "{}\n", headline(answer.result))?;
    writeln!(out, "| | |\n|---|---|")?;
    writeln!(out, "| Job | `{}` |", answer.job)?;
    writeln!(out, "| Began | {} |", rfc3339(answer.created_at))?;
    writeln!(out, "| Took | {} |", story::duration(answer.ended_at.saturating_sub(answer.created_at)))?;
    let (score, class) = (sure.score().get(), sure.class().word());
    writeln!(out, "| Confidence | {score:.2} {class} ({:.2} to {:.2}) |", sure.low().get(), sure.high().get())?;
    writeln!(out, "| Digest | `{}` |\n", answer.digest)?;
    gaps(out, answer)?;
    statements(out, answer)?;
    tasks(out, job, answer)
}

const fn headline(result: JobResult) -> &'static str {
    match result {
        JobResult::Complete => "Everything that was asked for is here.",
        JobResult::CompleteWithGaps => "What was asked for is here, with the gaps that are listed below.",
        JobResult::Failed => "The work did not reach its end. What is here was recorded before that.",
        JobResult::Cancelled => "The work was cancelled. What is here was recorded before that.",
        JobResult::Rejected => "The work was rejected.",
    }
}

fn gaps(out: &mut String, answer: &Answer) -> std::fmt::Result {
    if answer.gaps.is_empty() {
        return Ok(());
    }
    writeln!(out, "## What is missing\n")?;
    // One that counts others stands for them, so it is never among those that are left out here.
    let shown = |(place, gap): &(usize, &Gap)| *place < SHOWN_MAX || gap.count.is_some();
    for (_, gap) in answer.gaps.iter().enumerate().filter(shown) {
        let count = gap.count.map(|count| format!("{count} ")).unwrap_or_default();
        writeln!(out, "- **{}**: {count}{}.", escape(&gap.task), gap.reason.words())?;
    }
    more(out, answer.gaps.len(), "answer.json")
}

fn statements(out: &mut String, answer: &Answer) -> std::fmt::Result {
    writeln!(out, "## What is known\n")?;
    if answer.statements.is_empty() {
        writeln!(out, "Nothing was recorded that the answer could say.\n")?;
        return Ok(());
    }
    for statement in answer.statements.iter().take(SHOWN_MAX) {
        let sure = statement.confidence();
        let text: String = statement.text().chars().take(STATEMENT_CHARACTERS_MAX).collect();
        let cut = if text.len() < statement.text().len() { " …" } else { "" };
        writeln!(
            out,
            "- {} {}{cut} ({:.2} {})",
            statement.id(),
            escape(text.trim_end()),
            sure.score().get(),
            sure.class().word()
        )?;
    }
    more(out, answer.statements.len(), "answer.json")
}

fn tasks(out: &mut String, job: &Job, answer: &Answer) -> std::fmt::Result {
    writeln!(out, "## Tasks\n\n| Task | State | In the answer | Took | Why |\n|---|---|---|---|---|")?;
    for (record, (place, entry)) in job.tasks().iter().zip((0_u32..).zip(&answer.ledger)).take(SHOWN_MAX) {
        let took =
            record.started_at.zip(record.ended_at).map(|(start, end)| story::duration(end.saturating_sub(start)));
        let fate = match entry.fate {
            Fate::Used => "used",
            Fate::Excluded => "left out",
            Fate::Superseded => "superseded",
            Fate::Missing => "missing",
        };
        let cause = record.caused_by.map(|cause| format!("because of {}", job.name(Node::task(cause))));
        let error = record.node.error.as_ref().map(|error| error.told());
        let why = cause.or(error).unwrap_or_default();
        let name = job.name(Node::task(place));
        writeln!(
            out,
            "| {} | {} | {fate} | {} | {} |",
            escape(&name),
            record.state.word(),
            took.unwrap_or_default(),
            escape(&why)
        )?;
    }
    writeln!(out)?;
    more(out, job.tasks().len(), "summary.json")
}

fn more(out: &mut String, count: usize, place: &str) -> std::fmt::Result {
    if count > SHOWN_MAX {
        writeln!(out, "- … and {} more in `{place}`.", count - SHOWN_MAX)?;
    }
    writeln!(out)
}

/// Text of programs stays text: no markup, no new lines, no HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in story::clean(text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '#' | '\\' => {
                escaped.push('\\');
                escaped.push(character);
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}
