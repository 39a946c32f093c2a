//! Derives a run directory again from its log and refuses when any byte differs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use candor_proto::{FileValue, Job, Sha256};
use candor_workflow::catalogue::Catalogue;
use serde_json::Value;
use sha2::Digest;

use super::events::{LogFile, read_log};
use super::project::answer_document;
use super::{ANSWER, ARTIFACTS, EVENTS, FORMAT, LOG, REPORT, STATE, SUMMARY, project};
use crate::failure::{Code, Failure};

/// A run directory that holds what it says.
#[derive(Debug)]
pub(crate) struct Verified {
    /// The answer's digest.
    pub(crate) digest: Sha256,
    /// Statements whose bytes were found.
    pub(crate) statements: usize,
    /// Files whose digest was checked.
    pub(crate) files: usize,
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
    for name in [EVENTS, ANSWER] {
        if let Some(format) = newer(&directory.join(name)) {
            let path = directory.join(name);
            let message = format!("{} has format {format}; this build reads up to {FORMAT}", path.display());
            return Err(Refuted::Unreadable(Failure::newer(message)));
        }
    }
    derive(directory, catalogue).map_err(Refuted::Wrong)
}

/// The format of a file, where a newer build wrote it: of the first line, or of the whole document.
fn newer(path: &Path) -> Option<u64> {
    let bytes = fs::read(path).ok()?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let document = serde_json::from_slice::<Value>(line).or_else(|_| serde_json::from_slice(&bytes)).ok()?;
    document.get("format").and_then(Value::as_u64).filter(|format| *format > u64::from(FORMAT))
}

fn derive(directory: &Path, catalogue: &Catalogue) -> Result<Verified, Vec<String>> {
    let LogFile { job, sha256: log_sha256, events: _ } = log(directory).map_err(|wrong| vec![wrong])?;
    let mut wrong = Vec::new();
    let Some(answer) = candor_assembler::answer(&job, catalogue) else {
        return Err(vec![format!("{EVENTS}: no answer follows from it")]);
    };
    let recorded = read(directory, ANSWER).map_err(|reason| vec![reason])?;
    let files = bound_files(&recorded).map_err(|reason| vec![format!("{ANSWER}: {reason}")])?;
    for name in [LOG, REPORT] {
        match (read(directory, name), files.get(name)) {
            (Ok(bytes), Some(expected)) if Sha256::of(&bytes) == *expected => {}
            (Ok(_), Some(_)) => wrong.push(format!("{name}: its bytes are not the ones that the answer names")),
            (Ok(_), None) => wrong.push(format!("{ANSWER}: it does not name {name}")),
            (Err(reason), _) => wrong.push(reason),
        }
    }
    match answer_document(&answer, log_sha256, &files) {
        Ok(derived) if derived == recorded => {}
        Ok(derived) => wrong.push(format!("{ANSWER}: {}", difference(&recorded, &derived))),
        Err(error) => wrong.push(format!("{ANSWER}: {error}")),
    }
    match (read(directory, SUMMARY), project::summary_document(&job)) {
        (Ok(recorded), Ok(derived)) if recorded == derived => {}
        (Ok(recorded), Ok(derived)) => wrong.push(format!("{SUMMARY}: {}", difference(&recorded, &derived))),
        (Err(reason), _) => wrong.push(reason),
        (_, Err(error)) => wrong.push(format!("{SUMMARY}: {error}")),
    }
    let checked = artifacts(&directory.join(ARTIFACTS), &job, &mut wrong);
    strangers(directory, &mut wrong);
    if wrong.is_empty() {
        Ok(Verified { digest: answer.digest, statements: answer.statements.len(), files: checked + 5, job })
    } else {
        Err(wrong)
    }
}

