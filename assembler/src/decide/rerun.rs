//! A new job that does again what an ended one did, and takes over what need not be done again.
//!
//! | the parent, or the new job | decided |
//! |---|---|
//! | the new id means a job with a plan or a refusal | refused |
//! | the parent's log cannot be read, or is empty | refused |
//! | the parent has no plan, or has not ended | refused |
//! | the plan has no such task | refused |
//! | else | accepted: the parent's plan and inputs, then the parent's own events of every task that is reused |
//!
//! What runs again: everything (whole), what neither succeeded nor was skipped (`failed`), or that and one task
//! (`from`); and always whatever depends on a task that runs again, or its result would rest on one that is gone.
//! The reused events keep their times: that is when it happened. The new log is complete by itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use candor_proto::event::{Accepted, LOG_FORMAT, Parent};
use candor_proto::{Event, Job, JobId, Millis, Node, Recorded, Sha256};

use super::directive::Desk;
use super::input::ParentLog;
use super::{Decision, Verdict};

/// What a rerun orders.
pub(super) struct Wanted<'a> {
    pub(super) parent: JobId,
    pub(super) from: Option<&'a str>,
    pub(super) failed: bool,
}

pub(super) fn rerun(job: &Job, desk: &Desk<'_>, wanted: &Wanted<'_>, log: Option<&ParentLog>, at: Millis) -> Verdict {
    if wanted.parent == job.id() {
        return desk.refused("a rerun is a new job: give it an id of its own");
    }
    if job.accepted().is_some() || job.refused().is_some() {
        return desk.refused("there is already another job with this id");
    }
    match prepare(job, wanted, log, at) {
        Ok(Prepared { accepted, past }) => {
            let events = vec![Event::Accepted(Arc::new(accepted)), desk.directed()];
            desk.done(Decision { events, past, ..Decision::default() })
        }
        Err(reason) => desk.refused(reason),
    }
}

struct Prepared {
    accepted: Accepted,
    past: Vec<Recorded>,
}

fn prepare(job: &Job, wanted: &Wanted<'_>, log: Option<&ParentLog>, at: Millis) -> Result<Prepared, String> {
    let id = wanted.parent;
    let events = match log {
        Some(Ok(events)) => events.as_slice(),
        Some(Err(reason)) => return Err(format!("the log of {id} cannot be read: {reason}")),
        None => &[],
    };
    let mut parent = Job::new(id);
    events.iter().for_each(|recorded| parent.evolve(recorded));
    let Some(before) = parent.accepted().cloned() else {
        return Err(match (events.is_empty(), parent.refused()) {
            (true, _) => format!("there is no job {id}"),
            (false, Some(_)) => format!("{id} was refused: it has no plan that could be carried out again"),
            (false, None) => format!("{id} has no plan yet"),
        });
    };
    if !parent.state().ended() {
        return Err(format!("{id} has not ended"));
    }
    let from = match wanted.from {
        Some(name) => Some(parent.graph().place(name).ok_or_else(|| format!("the plan of {id} has no task `{name}`"))?),
        None => None,
    };
    // One that was cancelled before it began takes over nothing: it ends before anything could rest on it.
    let reused = if job.cancelled() { BTreeSet::new() } else { reused(&parent, from, wanted.failed) };
    let past = events.iter().filter(|recorded| place(&recorded.event).is_some_and(|task| reused.contains(&task)));
    let names = reused.iter().map(|task| parent.name(Node::task(*task))).collect();
    let accepted = Accepted {
        format: LOG_FORMAT,
        submitted_at: at,
        request_digest: request_digest(wanted),
        reply_to: None,
        parent: Some(Parent { job: id, reused: names }),
        ..Accepted::clone(&before)
    };
    Ok(Prepared { accepted, past: past.cloned().collect() })
}

/// The tasks that do not run again.
fn reused(parent: &Job, from: Option<u32>, failed: bool) -> BTreeSet<u32> {
    if from.is_none() && !failed {
        return BTreeSet::new();
    }
    let tasks = || parent.tasks().iter().zip(0_u32..);
    let again =
        |(record, task): &(&candor_proto::job::TaskRecord, u32)| !record.state.satisfies() || Some(*task) == from;
    let mut pending: Vec<u32> = tasks().filter(again).map(|(_, task)| task).collect();
    let mut reused: BTreeSet<u32> = tasks().map(|(_, task)| task).collect();
    while let Some(task) = pending.pop() {
        if reused.remove(&task) {
            pending.extend(parent.graph().dependents(task));
        }
    }
    reused
}

/// Another request with the new job's id is another one, whatever it says.
fn request_digest(wanted: &Wanted<'_>) -> Sha256 {
    let Wanted { parent, from, failed } = wanted;
    Sha256::of(format!("rerun of {parent}, from {from:?}, failed: {failed}").as_bytes())
}

/// The task of an event that says how one came to its end.
fn place(event: &Event) -> Option<u32> {
    match event {
        Event::Readied { task }
        | Event::FannedOut { task, .. }
        | Event::Skipped { task }
        | Event::Stopped { task, .. }
        | Event::Halted { task, .. }
        | Event::Joined { task, .. } => Some(*task),
        Event::Released { node, .. }
        | Event::Due { node }
        | Event::Lost { node, .. }
        | Event::Granted { node, .. }
        | Event::OutcomeUnknown { node, .. } => Some(node.task),
        Event::Succeeded(success) => Some(success.node.task),
        Event::Failed(failure) => Some(failure.node.task),
        // Confirms of several tasks at once: of what has ended nobody needs them.
        Event::Published { .. } => None,
        Event::Accepted(_)
        | Event::Asked { .. }
        | Event::Refused(_)
        | Event::Directed { .. }
        | Event::BudgetSpent
        | Event::Ended { .. }
        | Event::Answered => None,
    }
}
