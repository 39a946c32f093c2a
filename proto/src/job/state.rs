//! The words for how a job and its tasks stand.

use serde::{Deserialize, Serialize};

/// How a job stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// The request is accepted; a plan is being made.
    #[default]
    Planning,
    /// The plan waits for a person.
    PendingApproval,
    /// Tasks run or wait to run.
    InProgress,
    /// It ran to its end.
    Completed,
    /// It could not reach its end.
    Failed,
    /// A person ended it.
    Cancelled,
    /// A person did not want it.
    Rejected,
}

impl JobState {
    /// Whether nothing more happens.
    pub const fn ended(self) -> bool {
        match self {
            Self::Planning | Self::PendingApproval | Self::InProgress => false,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Rejected => true,
        }
    }
}

/// What a job came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobResult {
    /// Everything that was asked for.
    Complete,
    /// What was asked for, with parts missing that the answer names.
    CompleteWithGaps,
    /// Not what was asked for.
    Failed,
    /// A person ended it.
    Cancelled,
    /// A person did not want it.
    Rejected,
}

/// How a task, or an item of a fan-out, stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Dependencies have not ended.
    #[default]
    Pending,
    /// It may run as soon as there is room.
    Ready,
    /// A worker has it, or is about to.
    Running,
    /// It failed and is tried again after a delay.
    Retrying,
    /// A person must agree first.
    AwaitingApproval,
    /// Somebody thinks harder about it.
    Escalated,
    /// Its worker was lost and nobody knows whether its effects happened.
    OutcomeUnknown,
    /// It has outputs.
    Succeeded,
    /// It has none, and is not tried again.
    Failed,
    /// Its own `when` did not hold.
    Skipped,
    /// Another task caused it not to run.
    Stopped,
    /// A person ended it.
    Cancelled,
}

impl TaskState {
    /// How many states there are.
    pub const COUNT: usize = 12;

    /// Whether nothing more happens to it.
    pub const fn ended(self) -> bool {
        match self {
            Self::Pending
            | Self::Ready
            | Self::Running
            | Self::Retrying
            | Self::AwaitingApproval
            | Self::Escalated
            | Self::OutcomeUnknown => false,
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Stopped | Self::Cancelled => true,
        }
    }

    /// Whether a dependency in this state lets its dependents run.
    pub const fn satisfies(self) -> bool {
        match self {
            Self::Succeeded | Self::Skipped => true,
            Self::Pending
            | Self::Ready
            | Self::Running
            | Self::Retrying
            | Self::AwaitingApproval
            | Self::Escalated
            | Self::OutcomeUnknown
            | Self::Failed
            | Self::Stopped
            | Self::Cancelled => false,
        }
    }

    /// The word for it, as in the summary.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Escalated => "escalated",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
        }
    }
}
