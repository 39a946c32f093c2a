//! Between assembler and worker: one attempt of one task.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Millis;
use crate::canonical::Sha256;
use crate::failure::Outcome;
use crate::id::{AttemptId, JobId, Node};
use crate::plan::{Limits, PlanFile};
use crate::value::{FileValue, ValueType};

/// The resolved parameters of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum With {
    /// Here.
    Inline(Value),
    /// In the artifacts, as canonical JSON.
    Stored(FileValue),
}

/// An attempt for a worker: everything it needs to run, and nothing about the job beyond it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The job.
    pub job: JobId,
    /// This try.
    pub attempt: AttemptId,
    /// The place in the plan, given back in the report.
    pub node: Node,
    /// The task's name, `validate` or `deadlines[TX]`.
    pub task: String,
    /// 1, 2, … as the script sees it in `CANDOR_ATTEMPT`.
    pub number: u32,
    /// What to run.
    pub uses: String,
    /// With what.
    pub with: With,
    /// Of action, parameters and environment; given back in the report.
    pub input_digest: Sha256,
    /// Environment of the attempt, resolved but for secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Files that lie read-only in the working directory, by relative path.
    #[serde(default)]
    pub files: Arc<BTreeMap<String, PlanFile>>,
    /// Outputs that the task declares, so that the worker knows which of them are tables and files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, ValueType>,
    /// Time from the worker's start, in milliseconds.
    pub timeout_ms: u64,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// Stable over attempts.
    pub idempotency_key: String,
    /// Whether it must be claimed and granted before it starts.
    #[serde(default)]
    pub claim: bool,
    /// The queue that its report goes to.
    pub report_to: String,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// What an attempt used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// When it started, by the worker's clock.
    pub started_at: Millis,
    /// When it ended.
    pub ended_at: Millis,
    /// Processor time of all its processes, in milliseconds.
    #[serde(default)]
    pub cpu_ms: u64,
    /// The largest resident set of any of its processes, in bytes.
    #[serde(default)]
    pub max_rss_bytes: u64,
}

/// How an attempt ended: to the assembler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The job.
    pub job: JobId,
    /// The try.
    pub attempt: AttemptId,
    /// The place in the plan.
    pub node: Node,
    /// As it came with the assignment.
    pub input_digest: Sha256,
    /// How it ended.
    pub outcome: Outcome,
    /// Where the outputs of an attempt that is done lie as JSON, when they are above
    /// [`crate::limits::INLINE_BYTES_MAX`]; those of the outcome are empty then. Not canonical JSON, which would
    /// make 2 of 2.0: they read as if they had travelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<FileValue>,
    /// What it used.
    pub usage: Usage,
    /// Which worker.
    pub worker: String,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// A worker wants to start an attempt with effects: to the assembler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// The try.
    pub attempt: AttemptId,
    /// The place in the plan.
    pub node: Node,
    /// Fresh with every claim.
    pub token: crate::id::MessageId,
    /// Of exactly what would run.
    pub payload_digest: Sha256,
    /// The worker's own queue.
    pub reply_to: String,
}

/// It may start: to that worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The job.
    pub job: JobId,
    /// The try.
    pub attempt: AttemptId,
    /// As it came with the claim.
    pub token: crate::id::MessageId,
    /// Whether it may.
    pub granted: bool,
    /// Later than this it must not start.
    pub start_before: Millis,
}

/// An attempt must end: to workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The job.
    pub job: JobId,
    /// The tries; empty means all of the job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptId>,
}
