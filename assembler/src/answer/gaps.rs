//! What is missing, said aloud.

use candor_proto::event::StopReason;
use candor_proto::job::{NodeRecord, TaskRecord};
use candor_proto::limits::FAILED_ITEMS_NAMED_MAX;
use candor_proto::{Gap, GapReason, Job, Node, TaskState};

use super::ended_by_chance;

/// Every gap of a job, in the plan's order. A fan-out names at most a thousand of its items and counts the others; it
/// names none where chance decided which of them came to an end.
pub fn gaps(job: &Job) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (record, task) in job.tasks().iter().zip(0_u32..) {
        if let Some(reason) = whole(record) {
            gaps.push(Gap::one(job.name(Node::task(task)), reason));
        }
        match &record.fan {
            None => gaps.extend(partial(&record.node).map(|reason| Gap::one(job.name(Node::task(task)), reason))),
            Some(_) if ended_by_chance(job, task) => {}
            Some(fan) => {
                // Only a fan-out that succeeded has tolerated its failures.
                let tolerated = record.state == TaskState::Succeeded;
                let reason = if tolerated { GapReason::ItemFailed } else { GapReason::Failed };
                let items = fan.items.iter().zip(0_u32..).flat_map(|(item, place)| {
                    let failed = (item.state == TaskState::Failed).then_some(reason);
                    failed.into_iter().chain(partial(item)).map(move |reason| (place, reason))
                });
                let mut items = items;
                let named = items.by_ref().take(FAILED_ITEMS_NAMED_MAX);
                gaps.extend(named.map(|(item, reason)| Gap::one(job.name(Node::item(task, item)), reason)));
                gaps.extend(left_out(job, task, GapReason::GapsLeftOut, items.count()));
            }
        }
    }
    gaps
}

/// So many more of a task than are told one by one, if there are any.
pub(super) fn left_out(job: &Job, task: u32, reason: GapReason, count: usize) -> Option<Gap> {
    (count > 0).then(|| Gap { task: job.name(Node::task(task)), reason, count: u64::try_from(count).ok() })
}

/// An output of the job that could not be computed.
pub(super) fn output_missing(name: &str) -> Gap {
    Gap::one(format!("outputs.{name}"), GapReason::OutputMissing)
}

/// A sentence of the author's that cannot be said.
pub(super) fn unsaid(place: usize) -> Gap {
    Gap::one(format!("statements[{place}]"), GapReason::OutputMissing)
}

fn whole(record: &TaskRecord) -> Option<GapReason> {
    match record.state {
        TaskState::Failed => Some(GapReason::Failed),
        TaskState::Cancelled => Some(GapReason::Cancelled),
        TaskState::Stopped => Some(match record.stop {
            Some(StopReason::BudgetWallClock) => GapReason::BudgetWallClock,
            Some(StopReason::Cancelled) => GapReason::Cancelled,
            Some(StopReason::Dependency | StopReason::NoOutputs | StopReason::ItemFailed) | None => GapReason::Stopped,
        }),
        TaskState::Succeeded | TaskState::Skipped => None,
        TaskState::Pending
        | TaskState::Ready
        | TaskState::Running
        | TaskState::Retrying
        | TaskState::AwaitingApproval
        | TaskState::Escalated
        | TaskState::OutcomeUnknown => None,
    }
}

fn partial(node: &NodeRecord) -> impl Iterator<Item = GapReason> {
    let warned = (!node.warnings.is_empty()).then_some(GapReason::CheckWarned);
    let low = node.low_confidence.then_some(GapReason::LowConfidence);
    warned.into_iter().chain(low)
}