fn log(directory: &Path) -> Result<LogFile, String> {
    if directory.join(STATE).exists() {
        return Err("the job has not ended: `candor run --resume` goes on with it".to_owned());
    }
    let bytes = read(directory, EVENTS)?;
    let log = read_log(&bytes).map_err(|reason| format!("{EVENTS}: {reason}"))?;
    // The names beside the events are for people; they are derived, so they are checked by writing the log again.
    let mut again = Vec::new();
    super::events::write_log(&mut again, log.job.id(), &log.events).map_err(|error| error.to_string())?;
    if again == bytes { Ok(log) } else { Err(format!("{EVENTS}: {}", difference(&bytes, &again))) }
}

fn read(directory: &Path, name: &str) -> Result<Vec<u8>, String> {
    fs::read(directory.join(name)).map_err(|error| format!("{name}: {error}"))
}

fn bound_files(answer: &[u8]) -> Result<BTreeMap<String, Sha256>, String> {
    let document: Value = serde_json::from_slice(answer).map_err(|error| format!("it is no JSON: {error}"))?;
    let files = document.get("files").cloned().unwrap_or_default();
    serde_json::from_value(files).map_err(|error| format!("its `files` are unreadable: {error}"))
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

/// Every body is what its name says, and every body that the log names is there. There may be others, which an
/// attempt left whose outcome nobody recorded: no part of the answer speaks of them.
fn artifacts(folder: &Path, job: &Job, wrong: &mut Vec<String>) -> usize {
    let named = named_files(job);
    let mut found = BTreeSet::new();
    for entry in walkdir::WalkDir::new(folder).min_depth(1).into_iter() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound) => break,
            Err(error) => {
                wrong.push(format!("{ARTIFACTS}: {error}"));
                continue;
            }
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let shown = entry.path().strip_prefix(folder).unwrap_or(entry.path()).display().to_string();
        let parts: String = shown.chars().filter(|character| *character != '/').collect();
        match (parts.parse::<Sha256>(), file_digest(entry.path())) {
            (Ok(name), Ok(digest)) if name == digest => {
                found.insert(name);
            }
            (Ok(_), Ok(_)) => wrong.push(format!("{ARTIFACTS}/{shown}: its bytes are not what its name says")),
            (Err(_), _) => wrong.push(format!("{ARTIFACTS}/{shown}: nothing of this name belongs here")),
            (_, Err(error)) => wrong.push(format!("{ARTIFACTS}/{shown}: {error}")),
        }
    }
    wrong.extend(named.difference(&found).map(|missing| format!("{ARTIFACTS}: the body {missing} is missing")));
    found.len()
}

fn file_digest(path: &Path) -> std::io::Result<Sha256> {
    let (mut file, mut hash, mut buffer) = (fs::File::open(path)?, sha2::Sha256::new(), vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Sha256::from_bytes(hash.finalize().into()));
        }
        hash.update(&buffer[..read]);
    }
}

/// The bodies that the job's plan, inputs and outputs name.
pub(crate) fn named_files(job: &Job) -> BTreeSet<Sha256> {
    let mut named = BTreeSet::new();
    let Some(accepted) = job.accepted() else { return named };
    named.extend(accepted.plan.files.values().map(|file| file.sha256));
    accepted.inputs.values().for_each(|value| collect(value, &mut named));
    for task in job.tasks() {
        let items = task.fan.iter().flat_map(|fan| fan.items.iter());
        for node in items.chain(std::iter::once(&task.node)) {
            if let Some(outputs) = &node.outputs {
                collect(outputs, &mut named);
            }
        }
    }
    named
}

fn collect(value: &Value, named: &mut BTreeSet<Sha256>) {
    match value {
        Value::Object(fields) => match FileValue::from_value(value) {
            Some(file) => {
                named.insert(file.sha256);
            }
            None => fields.values().for_each(|value| collect(value, named)),
        },
        Value::Array(items) => items.iter().for_each(|value| collect(value, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn strangers(directory: &Path, wrong: &mut Vec<String>) {
    let known = [EVENTS, SUMMARY, ANSWER, LOG, REPORT, ARTIFACTS];
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !known.contains(&name.as_str()) {
            wrong.push(format!("{name}: nothing of this name belongs into a run directory"));
        }
    }
}
