//! `summary.json`: a job's state of this moment, for people and programs. Field names are stable.

use std::collections::BTreeMap;

use candor_proto::event::Parent;
use candor_proto::job::{FanRecord, TaskRecord};
use candor_proto::limits::FAILED_ITEMS_NAMED_MAX;
use candor_proto::time::rfc3339;
use candor_proto::{Confidence, Gap, Job, JobId, JobResult, JobState, Millis, Node, Sha256, TaskError, TaskState};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::answer;

/// A job's state of this moment.
#[derive(Debug, Serialize)]
pub struct Summary {
    job: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Parent>,
    workflow: Option<String>,
    plan_hash: Option<Sha256>,
    state: JobState,
    result: Option<JobResult>,
    created_at: String,
    ended_at: Option<String>,
    confidence: Confidence,
    tasks: BTreeMap<String, TaskSummary>,
    outputs: Map<String, Value>,
    gaps: Vec<Gap>,
}

#[derive(Debug, Serialize)]
struct TaskSummary {
    state: TaskState,
    attempts: u32,
    outputs: Option<Value>,
    confidence: Option<Confidence>,
    error: Option<TaskError>,
    started_at: Option<String>,
    ended_at: Option<String>,
    duration_ms: Option<Millis>,
    cpu_ms: u64,
    max_rss_bytes: u64,
    caused_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<ItemsSummary>,
}

#[derive(Debug, Serialize)]
struct ItemsSummary {
    total: u32,
    succeeded: u32,
    failed: u32,
    failures: Vec<ItemFailure>,
}

#[derive(Debug, Serialize)]
struct ItemFailure {
    key: String,
    error: Option<TaskError>,
}

/// The summary of a job as it stands.
pub fn summary(job: &Job) -> Summary {
    let (outputs, missing) = if job.state().ended() { answer::said(job) } else { (Map::new(), Vec::new()) };
    let mut gaps = answer::gaps(job);
    gaps.extend(missing);
    let tasks =
        job.tasks().iter().zip(0_u32..).map(|(record, task)| (job.name(Node::task(task)), of_task(job, record, task)));
    Summary {
        job: job.id(),
        parent: job.accepted().and_then(|accepted| accepted.parent.clone()),
        workflow: job.plan().map(|plan| plan.name.clone()),
        plan_hash: job.accepted().map(|accepted| accepted.plan_hash),
        state: job.state(),
        result: job.result(),
        created_at: rfc3339(job.created_at()),
        ended_at: job.ended_at().map(rfc3339),
        confidence: answer::overall(job),
        tasks: tasks.collect(),
        outputs,
        gaps,
    }
}

fn of_task(job: &Job, record: &TaskRecord, task: u32) -> TaskSummary {
    let nodes =
        || record.fan.iter().flat_map(|fan| fan.items.iter()).chain(record.fan.is_none().then_some(&record.node));
    TaskSummary {
        state: record.state,
        attempts: record.attempts(),
        outputs: outputs(record),
        confidence: answer::of_task(job, task),
        error: record.error().cloned(),
        started_at: record.started_at.map(rfc3339),
        ended_at: record.ended_at.map(rfc3339),
        duration_ms: record.started_at.zip(record.ended_at).map(|(start, end)| end.saturating_sub(start)),
        cpu_ms: nodes().map(|node| node.cpu_ms).sum(),
        max_rss_bytes: nodes().map(|node| node.max_rss_bytes).max().unwrap_or(0),
        caused_by: record.caused_by.map(|cause| job.name(Node::task(cause))),
        items: record.fan.as_deref().map(items),
    }
}

fn outputs(record: &TaskRecord) -> Option<Value> {
    match &record.fan {
        None => record.node.outputs.as_deref().cloned(),
        Some(fan) => Some(fan.outputs()),
    }
}

fn items(fan: &FanRecord) -> ItemsSummary {
    let failed = fan.items.iter().zip(0_u32..).filter(|(item, _)| item.state == TaskState::Failed);
    let failures = failed
        .take(FAILED_ITEMS_NAMED_MAX)
        .map(|(item, place)| ItemFailure { key: fan.key(place), error: item.error.as_deref().cloned() });
    ItemsSummary { total: fan.total(), succeeded: fan.succeeded, failed: fan.failed, failures: failures.collect() }
}
