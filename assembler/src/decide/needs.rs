//! All dependencies of a task have ended: does it run?
//!
//! | dependencies | `when` | decided |
//! |---|---|---|
//! | not satisfied | none, or one that only holds of satisfied tasks | stopped, with the cause |
//! | any | reads outputs of a task that has none | stopped, with that task |
//! | any | cannot be evaluated | failed |
//! | any | false | skipped |
//! | any | true, or none | readied; a fan-out gets its items |
//!
//! Whether a fan-out's parameters read outputs of a task that has none is asked of its first item, before any
//! of them starts. Where only a later item reads such outputs, that item fails: what became of the others
//! before must not depend on when it was its turn.

use candor_proto::event::{Failure, StopReason};
use candor_proto::{Event, Job, Node, TaskError};

use super::{Decision, root_cause};
use crate::evaluate::{self, Trouble};
use crate::memo::Memo;

pub(super) fn decide(job: &Job, memo: &mut Memo, task: u32) -> Decision {
    Decision::event(event(job, memo, task))
}

fn event(job: &Job, memo: &mut Memo, task: u32) -> Event {
    if job.budget_spent() {
        return Event::Stopped { task, reason: StopReason::BudgetWallClock, cause: task };
    }
    let unsatisfied = unsatisfied(job, task);
    match evaluate::condition(job, memo, task) {
        Ok(None) => {}
        Ok(Some(condition)) if unsatisfied.is_some() && !condition.in_any_case => {}
        Ok(Some(condition)) => match condition.holds {
            Ok(true) => return start(job, memo, task),
            Ok(false) => return Event::Skipped { task },
            Err(trouble) => return troubled(job, task, trouble),
        },
        Err(trouble) => return troubled(job, task, trouble),
    }
    match unsatisfied {
        Some(cause) => Event::Stopped { task, reason: StopReason::Dependency, cause: root_cause(job, cause) },
        None => start(job, memo, task),
    }
}

fn start(job: &Job, memo: &mut Memo, task: u32) -> Event {
    let fans_out = job.plan().and_then(|plan| plan.tasks.get(task as usize)).is_some_and(|task| task.fan_out.is_some());
    if !fans_out {
        return Event::Readied { task };
    }
    match evaluate::items(job, memo, task) {
        Ok(items) => {
            if items.count() > 0
                && let Err(trouble @ Trouble::NoOutputs { .. }) = evaluate::resolve(job, memo, Node::item(task, 0))
            {
                return troubled(job, task, trouble);
            }
            Event::FannedOut { task, items: items.count(), keys: items.keys() }
        }
        Err(trouble) => troubled(job, task, trouble),
    }
}

/// The dependency because of which a task cannot run, the first in the plan's words; `None` when all is satisfied.
fn unsatisfied(job: &Job, task: u32) -> Option<u32> {
    let satisfied = |dependency: &u32| job.task(*dependency).is_some_and(|record| record.state.satisfies());
    let graph = job.graph();
    let all = graph.all(task).iter().find(|dependency| !satisfied(dependency));
    let any = graph.any(task);
    let none = if any.iter().any(satisfied) { None } else { any.first() };
    all.or(none).copied()
}

/// What becomes of a task whose expressions cannot be evaluated.
pub(super) fn troubled(job: &Job, task: u32, trouble: Trouble) -> Event {
    match trouble {
        Trouble::NoOutputs { of } => Event::Stopped { task, reason: StopReason::NoOutputs, cause: root_cause(job, of) },
        Trouble::Error(error) => failed(Node::task(task), error),
    }
}

/// A task or item that failed before it was ever released.
pub(super) fn failed(node: Node, error: TaskError) -> Event {
    Event::Failed(Box::new(Failure { node, attempt: None, error, retry_at: None, usage: None }))
}
