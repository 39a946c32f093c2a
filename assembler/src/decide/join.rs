//! The items of a fan-out come together again.

use candor_proto::event::StopReason;
use candor_proto::{Event, Job, TaskState};

use super::Decision;

/// All items have ended.
///
/// | failures | decided |
/// |---|---|
/// | none, nothing stopped | succeeded |
/// | up to the tolerated number, nothing stopped | succeeded, with gaps |
/// | more | failed |
/// | items stopped by the budget or a person | stopped for that reason |
pub(super) fn join(job: &Job, task: u32) -> Decision {
    let Some(fan) = job.task(task).and_then(|record| record.fan.as_deref()) else { return Decision::default() };
    let policy = policy(job, task);
    let state = match fan.halted {
        Some(reason @ (StopReason::BudgetWallClock | StopReason::Cancelled)) if fan.stopped > 0 => {
            return Decision::event(Event::Stopped { task, reason, cause: task });
        }
        Some(_) | None if fan.failed > policy.tolerated(fan.total()) || fan.stopped > 0 => TaskState::Failed,
        Some(_) | None => TaskState::Succeeded,
    };
    Decision::event(Event::Joined { task, state })
}

/// A fan-out whose items stop at the first failure has one: the rest does not start.
pub(super) fn halt(job: &Job) -> Option<Decision> {
    let task = job.failing().next()?;
    Some(Decision::event(Event::Halted { task, reason: StopReason::ItemFailed }))
}

fn policy(job: &Job, task: u32) -> candor_proto::plan::FailPolicy {
    let plan = job.plan().and_then(|plan| plan.tasks.get(task as usize));
    plan.and_then(|task| task.fan_out.as_ref()).map(|fan| fan.fail).unwrap_or_default()
}
