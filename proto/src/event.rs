//! What can happen to a job. The log of these is the truth; everything else is a fold of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Millis;
use crate::canonical::Sha256;
use crate::confidence::Evidence;
use crate::failure::TaskError;
use crate::id::{AttemptId, DirectiveId, JobId, Node};
use crate::job::{JobResult, JobState, TaskState};
use crate::message::{Diagnostic, ErrorBody, Order, ReplyTo, Usage};
use crate::plan::{Plan, Priority};

/// The format of a log; a build gives back a job whose log has a higher one.
pub const LOG_FORMAT: u32 = 1;

/// An event with its place in the job's log and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// 1, 2, … without gaps.
    pub seq: u64,
    /// When it was decided, by the assembler's clock.
    pub at: Millis,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The job has a plan. The first event of every job that was not refused, but for directives that came before.
    Accepted(Arc<Accepted>),
    /// Somebody else wants the answer too: the same request came again.
    Asked {
        /// Who.
        reply_to: ReplyTo,
    },
    /// The request cannot become a plan. The first event of such a job.
    Refused(Arc<Refused>),
    /// A single task may run: its dependencies are satisfied and its `when` holds.
    Readied {
        /// Which.
        task: u32,
    },
    /// A fan-out has its items, and they may run.
    FannedOut {
        /// Which.
        task: u32,
        /// How many.
        items: u32,
        /// Their keys, where they are not the indexes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keys: Option<Arc<Vec<String>>>,
    },
    /// A task's own `when` does not hold.
    Skipped {
        /// Which.
        task: u32,
    },
    /// A task will not run.
    Stopped {
        /// Which.
        task: u32,
        /// Why.
        reason: StopReason,
        /// Where it began; the task itself where no other caused it.
        cause: u32,
    },
    /// An attempt is on its way to a worker.
    Released {
        /// Of what.
        node: Node,
        /// Which.
        attempt: AttemptId,
        /// Of action, parameters and environment.
        input_digest: Sha256,
    },
    /// The broker has confirmed these releases: a new owner need not publish them again.
    Published {
        /// Of what.
        nodes: Vec<Node>,
    },
    /// A retry's delay is over.
    Due {
        /// Of what.
        node: Node,
    },
    /// An attempt succeeded and its checks hold.
    Succeeded(Box<Success>),
    /// An attempt failed, or could not even be released.
    Failed(Box<Failure>),
    /// A worker was lost with an attempt that it had started. Does not count as a retry.
    Lost {
        /// Of what.
        node: Node,
        /// Which.
        attempt: AttemptId,
    },
    /// An attempt with effects may start.
    Granted {
        /// Of what.
        node: Node,
        /// Which.
        attempt: AttemptId,
        /// Of exactly what would run.
        payload_digest: Sha256,
        /// Later than this it must not start.
        start_before: Millis,
    },
    /// A granted attempt was lost: nobody knows whether its effects happened.
    OutcomeUnknown {
        /// Of what.
        node: Node,
        /// Which.
        attempt: AttemptId,
    },
    /// A fan-out's items that have not started will not start.
    Halted {
        /// Which fan-out.
        task: u32,
        /// Why.
        reason: StopReason,
    },
    /// All items of a fan-out have ended.
    Joined {
        /// Which fan-out.
        task: u32,
        /// `succeeded` or `failed`.
        state: TaskState,
    },
    /// A person decided something.
    Directed {
        /// A repeated directive with this id is already known.
        id: DirectiveId,
        /// What.
        order: Order,
        /// Who.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A budget is spent: nothing further starts.
    BudgetSpent,
    /// The job has ended. Nothing but [`Event::Answered`] comes after it.
    Ended {
        /// How it stands.
        state: JobState,
        /// What it came to.
        result: JobResult,
    },
    /// The confirm of the answer is known: the job need not be kept live.
    Answered,
}

/// A job has a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// The log's format, [`LOG_FORMAT`].
    pub format: u32,
    /// What to do.
    pub plan: Arc<Plan>,
    /// The plan's hash.
    pub plan_hash: Sha256,
    /// Values of all inputs.
    pub inputs: Map<String, Value>,
    /// The job's priority.
    pub priority: Priority,
    /// For whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When the request was submitted; `run.date` is its UTC day.
    pub submitted_at: Millis,
    /// Of the request's body.
    pub request_digest: Sha256,
    /// Who wants the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// The job that this one does again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}

/// A job that another one does again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Which.
    pub job: JobId,
    /// The tasks whose recorded results are taken over, in the plan's order. Their events follow in this log.
    pub reused: Vec<String>,
}

/// A request cannot become a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// The log's format, [`LOG_FORMAT`].
    pub format: u32,
    /// What is wrong.
    pub error: ErrorBody,
    /// Where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// Of the request's body.
    pub request_digest: Sha256,
    /// Who wants to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
}

/// An attempt succeeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Success {
    /// Of what.
    pub node: Node,
    /// Which.
    pub attempt: AttemptId,
    /// The outputs, a map.
    pub outputs: Arc<Value>,
    /// What they rest on, passed checks among it.
    pub evidence: Vec<Evidence>,
    /// Indexes of the checks that did not hold and only warn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<u32>,
    /// Whether the confidence is below the task's least and the task accepts that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub low_confidence: bool,
    /// What it used.
    pub usage: Usage,
}

/// An attempt failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Of what.
    pub node: Node,
    /// Which; none where the task could not even be released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptId>,
    /// Why.
    pub error: TaskError,
    /// When it is tried again; never where this is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Millis>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// Why a task will not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// A dependency did not succeed.
    Dependency,
    /// It reads outputs of a task that has none.
    NoOutputs,
    /// An item of the same fan-out failed.
    ItemFailed,
    /// The job's time was over.
    BudgetWallClock,
    /// The job was cancelled.
    Cancelled,
}
