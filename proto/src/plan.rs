//! The plan: the validated, canonical DAG that a workflow means.
//!
//! Every field that equals its default is left out of the written form, so that a language that grows
//! keeps old hashes. Texts may hold `${{ … }}` templates; only the assembler evaluates them.

mod policy;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::Sha256;
use crate::confidence::Score;
use crate::value::ValueType;

pub use policy::{Backoff, FailPolicy, Limits, OnFail, Priority, Retry};

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is written as `null` is read as nothing: a plan must hash the same before and after.
fn is_nothing(value: &Option<Value>) -> bool {
    value.as_ref().is_none_or(Value::is_null)
}

/// A workflow after checking: everything that the assembler needs to carry it out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The workflow's name.
    pub name: String,
    /// The author's version, as written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub description: Option<String>,
    /// Declared inputs by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inputs: BTreeMap<String, Input>,
    /// Environment of every task, as templates.
    #[serde(default, skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// Every file that lies in an attempt's working directory, by its relative path.
    #[serde(default, skip_serializing_if = "is_default")]
    pub files: BTreeMap<String, PlanFile>,
    /// Which job goes first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: Priority,
    /// Jobs with the same key share one place in the round, as a template.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fairness_key: Option<String>,
    /// What the job may spend.
    #[serde(default, skip_serializing_if = "is_default")]
    pub budget: Budget,
    /// The tasks, in the author's order.
    pub tasks: Vec<Task>,
    /// What the answer says.
    #[serde(default, skip_serializing_if = "is_default")]
    pub assemble: Assemble,
    /// The job's own outputs, as templates.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outputs: BTreeMap<String, Value>,
}

/// A declared input of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// What it must be.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// What it is for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub description: Option<String>,
    /// Its value when none is given; a text may be a template over `run.date` and `run.id`. `null` is none.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub default: Option<Value>,
    /// Whether one must be given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required: bool,
    /// A regular expression that a text must match as a whole.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pattern: Option<String>,
}

/// A file of the plan: what it is, not where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// Of its bytes.
    pub sha256: Sha256,
    /// Its length.
    pub bytes: u64,
}

/// What a job may spend before it ends with what it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// From the job's start, in milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub wall_clock_ms: Option<u64>,
}

/// What the answer says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Assemble {
    /// The tasks whose outputs become statements; `None` means the tasks that nobody needs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub summary: Option<Vec<String>>,
    /// Sentences of the author's own, as templates whose values come from recorded outputs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub statements: Vec<String>,
}

/// A node of the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its name, unique in the plan.
    pub id: String,
    /// A title for people.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: Option<String>,
    /// What must have ended before it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub needs: Needs,
    /// The action.
    pub uses: String,
    /// The action's parameters: a map whose texts may be templates.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub with: Value,
    /// Whether it runs, as an expression without its `${{ }}`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: Option<String>,
    /// Many items instead of one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fan_out: Option<FanOut>,
    /// Time of one attempt from the worker's start, in milliseconds; `None` means one hour.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout_ms: Option<u64>,
    /// What is tried again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retry: Retry,
    /// Which workers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pool: Option<String>,
    /// Declared outputs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outputs: BTreeMap<String, ValueType>,
    /// A JSON Schema for all outputs together.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub output_schema: Option<Value>,
    /// What must hold of the outputs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub checks: Vec<Check>,
    /// The least confidence, and what happens below it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub confidence: Option<ConfidenceRule>,
    /// What an attempt may use.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// Which of the job's ready tasks goes first; `None` means the job's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: Option<Priority>,
    /// Its environment, as templates; the `CANDOR_E1` … of its `run` among them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// What it changes in the world.
    #[serde(default, skip_serializing_if = "is_default")]
    pub effects: Vec<String>,
    /// Whether its effects may safely happen twice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub idempotent: bool,
    /// Stable over attempts, as a template; `None` means job and task.
    #[serde(default, skip_serializing_if = "is_default")]
    pub idempotency_key: Option<String>,
}

/// The dependencies of a task, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// All of these must be satisfied.
    #[serde(default, skip_serializing_if = "is_default")]
    pub all: Vec<String>,
    /// At least one of these must be satisfied, where there are any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub any: Vec<String>,
}

impl Needs {
    /// Every dependency, those of `all` first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.all.iter().chain(&self.any).map(String::as_str)
    }
}

/// Many items of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FanOut {
    /// Where the items come from.
    pub over: Over,
    /// Items that run at once; `None` means as many as there is room for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_parallel: Option<u32>,
    /// What a failed item means for the others.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fail: FailPolicy,
}

/// Where the items of a fan-out come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// A list, literal or as a template.
    ForEach(Value),
    /// Lists by name; the items are their product, the last name varying fastest.
    Matrix(Vec<(String, Value)>),
}

/// What must hold of a task's outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What is checked.
    #[serde(flatten)]
    pub rule: CheckRule,
    /// What happens when it does not hold.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_fail: OnFail,
}

/// What is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckRule {
    /// An expression over `outputs` and `inputs`, without its `${{ }}`.
    Assert(String),
    /// A check that the action brings.
    Named(String),
}

/// The least confidence that a task accepts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceRule {
    /// Below this the result is not taken as it is.
    pub min: Score,
    /// What happens then.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_low: OnFail,
}

impl Plan {
    /// The plan's hash: SHA-256 of its canonical form.
    pub fn hash(&self) -> Sha256 {
        // A plan is maps with text keys, numbers and texts: it always has a JSON form.
        let value = serde_json::to_value(self).unwrap_or(Value::Null);
        Sha256::of_value(&value)
    }
}

/// The pool of a task that names none.
pub const DEFAULT_POOL: &str = "default";

/// The time-out of a task that names none, in milliseconds.
pub const DEFAULT_TIMEOUT_MS: u64 = 3_600_000;

impl Task {
    /// The pool that serves it.
    pub fn pool(&self) -> &str {
        self.pool.as_deref().unwrap_or(DEFAULT_POOL)
    }

    /// Time of one attempt, in milliseconds.
    pub fn timeout_ms(&self) -> u64 {
        self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS)
    }
}
