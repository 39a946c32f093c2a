//! Conversations around the work: ownership, leases, doubt, decisions and progress.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Millis;
use crate::confidence::{Confidence, Evidence};
use crate::id::{AttemptId, DirectiveId, JobId, Node, OwnerId, QuestionId};
use crate::job::{JobResult, JobState, TaskState};

/// The assembler has a plan, or its refusal, in its log: to the planner that sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The job.
    pub job: JobId,
}

/// What a worker still holds of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Which worker.
    pub worker: String,
    /// The partition whose attempts these are.
    pub partition: u32,
    /// The attempts that it has held for longer than [`crate::limits::HOLDING_MS`].
    pub attempts: Vec<(JobId, AttemptId)>,
}

/// Somebody would own this partition. Its first delivery tells an assembler that it is the active one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knock {
    /// Who.
    pub owner: OwnerId,
    /// Which partition.
    pub partition: u32,
}

/// An assembler lives, and what it owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Who.
    pub owner: OwnerId,
    /// Its name in logs.
    pub instance: String,
    /// The partitions it owns.
    pub partitions: Vec<u32>,
    /// Whether it is about to leave.
    #[serde(default)]
    pub leaving: bool,
}

/// A doubtful task: to escalation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The job.
    pub job: JobId,
    /// The place in the plan.
    pub node: Node,
    /// The task's name.
    pub task: String,
    /// The attempt in doubt.
    pub attempt: AttemptId,
    /// Its outputs.
    pub outputs: Value,
    /// What they rest on.
    pub evidence: Vec<Evidence>,
    /// Why it is doubtful, as a code.
    pub reason: String,
    /// Where the finding goes.
    pub report_to: String,
}

/// What escalation concluded: to the assembler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The job.
    pub job: JobId,
    /// The place in the plan.
    pub node: Node,
    /// The attempt in doubt.
    pub attempt: AttemptId,
    /// Outputs to take instead, or nothing when it is still unsure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Value>,
    /// What the conclusion rests on.
    pub evidence: Vec<Evidence>,
}

/// What a person decided about a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Directive {
    /// A repeated directive with the same id is already known.
    pub id: DirectiveId,
    /// The job; of a rerun, the new one.
    pub job: JobId,
    /// What is to happen.
    pub order: Order,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What is to happen to a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Yes to this question.
    Approve {
        /// The question that it answers.
        question: QuestionId,
    },
    /// No to this question.
    Reject {
        /// The question that it answers.
        question: QuestionId,
        /// Why.
        reason: Option<String>,
    },
    /// The answer to this question.
    Answer {
        /// The question that it answers.
        question: QuestionId,
        /// The answer.
        value: Value,
    },
    /// End it.
    Cancel,
    /// Do an ended job again, as the new job that the directive names. Without `from` and `failed`: all of it.
    Rerun {
        /// The job that has ended.
        parent: JobId,
        /// This task and what depends on it, and whatever did not succeed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// Whatever did not succeed, and what depends on that.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
    },
}

/// What became of a directive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectiveReply {
    /// The directive.
    pub id: DirectiveId,
    /// The job.
    pub job: JobId,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a directive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is recorded and holds.
    Done,
    /// It was recorded before.
    AlreadyKnown,
    /// It does not fit the job's state.
    Refused {
        /// Why.
        reason: String,
    },
}

/// Progress of a job, for whoever watches. Lost notices are never missed: the log has everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The job.
    pub job: JobId,
    /// When.
    pub at: Millis,
    /// What happened.
    pub kind: NoticeKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The job's state changed.
    Job {
        /// To this.
        state: JobState,
        /// With this result, at the end.
        result: Option<JobResult>,
    },
    /// A task's state changed.
    Task {
        /// The task's name, `validate` or `deadlines[TX]`.
        task: String,
        /// The place in the plan.
        node: Node,
        /// To this.
        state: TaskState,
        /// Which attempt, from 1.
        attempt: u32,
        /// How sure its result is.
        confidence: Option<Confidence>,
        /// Why, in one sentence.
        reason: Option<String>,
    },
    /// How far a fan-out is; sent at most once per batch, whatever the number of items.
    Items {
        /// The task's name.
        task: String,
        /// The place in the plan.
        node: Node,
        /// All items.
        total: u32,
        /// Those whose attempt is under way.
        running: u32,
        /// Those that succeeded.
        succeeded: u32,
        /// Those that failed.
        failed: u32,
    },
}
