//! The job ends.

use std::collections::BTreeSet;

use candor_proto::event::StopReason;
use candor_proto::message::Revocation;
use candor_proto::{Event, Job, JobResult, JobState, Millis, TaskState};

use super::{Decision, Effect};
use crate::answer;
use crate::evaluate;

/// When the job's wall-clock budget is over.
pub(super) fn deadline(job: &Job) -> Option<Millis> {
    let budget = job.plan()?.budget.wall_clock_ms?;
    Some(job.created_at().saturating_add(budget))
}

/// The budget is spent: everything under way stops at once, and its attempts are revoked.
/// What still waits for dependencies is stopped when those have ended.
pub(super) fn spend(job: &Job) -> Option<Decision> {
    if !job.budget_spent() {
        return None;
    }
    let under_way = |state: TaskState| !state.ended() && state != TaskState::Pending;
    let tasks = job.tasks().iter().zip(0_u32..).filter(|(record, _)| under_way(record.state)).map(|(_, task)| task);
    let (mut events, mut attempts) = (Vec::new(), Vec::new());
    for task in tasks {
        let running = job.running_of(task);
        attempts.extend(running.iter().filter_map(|node| job.node(*node)?.attempt.as_ref().map(|attempt| attempt.id)));
        events.push(Event::Stopped { task, reason: StopReason::BudgetWallClock, cause: task });
    }
    if events.is_empty() {
        return None;
    }
    let effects =
        if attempts.is_empty() { Vec::new() } else { vec![Effect::Revoke(Revocation { job: job.id(), attempts })] };
    Some(Decision { events, effects, ..Decision::default() })
}

/// The job is closed by one event, which says what it came to.
pub(super) fn close(job: &Job) -> Option<Decision> {
    let (state, result) = conclusion(job)?;
    let mut decision = Decision::event(Event::Ended { state, result });
    if job.askers().is_empty() {
        decision.events.push(Event::Answered);
    }
    decision.effects.extend(job.askers().iter().map(|to| Effect::Answer { to: to.clone() }));
    Some(decision)
}

/// What a job whose every task has ended comes to, from what is recorded before its closing event; `None` for any other.
/// Nobody else decides this: a log whose closing event says something else was not written by an assembler.
///
/// | tasks | result |
/// |---|---|
/// | any, and the job was cancelled | cancelled |
/// | all succeeded or skipped, no gap | complete |
/// | a gap by a warning or a tolerated item, or every root cause tolerated, or stopped by the budget | complete with gaps |
/// | a root cause that nobody tolerates | failed |
pub fn conclusion(job: &Job) -> Option<(JobState, JobResult)> {
    if job.accepted().is_none() || job.unended() > 0 {
        return None;
    }
    let result = match answer::adds_up(job) {
        false => JobResult::Failed,
        true if job.cancelled() => JobResult::Cancelled,
        true => result(job),
    };
    let state = match result {
        JobResult::Complete | JobResult::CompleteWithGaps => JobState::Completed,
        JobResult::Failed => JobState::Failed,
        JobResult::Cancelled => JobState::Cancelled,
        JobResult::Rejected => JobState::Rejected,
    };
    Some((state, result))
}

fn result(job: &Job) -> JobResult {
    let mut gaps = false;
    let mut roots = BTreeSet::new();
    for (record, task) in job.tasks().iter().zip(0_u32..) {
        match (record.state, record.stop) {
            (TaskState::Failed, _) => {
                roots.insert(task);
            }
            (TaskState::Stopped, Some(StopReason::BudgetWallClock)) => gaps = true,
            (TaskState::Stopped, Some(StopReason::Cancelled)) | (TaskState::Cancelled, _) => {
                return JobResult::Cancelled;
            }
            (TaskState::Stopped, _) => {
                roots.insert(record.caused_by.unwrap_or(task));
            }
            (TaskState::Succeeded | TaskState::Skipped, _) => {}
            (
                TaskState::Pending
                | TaskState::Ready
                | TaskState::Running
                | TaskState::Retrying
                | TaskState::AwaitingApproval
                | TaskState::Escalated
                | TaskState::OutcomeUnknown,
                _,
            ) => return JobResult::Failed,
        }
        let node = &record.node;
        let items = record.fan.as_ref().is_some_and(|fan| {
            fan.failed > 0 || fan.items.iter().any(|item| !item.warnings.is_empty() || item.low_confidence)
        });
        gaps |= items || !node.warnings.is_empty() || node.low_confidence;
    }
    // A task that the budget stopped is its own gap; what stopped because of it is no failure either.
    roots.retain(|root| job.task(*root).is_none_or(|record| record.stop != Some(StopReason::BudgetWallClock)));
    if roots.is_empty() {
        gaps |= !answer::said(job).1.is_empty();
        return if gaps { JobResult::CompleteWithGaps } else { JobResult::Complete };
    }
    let handled = handled(job);
    let tolerated = |root: &u32| handled.contains(root) || in_any(job, *root);
    if roots.iter().all(tolerated) { JobResult::CompleteWithGaps } else { JobResult::Failed }
}

/// Whether a failed task stood in an `any` that was satisfied without it.
fn in_any(job: &Job, root: u32) -> bool {
    let graph = job.graph();
    let satisfied = |task: &u32| job.task(*task).is_some_and(|record| record.state.satisfies());
    graph.dependents(root).iter().any(|dependent| {
        let any = graph.any(*dependent);
        any.contains(&root)
            && !graph.all(*dependent).contains(&root)
            && any.iter().any(|other| *other != root && satisfied(other))
    })
}

/// The tasks that somebody dealt with: a task whose `when` names `failed('it')` and that succeeded.
fn handled(job: &Job) -> BTreeSet<u32> {
    let tasks = job.plan().map(|plan| plan.tasks.as_slice()).unwrap_or_default();
    let succeeded = tasks.iter().zip(job.tasks()).filter(|(_, record)| record.state == TaskState::Succeeded);
    let named = succeeded.filter_map(|(task, _)| task.when.as_deref()).flat_map(evaluate::names_failed);
    named.filter_map(|name| job.graph().place(&name)).collect()
}
