//! How sure a task, a statement and the whole answer are.

use std::collections::BTreeSet;

use candor_proto::{Confidence, Job, TaskState};

/// How sure a task's result is; `None` for a task without one. A fan-out is as sure as all its items together,
/// and one that failed has no result.
pub fn of_task(job: &Job, task: u32) -> Option<Confidence> {
    let record = job.task(task)?;
    match &record.fan {
        None => record.node.confidence,
        Some(fan) if fan.succeeded > 0 && record.state != TaskState::Failed => {
            Some(Confidence::all(fan.items.iter().filter_map(|item| item.confidence)))
        }
        Some(_) => None,
    }
}

/// How sure every task's result is, by its place in the plan.
pub fn task_confidences(job: &Job) -> Vec<Option<Confidence>> {
    (0..u32::try_from(job.tasks().len()).unwrap_or(u32::MAX)).map(|task| of_task(job, task)).collect()
}

/// The tasks that results of these tasks rest on: themselves, and all they depend on.
pub fn lineage(job: &Job, tasks: &[u32]) -> Vec<u32> {
    // Costs as much as there are such tasks, not as much as the job has: it is asked for every statement.
    let mut seen = BTreeSet::new();
    let mut waiting = tasks.to_vec();
    while let Some(task) = waiting.pop() {
        if job.task(task).is_some() && seen.insert(task) {
            waiting.extend(job.graph().dependencies(task));
        }
    }
    seen.into_iter().collect()
}

/// How sure everything is that a result of these tasks rests on.
pub(super) fn over(job: &Job, tasks: &[u32], confidences: &[Option<Confidence>]) -> Confidence {
    let known = lineage(job, tasks).into_iter().filter_map(|task| confidences.get(task as usize).copied().flatten());
    Confidence::all(known)
}

pub(super) fn overall(job: &Job, summary: &[u32], confidences: &[Option<Confidence>]) -> Confidence {
    over(job, summary, confidences)
}
