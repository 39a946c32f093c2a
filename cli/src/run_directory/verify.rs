//! Derives a run directory again from its log and refuses when any byte differs.

mod bodies;
mod told;

use std::fs;
use std::path::Path;

use candor_proto::{Job, Sha256};
use candor_workflow::catalogue::Catalogue;
use serde_json::Value;

use super::events::{LogFile, read_log, write_log};
use super::plain::{self, DOCUMENT_BYTES_MAX, LOG_BYTES_MAX};
use super::project::{answer_document, summary_document};
use super::{ANSWER, ARTIFACTS, EVENTS, FORMAT, LOG, REPORT, STATE, SUMMARY};
use crate::failure::{Code, Failure};
pub(crate) use bodies::named_files;
pub(crate) use told::OtherWording;

/// Files of a run directory beside the bodies.
const DOCUMENTS: usize = 5;

/// A run directory that holds what it says.
#[derive(Debug)]
pub(crate) struct Verified {
    /// The answer's digest.
    pub(crate) digest: Sha256,
    /// Statements whose bytes were found.
    pub(crate) statements: usize,
    /// Files whose digest was checked.
    pub(crate) files: usize,
    /// Files for people that another version worded.
    pub(crate) other_wording: Vec<OtherWording>,
    /// The job, folded from the log.
    pub(crate) job: Job,
}

/// Why a run directory was not found to hold.
#[derive(Debug)]
pub(crate) enum Refuted {
    /// A sentence per thing that does not hold.
    Wrong(Vec<String>),
    /// It cannot even be looked at.
    Unreadable(Failure),
}

/// Verifies a run directory.
pub(crate) fn verify(directory: &Path, catalogue: &Catalogue) -> Result<Verified, Refuted> {
    if !directory.is_dir() {
        let message = format!("{} is no folder", directory.display());
        let failure = Failure::usage(Code::NotARunDirectory, message);
        return Err(Refuted::Unreadable(failure.advice("give the run directory that `candor run` printed")));
    }
    let events = plain::read(directory, EVENTS, LOG_BYTES_MAX);
    let answer = plain::read(directory, ANSWER, DOCUMENT_BYTES_MAX);
    for (name, bytes) in [(EVENTS, &events), (ANSWER, &answer)] {
        if let Some(format) = bytes.as_deref().ok().and_then(newer) {
            return Err(Refuted::Unreadable(of_newer(&directory.join(name), format)));
        }
    }
    derive(directory, catalogue, events, answer).map_err(Refuted::Wrong)
}

/// The format of a document, where a newer build wrote it: of the first line, or of the whole document.
fn newer(bytes: &[u8]) -> Option<u64> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let document = serde_json::from_slice::<Value>(line).or_else(|_| serde_json::from_slice(bytes)).ok()?;
    document.get("format").and_then(Value::as_u64).filter(|format| *format > u64::from(FORMAT))
}

/// Refuses a document that a newer build wrote.
pub(crate) fn known_format(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    newer(bytes).map_or(Ok(()), |format| Err(of_newer(path, format)))
}

/// What is said of such a document.
fn of_newer(path: &Path, format: u64) -> Failure {
    Failure::newer(format!("{} has format {format}; this build reads up to {FORMAT}", path.display()))
}

fn derive(
    directory: &Path,
    catalogue: &Catalogue,
    events: Result<Vec<u8>, String>,
    recorded: Result<Vec<u8>, String>,
) -> Result<Verified, Vec<String>> {
    if fs::symlink_metadata(directory.join(STATE)).is_ok() {
        return Err(vec!["the job has not ended: `candor run --resume` goes on with it".to_owned()]);
    }
    let log = events.and_then(|bytes| log(&bytes)).map_err(|reason| vec![reason])?;
    let Some(answer) = candor_assembler::answer(&log.job, catalogue) else {
        return Err(vec![format!("{EVENTS}: no answer follows from it")]);
    };
    let mut wrong = contradictions(&log);
    let recorded = recorded.map_err(|reason| vec![reason])?;
    let files = told::bound(&recorded).map_err(|reason| vec![format!("{ANSWER}: {reason}")])?;
    let other_wording = told::check(directory, &log, &answer, &files, &mut wrong);
    match answer_document(&answer, log.sha256, &files) {
        Ok(derived) if derived == recorded => {}
        Ok(derived) => wrong.push(format!("{ANSWER}: {}", difference(&recorded, &derived))),
        Err(error) => wrong.push(format!("{ANSWER}: {error}")),
    }
    match (plain::read(directory, SUMMARY, DOCUMENT_BYTES_MAX), summary_document(&log.job)) {
        (Ok(recorded), Ok(derived)) if recorded == derived => {}
        (Ok(recorded), Ok(derived)) => wrong.push(format!("{SUMMARY}: {}", difference(&recorded, &derived))),
        (Err(reason), _) => wrong.push(reason),
        (_, Err(error)) => wrong.push(format!("{SUMMARY}: {error}")),
    }
    let checked = bodies::check(directory, &log.job, &mut wrong);
    strangers(directory, &mut wrong);
    if wrong.is_empty() {
        let (digest, statements) = (answer.digest, answer.statements.len());
        Ok(Verified { digest, statements, files: checked + DOCUMENTS, other_wording, job: log.job })
    } else {
        Err(wrong)
    }
}

fn log(bytes: &[u8]) -> Result<LogFile, String> {
    let log = read_log(bytes).map_err(|reason| format!("{EVENTS}: {reason}"))?;
    // The names beside the events are for people; they are derived, so they are checked by writing the log again.
    let mut again = Vec::new();
    write_log(&mut again, log.job.id(), &log.events).map_err(|error| error.to_string())?;
    if again == bytes { Ok(log) } else { Err(format!("{EVENTS}: {}", difference(bytes, &again))) }
}

/// What a log says of itself and what does not follow from the rest of it: the plan's hash, and what the job came to.
fn contradictions(log: &LogFile) -> Vec<String> {
    let mut wrong = Vec::new();
    if log.job.accepted().is_some_and(|accepted| accepted.plan.hash() != accepted.plan_hash) {
        wrong.push(format!("{EVENTS}: its plan is not the one that its plan_hash names"));
    }
    let closed = log.job.result().map(|result| (log.job.state(), result));
    if closed != log.conclusion {
        wrong.push(format!("{EVENTS}: the result in its closing event does not follow from the events before it"));
    }
    wrong
}

/// Where two texts part, by line.
fn difference(found: &[u8], derived: &[u8]) -> String {
    let differs =
        found.split(|byte| *byte == b'\n').zip(derived.split(|byte| *byte == b'\n')).position(|(a, b)| a != b);
    match differs {
        Some(line) => format!("line {} is not what follows from the log", line + 1),
        None => "it is longer or shorter than what follows from the log".to_owned(),
    }
}

fn strangers(directory: &Path, wrong: &mut Vec<String>) {
    let known = [EVENTS, SUMMARY, ANSWER, LOG, REPORT, ARTIFACTS];
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return wrong.push(format!("the folder cannot be looked through: {error}")),
    };
    for entry in entries {
        match entry.map(|entry| entry.file_name().to_string_lossy().into_owned()) {
            Ok(name) if known.contains(&name.as_str()) => {}
            Ok(name) => wrong.push(format!("{name}: nothing of this name belongs into a run directory")),
            Err(error) => wrong.push(format!("the folder cannot be looked through: {error}")),
        }
    }
}
