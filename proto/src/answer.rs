//! The closing document of a job: statements, gaps and a ledger that adds up.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Millis;
use crate::canonical::Sha256;
use crate::confidence::Confidence;
use crate::id::JobId;
use crate::job::{JobResult, JobState};
use crate::statement::Statement;

/// Something that is missing, said aloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The task, or the item as `task[key]`.
    pub task: String,
    /// Why, as a code with fixed words.
    pub reason: GapReason,
    /// How many, where several are meant at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl Gap {
    /// One thing that is missing.
    pub const fn one(task: String, reason: GapReason) -> Self {
        Self { task, reason, count: None }
    }
}

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The task failed.
    Failed,
    /// The task was stopped because another one did not succeed.
    Stopped,
    /// A check with `on_fail: warn` did not hold.
    CheckWarned,
    /// The result is less sure than the task wants, and was accepted all the same.
    LowConfidence,
    /// An item of a fan-out failed and was tolerated.
    ItemFailed,
    /// The job's time was over.
    BudgetWallClock,
    /// The job was cancelled.
    Cancelled,
    /// An output of the job could not be computed.
    OutputMissing,
    /// The task has more results than the answer states one by one. They are recorded, and nothing of the work is missing.
    StatementsLeftOut,
    /// More of the task's items have gaps than the answer names one by one.
    GapsLeftOut,
}

impl GapReason {
    /// The fixed words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Failed => "the task failed",
            Self::Stopped => "the task was stopped because another one did not succeed",
            Self::CheckWarned => "a check did not hold, and the workflow only warns about it",
            Self::LowConfidence => "the result is less sure than the task wants",
            Self::ItemFailed => "an item failed, and the workflow tolerates it",
            Self::BudgetWallClock => "the job's time was over",
            Self::Cancelled => "the job was cancelled",
            Self::OutputMissing => "the value could not be computed from what was recorded",
            Self::StatementsLeftOut => "further results are recorded and not stated one by one",
            Self::GapsLeftOut => "further items have such gaps and are not named one by one",
        }
    }
}

/// What became of a task's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The answer rests on it.
    Used,
    /// It is not in the answer, for a reason.
    Excluded,
    /// A later result took its place.
    Superseded,
    /// There is none.
    Missing,
}

/// One line of the ledger. Every task of the plan has exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The task's name.
    pub task: String,
    /// What became of its result.
    pub fate: Fate,
    /// Why, as a code: `summary`, `output`, `consumed`, `not_in_summary`, `skipped`, `failed`, `stopped` …
    pub reason: String,
    /// Of a fan-out: how many items it had, and how many of them have a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<LedgerItems>,
}

/// The items of a fan-out in the ledger; `with_result + missing` is `total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerItems {
    /// All items.
    pub total: u32,
    /// Those with a result.
    pub with_result: u32,
    /// Those without.
    pub missing: u32,
}

/// The answer of a job. Written only from recorded results; read back only by `verify`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The job.
    pub job: JobId,
    /// The workflow's name.
    pub workflow: String,
    /// The plan's hash.
    pub plan_hash: Sha256,
    /// The job's state.
    pub state: JobState,
    /// The job's result.
    pub result: JobResult,
    /// What makes two answers the same.
    pub digest: Sha256,
    /// How sure all statements together are.
    pub confidence: Confidence,
    /// The sentences.
    pub statements: Vec<Statement>,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// What became of every task's result.
    pub ledger: Vec<LedgerEntry>,
    /// The job's outputs.
    pub outputs: Map<String, Value>,
    /// When the job was recorded.
    #[serde(serialize_with = "crate::time::serialize")]
    pub created_at: Millis,
    /// When it ended.
    #[serde(serialize_with = "crate::time::serialize")]
    pub ended_at: Millis,
}

/// The digest of an answer: SHA-256 over the canonical form of what the work came to, without
/// ids, attempts, times and confidences, so that the same work has the same digest everywhere.
pub fn digest(
    plan_hash: &Sha256,
    inputs: &Map<String, Value>,
    statements: &[Statement],
    gaps: &[Gap],
    ledger: &[LedgerEntry],
    outputs: &Map<String, Value>,
    result: JobResult,
) -> Sha256 {
    let said: Vec<Value> = statements.iter().map(|said| json!({"text": said.text(), "spans": said.spans()})).collect();
    Sha256::of_value(&json!({
        "plan_hash": plan_hash, "inputs": inputs, "statements": said, "gaps": gaps,
        "ledger": ledger, "outputs": outputs, "result": result,
    }))
}
