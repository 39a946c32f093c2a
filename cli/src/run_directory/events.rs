//! `events.jsonl`: a header, one line per event, the closing event last.

use std::io::Write;

use candor_assembler::decide;
use candor_proto::{Event, Job, JobId, JobResult, JobState, Node, Recorded, Sha256};
use serde::{Deserialize, Serialize};

use super::FORMAT;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    job: JobId,
}

/// A line: the event as it was recorded, with the task's name for people.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    event: &'a Event,
}

/// A log as a file has it.
#[derive(Debug)]
pub(crate) struct LogFile {
    /// The job, folded from it.
    pub(crate) job: Job,
    /// The events, the closing one last.
    pub(crate) events: Vec<Recorded>,
    /// Of all bytes before the closing line.
    pub(crate) sha256: Sha256,
    /// What the job comes to by what is recorded before the closing line.
    pub(crate) conclusion: Option<(JobState, JobResult)>,
}

/// Writes a log up to its closing event; returns the SHA-256 of all bytes before the closing line.
pub(super) fn write_log(out: &mut dyn Write, id: JobId, events: &[Recorded]) -> std::io::Result<Sha256> {
    let mut job = Job::new(id);
    let mut hash = Hashing::default();
    hash.line(out, &serde_json::to_vec(&Header { format: FORMAT, job: id })?, true)?;
    for recorded in events {
        job.evolve(recorded);
        let task = place(&recorded.event).map(|node| job.name(node));
        let line = Line { seq: recorded.seq, at: recorded.at, task, event: &recorded.event };
        let closing = matches!(recorded.event, Event::Ended { .. });
        hash.line(out, &serde_json::to_vec(&line)?, !closing)?;
        if closing {
            break;
        }
    }
    Ok(hash.finish())
}

/// Reads a log back and folds it.
///
/// # Errors
///
/// A sentence that says which line is wrong.
pub(crate) fn read_log(bytes: &[u8]) -> Result<LogFile, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned())?;
    let body = text.strip_suffix('\n').ok_or("its last line is cut off")?;
    let mut lines = body.split('\n');
    let header = lines.next().unwrap_or_default();
    let header: Header = serde_json::from_str(header).map_err(|error| format!("line 1 is no header: {error}"))?;
    if header.format != FORMAT {
        return Err(format!("it has format {}, which no build wrote", header.format));
    }
    let (mut job, mut events, mut conclusion) = (Job::new(header.job), Vec::new(), None);
    for (line, number) in lines.zip(2_u64..) {
        if job.state().ended() {
            return Err(format!("line {number} comes after the closing event"));
        }
        let recorded: Recorded =
            serde_json::from_str(line).map_err(|error| format!("line {number} is no event: {error}"))?;
        if recorded.seq != number - 1 {
            return Err(format!("line {number} has sequence {}, not {}", recorded.seq, number - 1));
        }
        if matches!(recorded.event, Event::Ended { .. }) {
            conclusion = decide::conclusion(&job);
        }
        job.evolve(&recorded);
        events.push(recorded);
    }
    if !job.state().ended() {
        return Err("it has no closing event".to_owned());
    }
    let closing = body.rfind('\n').map_or(0, |at| at + 1);
    Ok(LogFile { job, events, sha256: Sha256::of(&bytes[..closing]), conclusion })
}

/// What an event is about.
pub(super) fn place(event: &Event) -> Option<Node> {
    match event {
        Event::Readied { task }
        | Event::FannedOut { task, .. }
        | Event::Skipped { task }
        | Event::Stopped { task, .. }
        | Event::Halted { task, .. }
        | Event::Joined { task, .. } => Some(Node::task(*task)),
        Event::Released { node, .. }
        | Event::Due { node }
        | Event::Lost { node, .. }
        | Event::Granted { node, .. }
        | Event::OutcomeUnknown { node, .. } => Some(*node),
        Event::Succeeded(success) => Some(success.node),
        Event::Failed(failure) => Some(failure.node),
        Event::Accepted(_)
        | Event::Asked { .. }
        | Event::Refused(_)
        | Event::Published { .. }
        | Event::Directed { .. }
        | Event::BudgetSpent
        | Event::Ended { .. }
        | Event::Answered => None,
    }
}

#[derive(Default)]
struct Hashing(sha2::Sha256);

impl Hashing {
    fn line(&mut self, out: &mut dyn Write, line: &[u8], covered: bool) -> std::io::Result<()> {
        use sha2::Digest;
        if covered {
            self.0.update(line);
            self.0.update(b"\n");
        }
        out.write_all(line)?;
        out.write_all(b"\n")
    }

    fn finish(self) -> Sha256 {
        use sha2::Digest;
        Sha256::from_bytes(self.0.finalize().into())
    }
}
