//! The answer of a job: derived from what is recorded, and from nothing else.

mod confidence;
mod gaps;
mod ledger;
mod statements;

use candor_proto::answer::digest;
use candor_proto::{Answer, Confidence, Gap, Job, TaskState};
use candor_workflow::catalogue::Catalogue;
use serde_json::{Map, Value};

use crate::evaluate;
use crate::memo::Memo;

pub use confidence::{lineage, of_task, task_confidences};
pub use gaps::gaps;

/// The answer of a job that has ended; `None` for any other.
pub fn answer(job: &Job, catalogue: &Catalogue) -> Option<Answer> {
    let (accepted, result, ended_at) = (job.accepted()?, job.result()?, job.ended_at()?);
    let summary = summary_tasks(job);
    let confidences = task_confidences(job);
    let (outputs, missing) = said(job);
    let (statements, left_out) = statements::statements(job, catalogue, &summary, &confidences);
    let mut gaps = gaps(job);
    gaps.extend(missing);
    gaps.extend(left_out);
    let ledger = ledger::ledger(job, &summary, &statements);
    let confidence = confidence::overall(job, &summary, &confidences);
    let digest = digest(&accepted.plan_hash, &accepted.inputs, &statements, &gaps, &ledger, &outputs, result);
    Some(Answer {
        job: job.id(),
        workflow: accepted.plan.name.clone(),
        plan_hash: accepted.plan_hash,
        state: job.state(),
        result,
        digest,
        confidence,
        statements,
        gaps,
        ledger,
        outputs,
        created_at: job.created_at(),
        ended_at,
    })
}

/// Whether every task's result is accounted for. A job whose ledger does not add up fails.
pub fn adds_up(job: &Job) -> bool {
    ledger::adds_up(job, &ledger::ledger(job, &summary_tasks(job), &[]))
}

/// The job's own outputs as far as they can be computed; those that cannot are `null` and a gap.
fn outputs(job: &Job) -> (Map<String, Value>, Vec<Gap>) {
    let (mut values, mut missing) = (Map::new(), Vec::new());
    for (name, value) in evaluate::outputs(job, &mut Memo::default()) {
        match value {
            Ok(value) => values.insert(name, value),
            Err(_) => {
                missing.push(gaps::output_missing(&name));
                values.insert(name, Value::Null)
            }
        };
    }
    (values, missing)
}

/// The job's own outputs, with everything that the author wanted said at the end and that cannot be:
/// outputs, and sentences.
pub fn said(job: &Job) -> (Map<String, Value>, Vec<Gap>) {
    let (values, mut missing) = outputs(job);
    missing.extend(statements::unsaid(job).into_iter().map(gaps::unsaid));
    (values, missing)
}

/// How sure the job's summary is as a whole, while it runs as well as at its end.
pub fn overall(job: &Job) -> Confidence {
    confidence::overall(job, &summary_tasks(job), &task_confidences(job))
}

/// Whether a fan-out stopped at its first failure. Which of its items had come to an end by then is a matter
/// of chance, so the answer, whose digest must not be one, speaks of the task only; the summary has the items.
fn ended_by_chance(job: &Job, task: u32) -> bool {
    let plan = job.plan().and_then(|plan| plan.tasks.get(task as usize)?.fan_out.as_ref());
    job.task(task).is_some_and(|record| record.state == TaskState::Failed)
        && plan.is_some_and(|fan| fan.fail.stops_early())
}

/// The tasks whose outputs become statements: those that the workflow names, else those that nobody needs.
fn summary_tasks(job: &Job) -> Vec<u32> {
    let Some(plan) = job.plan() else { return Vec::new() };
    match &plan.assemble.summary {
        Some(names) => names.iter().filter_map(|name| job.graph().place(name)).collect(),
        None => (0..u32::try_from(plan.tasks.len()).unwrap_or(u32::MAX))
            .filter(|task| job.graph().dependents(*task).is_empty())
            .collect(),
    }
}
