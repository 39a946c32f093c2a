//! `run.log`: what happened, one line each, as one would tell it.

use candor_proto::event::StopReason;
use candor_proto::time::rfc3339;
use candor_proto::{Event, Job, JobId, JobResult, Node, Recorded, TaskState};

/// The story of a job.
pub(super) fn story(id: JobId, log: &[Recorded]) -> String {
    let (mut story, mut text) = (Story::new(id), String::new());
    for recorded in log {
        if let Some(line) = story.line(recorded) {
            text.push_str(&line);
            text.push('\n');
        }
        if matches!(recorded.event, Event::Ended { .. }) {
            break;
        }
    }
    text
}

/// A story as it is told, line by line.
pub(crate) struct Story {
    job: Job,
}

impl Story {
    /// Nothing has happened yet.
    pub(crate) fn new(id: JobId) -> Self {
        Self { job: Job::new(id) }
    }

    /// What happened, as a line; nothing where it is not worth one.
    pub(crate) fn line(&mut self, recorded: &Recorded) -> Option<String> {
        let since = started(&self.job, recorded);
        self.job.evolve(recorded);
        let line = line(&self.job, recorded, since)?;
        Some(format!("{}  {}", rfc3339(recorded.at), clean(&line)))
    }
}

/// How long the attempt took that an event ends, in milliseconds.
fn started(job: &Job, recorded: &Recorded) -> Option<u64> {
    let node = match &recorded.event {
        Event::Succeeded(success) => success.node,
        Event::Failed(failure) => failure.node,
        _ => return None,
    };
    let attempt = job.node(node)?.attempt.as_ref()?;
    Some(recorded.at.saturating_sub(attempt.released_at))
}

fn line(job: &Job, recorded: &Recorded, took_ms: Option<u64>) -> Option<String> {
    let name = |task: u32| job.name(Node::task(task));
    Some(match &recorded.event {
        Event::Accepted(accepted) => format!(
            "job {} accepted: workflow `{}`, {} tasks, plan {}",
            job.id(),
            accepted.plan.name,
            accepted.plan.tasks.len(),
            accepted.plan_hash
        ),
        Event::Refused(refused) => format!("job {} refused: {}", job.id(), refused.error.message),
        Event::FannedOut { task, items, .. } => format!("{} has {items} items", name(*task)),
        Event::Skipped { task } => format!("{} skipped: its `when` does not hold", name(*task)),
        Event::Stopped { task, reason, cause } => {
            format!("{} stopped: {}", name(*task), stopped(*reason, &name(*cause)))
        }
        Event::Released { node, .. } => {
            let attempt = job.node(*node).map_or(1, |record| record.attempts);
            format!("{} started, attempt {attempt}", job.name(*node))
        }
        Event::Due { node } => format!("{} is tried again", job.name(*node)),
        Event::Succeeded(success) => {
            let sure = job.node(success.node).and_then(|record| record.confidence);
            let sure = sure.map(|sure| format!(", confidence {:.2} {}", sure.score().get(), sure.class().word()));
            format!("{} succeeded{}{}", job.name(success.node), took(took_ms), sure.unwrap_or_default())
        }
        Event::Failed(failure) => {
            let next = failure.retry_at.map(|at| format!("; again at {}", rfc3339(at))).unwrap_or_default();
            let (code, message) = (&failure.error.code, failure.error.told());
            format!("{} failed{}: {message} ({code}){next}", job.name(failure.node), took(took_ms))
        }
        Event::Lost { node, .. } => format!("{} lost its worker", job.name(*node)),
        Event::OutcomeUnknown { node, .. } => {
            format!("{} lost its worker, and nobody knows what it did", job.name(*node))
        }
        Event::Halted { task, reason } => {
            format!("{}: items that have not started will not start: {}", name(*task), stopped(*reason, &name(*task)))
        }
        Event::Joined { task, state } => {
            let fan = job.task(*task).and_then(|record| record.fan.as_deref());
            let (total, succeeded) = fan.map_or((0, 0), |fan| (fan.total(), fan.succeeded));
            let verb = if *state == TaskState::Succeeded { "succeeded" } else { "failed" };
            format!("{} {verb}: {succeeded} of {total} items succeeded", name(*task))
        }
        Event::Directed { by, .. } => format!("{} decided", by.as_deref().unwrap_or("somebody")),
        Event::BudgetSpent => "the job's time is over: nothing further starts".to_owned(),
        Event::Ended { result, .. } => format!("job ended: {}", ended(*result)),
        Event::Readied { .. }
        | Event::Published { .. }
        | Event::Asked { .. }
        | Event::Granted { .. }
        | Event::Answered => return None,
    })
}

fn took(ms: Option<u64>) -> String {
    ms.map(|ms| format!(" after {}", duration(ms))).unwrap_or_default()
}

/// A duration for people: `0.4 s`, `2 min 05 s`.
pub(super) fn duration(ms: u64) -> String {
    match ms / 1_000 {
        0 => format!("{ms} ms"),
        1..60 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        seconds @ 60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

fn stopped(reason: StopReason, cause: &str) -> String {
    match reason {
        StopReason::Dependency => format!("{cause} did not succeed"),
        StopReason::NoOutputs => format!("it reads outputs of {cause}, which has none"),
        StopReason::ItemFailed => "an item failed".to_owned(),
        StopReason::BudgetWallClock => "the job's time is over".to_owned(),
        StopReason::Cancelled => "the job was cancelled".to_owned(),
    }
}

/// The result in words.
pub(super) const fn ended(result: JobResult) -> &'static str {
    match result {
        JobResult::Complete => "complete",
        JobResult::CompleteWithGaps => "complete with gaps",
        JobResult::Failed => "failed",
        JobResult::Cancelled => "cancelled",
        JobResult::Rejected => "rejected",
    }
}

/// One line stays one line, and no terminal takes orders from a program's output.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
