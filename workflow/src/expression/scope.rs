//! What the names in an expression mean.

use std::collections::BTreeMap;

use candor_proto::TaskState;
use cel::common::types::{CelBool, CelDouble, CelInt, CelNull, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use serde_json::Value;

use super::Converted;
use super::lower::{PRESENT, SECRET};
use super::special::Absent;
use crate::secret;

/// The names that expressions may read, and their values.
///
/// Setting a name costs nothing but a pointer, and evaluation looks at the names that the expression reads
/// and at no other. For a fan-out, build the scope once and set `item` anew for each item.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    values: BTreeMap<String, Converted>,
    tasks: BTreeMap<String, TaskScope>,
    direct: Vec<String>,
}

/// What expressions may read of one task.
#[derive(Clone, Debug)]
pub struct TaskScope {
    /// Its state; also answers `succeeded('x')`, `failed('x')` and `skipped('x')`.
    pub state: TaskState,
    /// Its outputs.
    pub outputs: Outputs,
    /// Its confidence, when it has one.
    pub confidence: Option<f64>,
    /// Its error, when it has one.
    pub error: Option<Converted>,
    /// How often it was tried.
    pub attempts: u32,
    /// The items of a fan-out: `[{key, state, error}]`.
    pub items: Option<Converted>,
}

/// The outputs of a task.
#[derive(Clone, Debug)]
pub enum Outputs {
    /// There are some.
    Present(Converted),
    /// There are none: reading them is an error that names the task.
    Missing,
    /// There are none, and they read as null: an unsuccessful task in an `any`.
    Null,
}

impl TaskScope {
    /// A task that has ended with these outputs.
    pub fn new(state: TaskState, outputs: Outputs) -> Self {
        Self { state, outputs, confidence: None, error: None, attempts: 1, items: None }
    }
}

impl Scope {
    /// A scope without names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of a root name: `inputs`, `env`, `matrix`, `item`, `outputs`, `run`, `row` …
    pub fn set(&mut self, name: &str, value: Converted) {
        match self.values.get_mut(name) {
            Some(place) => *place = value,
            None => {
                self.values.insert(name.to_owned(), value);
            }
        }
    }

    /// The same from JSON.
    pub fn set_json(&mut self, name: &str, value: &Value) {
        self.set(name, Converted::new(value));
    }

    /// Sets what may be read of a task.
    pub fn set_task(&mut self, id: &str, task: TaskScope) {
        self.tasks.insert(id.to_owned(), task);
    }

    /// Names the direct dependencies, of which `succeeded()`, `failed()` and `skipped()` speak: all of them
    /// succeeded or were skipped by their own `when`; any failed; any was skipped.
    pub fn set_direct(&mut self, ids: impl IntoIterator<Item = impl Into<String>>) {
        self.direct = ids.into_iter().map(Into::into).collect();
    }

    pub(super) fn task(&self, id: &str) -> Option<&TaskScope> {
        self.tasks.get(id)
    }

    fn field<'b>(&'b self, field: &str, id: &str) -> Option<CowVal<'b, 'b>> {
        let task = self.tasks.get(id)?;
        if let Some(field) = field.strip_prefix("has_") {
            return Some(CowVal::owned(CelBool::from(task.has(field))));
        }
        task.field(field)
    }

    /// The answer to `succeeded('x')`, or to `succeeded()` when there is no id.
    fn answer(&self, question: &str, id: &str) -> Option<bool> {
        let holds = |task: &TaskScope| match question {
            "succeeded" => task.state == TaskState::Succeeded,
            "failed" => task.state == TaskState::Failed,
            _ => task.state == TaskState::Skipped,
        };
        if !id.is_empty() {
            return self.tasks.get(id).map(holds);
        }
        let mut direct = self.direct.iter().filter_map(|id| self.tasks.get(id));
        Some(match question {
            "succeeded" => direct.all(|task| task.state.satisfies()),
            _ => direct.any(holds),
        })
    }
}

impl TaskScope {
    fn has(&self, field: &str) -> bool {
        match field {
            "outputs" => matches!(self.outputs, Outputs::Present(_)),
            "confidence" => self.confidence.is_some(),
            "error" => self.error.as_ref().is_some_and(|error| !error.is_null()),
            "items" => self.items.is_some(),
            _ => true,
        }
    }

    fn field(&self, field: &str) -> Option<CowVal<'_, '_>> {
        match field {
            "outputs" => match &self.outputs {
                Outputs::Present(outputs) => Some(CowVal::Borrowed(outputs.value())),
                Outputs::Missing => None,
                Outputs::Null => Some(CowVal::Borrowed(&Absent)),
            },
            "state" => Some(CowVal::owned(CelString::from(state_name(self.state)))),
            "confidence" => Some(match self.confidence {
                Some(confidence) => CowVal::owned(CelDouble::from(confidence)),
                None => CowVal::Borrowed(&CelNull),
            }),
            "error" => Some(or_null(self.error.as_ref())),
            "attempts" => Some(CowVal::owned(CelInt::from(i64::from(self.attempts)))),
            "items" => Some(or_null(self.items.as_ref())),
            _ => None,
        }
    }
}

fn or_null(value: Option<&Converted>) -> CowVal<'_, '_> {
    match value {
        Some(value) => CowVal::Borrowed(value.value()),
        None => CowVal::Borrowed(&CelNull),
    }
}

/// The word for a state, as in the log.
fn state_name(state: TaskState) -> &'static str {
    match state {
        TaskState::Pending => "pending",
        TaskState::Ready => "ready",
        TaskState::Running => "running",
        TaskState::Retrying => "retrying",
        TaskState::AwaitingApproval => "awaiting_approval",
        TaskState::Escalated => "escalated",
        TaskState::OutcomeUnknown => "outcome_unknown",
        TaskState::Succeeded => "succeeded",
        TaskState::Failed => "failed",
        TaskState::Skipped => "skipped",
        TaskState::Stopped => "stopped",
        TaskState::Cancelled => "cancelled",
    }
}

/// Answers the names that `lower` makes, and the plain ones.
impl VariableResolver for Scope {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let Some(own) = variable.strip_prefix('@') else {
            return self.values.get(variable).map(|value| CowVal::Borrowed(value.value()));
        };
        if let Some(id) = variable.strip_prefix(PRESENT) {
            return self.tasks.get(id).map(|task| CowVal::owned(CelBool::from(task.has("outputs"))));
        }
        if let Some(name) = variable.strip_prefix(SECRET) {
            return Some(CowVal::owned(CelString::from(secret::placeholder(name))));
        }
        let (word, id) = own.split_once('.')?;
        match word {
            "succeeded" | "failed" | "skipped" => {
                self.answer(word, id).map(|truth| CowVal::owned(CelBool::from(truth)))
            }
            _ => self.field(word, id),
        }
    }
}
