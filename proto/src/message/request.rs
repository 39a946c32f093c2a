//! From a request to a plan or a refusal, and the answer back to who asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Millis;
use crate::canonical::Sha256;
use crate::id::JobId;
use crate::plan::{Plan, Priority};

/// The code of a refusal that stands in for an answer no message can hold: the job has ended, and its log has the answer.
pub const ANSWER_TOO_LARGE: &str = "answer_too_large";

/// Somebody wants something done. Exactly one of `workflow` and `request` is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobRequest {
    /// A workflow, as text or as the document itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Document>,
    /// What is wanted, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Values of the workflow's inputs.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
    /// The workflow's files by relative path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, SubmittedFile>,
    /// The same key and the same body always mean the same job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The job's id, version 7, where the sender makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// Goes before or after the workflow's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// For whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When it was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<Millis>,
    /// The workflow's file name, for diagnostics and the run directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_name: Option<String>,
}

/// A workflow document as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// YAML or JSON text.
    Text(String),
    /// The document itself.
    Object(Map<String, Value>),
}

impl Serialize for Document {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Object(fields) => fields.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(fields) => Ok(Self::Object(fields)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Err(serde::de::Error::custom(
                "`workflow` must be the document's text or the document itself as an object",
            )),
        }
    }
}

/// A file that came with a request: its bytes, or where they already lie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedFile {
    /// Its bytes in base64; then the other two may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// The digest under which the artifacts already hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// Where an answer goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// A queue on the default exchange.
    pub queue: String,
    /// Given back unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// `application/json` or `application/msgpack`, as the request was.
    pub content_type: String,
}

/// A plan stands: to the assembler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanReady {
    /// The job.
    pub job: JobId,
    /// What to do.
    pub plan: Plan,
    /// The plan's hash.
    pub plan_hash: Sha256,
    /// Values of all inputs, defaults among them.
    pub inputs: Map<String, Value>,
    /// The job's priority.
    #[serde(default)]
    pub priority: Priority,
    /// For whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When it was submitted; `run.date` follows from it.
    pub submitted_at: Millis,
    /// Of the request's body: the same job with another one is refused.
    pub request_digest: Sha256,
    /// Who wants the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// The planner's own queue, which waits for [`super::Planned`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_to: Option<String>,
}

/// A request that cannot become a plan: to the assembler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRefused {
    /// The job.
    pub job: JobId,
    /// What is wrong.
    pub error: ErrorBody,
    /// Where, all at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// When it was submitted.
    pub submitted_at: Millis,
    /// Of the request's body.
    pub request_digest: Sha256,
    /// Who wants to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// The planner's own queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_to: Option<String>,
}

/// What went wrong, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A stable word.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// One thing that is wrong with a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// A stable word with a page in `docs/errors/`.
    pub code: String,
    /// Whether it stands in the way.
    pub severity: Severity,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters it covers on that line; 0 where that is not known.
    #[serde(default)]
    pub length: u32,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// Whether a diagnostic stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// The answer of a job, to who asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerReply {
    /// The job.
    pub job: JobId,
    /// `answer.json`, whole.
    pub answer: Value,
}

/// A request was refused, to who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The job, where one could be made out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// What is wrong.
    pub error: ErrorBody,
    /// Where, all at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}
