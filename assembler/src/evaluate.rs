//! Every expression of a plan, evaluated purely from what a job's log has recorded.
//!
//! Parses once per task and binds only what its expressions read, so that a fan-out stays linear.

mod env;
mod items;
mod prepared;
mod resolve;
mod scope;
mod sentence;
mod typed;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use candor_proto::job::Graph;
use candor_proto::limits::JOB_INLINE_BYTES_MAX;
use candor_proto::{ErrorClass, Job, Node, Plan, TaskError};
use candor_workflow::expression::{EvaluationError, Expression, Scope, Template};
use serde_json::Value;

use crate::memo::Memo;

pub use items::{Items, items};
pub use prepared::Prepared;
pub use resolve::{Resolved, resolve};
pub use sentence::{SentencePart, sentence};

/// Why an expression has no value.
#[derive(Debug, PartialEq)]
pub enum Trouble {
    /// It reads outputs of a task that has none.
    NoOutputs {
        /// Which.
        of: u32,
    },
    /// It cannot be evaluated.
    Error(TaskError),
}

/// A task's `when`.
#[derive(Debug)]
pub struct Condition {
    /// Whether it is evaluated although dependencies are not satisfied.
    pub in_any_case: bool,
    /// Whether it holds.
    pub holds: Result<bool, Trouble>,
}

/// A task's `when`; `None` where it has none.
pub fn condition(job: &Job, memo: &mut Memo, task: u32) -> Result<Option<Condition>, Trouble> {
    let prepared = prepared::prepare(job, memo, task)?;
    let Some(when) = &prepared.when else { return Ok(None) };
    let in_any_case = when.calls_any(&["always", "failed", "skipped"]);
    let scope = match scope::of_decision(job, memo, task, &prepared, &[when]) {
        Ok(scope) => scope,
        Err(trouble) => return Ok(Some(Condition { in_any_case, holds: Err(trouble) })),
    };
    let holds = match when.evaluate(&scope) {
        Ok(Value::Bool(holds)) => Ok(holds),
        Ok(other) => {
            let message = format!("`when` must be true or false, and `{}` is {}", when.text(), kind(&other));
            Err(Trouble::Error(TaskError::new(ErrorClass::Validation, "expression", message)))
        }
        Err(error) => Err(trouble(job, "when", &error)),
    };
    Ok(Some(Condition { in_any_case, holds }))
}

/// Whether an `assert` holds for the outputs of an attempt.
pub fn assert(job: &Job, memo: &mut Memo, node: Node, outputs: &Value, text: &str) -> Result<bool, TaskError> {
    let failed = |message: String| TaskError::new(ErrorClass::Validation, "check", message);
    let expression = match memo.asserts.get(text) {
        Some(known) => Arc::clone(known),
        None => {
            let parsed =
                Expression::parse(text).map_err(|error| failed(format!("the check `{text}`: {}", error.message)))?;
            let parsed = Arc::new(parsed);
            memo.asserts.insert(text.to_owned(), Arc::clone(&parsed));
            parsed
        }
    };
    let plain = |trouble| match trouble {
        Trouble::Error(error) => error,
        Trouble::NoOutputs { of } => {
            failed(format!("the check `{text}` reads outputs of {}, which has none", job.name(Node::task(of))))
        }
    };
    let prepared = prepared::prepare(job, memo, node.task).map_err(plain)?;
    let mut scope = scope::of_node(job, memo, node, &prepared).map_err(plain)?.scope;
    let declared = job.plan().and_then(|plan| plan.tasks.get(node.task as usize));
    let seen = declared.map_or(Cow::Borrowed(outputs), |task| typed::outputs(task, outputs));
    scope.set_json("outputs", &seen);
    match expression.evaluate(&scope) {
        Ok(Value::Bool(holds)) => Ok(holds),
        Ok(other) => Err(failed(format!("the check `{text}` must be true or false, and it is {}", kind(&other)))),
        Err(error) => Err(failed(format!("the check `{text}` cannot be evaluated: {}", error.message))),
    }
}

/// The job's own outputs by name, in the order of their names. One for which no room is left beside those before it, and
/// all after it, have no value.
pub fn outputs(job: &Job, memo: &mut Memo) -> Vec<(String, Result<Value, Trouble>)> {
    let Some(plan) = job.plan() else { return Vec::new() };
    let mut left = JOB_INLINE_BYTES_MAX;
    let mut value = |memo: &mut Memo, name: &str, value: &Value| {
        let tree = prepared::Tree::parse(value).map_err(Trouble::Error)?;
        let scope = scope::of_job(job, memo, &tree.expressions())?;
        within(&tree, &scope, &mut left).unwrap_or_else(|error| Err(trouble(job, &format!("outputs.{name}"), &error)))
    };
    plan.outputs.iter().map(|(name, tree)| (name.clone(), value(memo, name, tree))).collect()
}

/// A value within what is left for all outputs together. Where one does not fit nothing is left for those after it: what
/// none of them may keep is not worked out either.
fn within(tree: &prepared::Tree, scope: &Scope, left: &mut usize) -> Result<Result<Value, Trouble>, EvaluationError> {
    if *left > 0
        && let Some(value) = tree.evaluate_within(scope, left)?
    {
        return Ok(Ok(value));
    }
    *left = 0;
    let message = format!("the job's outputs together have more than {JOB_INLINE_BYTES_MAX} bytes");
    Ok(Err(Trouble::Error(TaskError::new(ErrorClass::Validation, "outputs_too_large", message))))
}

/// The key under which a job takes its turn; the workflow's `fairness_key`, else the tenant.
pub fn fairness_key(job: &Job) -> String {
    let Some(accepted) = job.accepted() else { return String::new() };
    let Some(text) = &accepted.plan.fairness_key else { return accepted.tenant.clone().unwrap_or_default() };
    let value = Template::parse(text).ok().and_then(|template| {
        let read: Vec<_> = template.expressions().map(|(_, expression)| expression).collect();
        let scope = scope::of_job(job, &mut Memo::default(), &read).ok()?;
        template.evaluate(&scope).ok()
    });
    value.map_or_else(|| text.clone(), |value| as_text(&value))
}

/// The tasks that a `when` names in `failed('id')`.
pub fn names_failed(when: &str) -> Vec<String> {
    if !when.contains("failed") {
        return Vec::new();
    }
    let Ok(when) = Expression::parse(when) else { return Vec::new() };
    let calls = when.references().functions.iter().filter(|call| call.name == "failed");
    calls.flat_map(|call| call.arguments.iter().flatten().cloned()).collect()
}

/// Which tasks' outputs are read.
#[derive(Debug)]
pub struct Reads {
    /// By the expressions of each task, by its place in the plan.
    pub by_task: Vec<BTreeSet<u32>>,
    /// By the job's own outputs.
    pub by_outputs: BTreeSet<u32>,
}

/// Which tasks' outputs the expressions of a plan read.
pub fn reads(plan: &Plan, graph: &Graph) -> Reads {
    let places = |expressions: Vec<&Expression>| -> BTreeSet<u32> {
        let tasks = expressions.into_iter().flat_map(|expression| &expression.references().tasks);
        let outputs = tasks.filter(|read| matches!(read.field.as_deref(), Some("outputs") | None));
        outputs.filter_map(|read| graph.place(&read.id)).collect()
    };
    let by_task = plan
        .tasks
        .iter()
        .map(|task| Prepared::parse(plan, task).map(|prepared| places(prepared.expressions())).unwrap_or_default())
        .collect();
    let trees: Vec<_> = plan.outputs.values().filter_map(|value| prepared::Tree::parse(value).ok()).collect();
    Reads { by_task, by_outputs: places(trees.iter().flat_map(prepared::Tree::expressions).collect()) }
}

fn trouble(job: &Job, place: &str, error: &EvaluationError) -> Trouble {
    let missing = error.missing_task.as_deref().and_then(|name| job.graph().place(name));
    match missing {
        Some(of) => Trouble::NoOutputs { of },
        None => Trouble::Error(TaskError::new(
            ErrorClass::Validation,
            "expression",
            format!("`{place}` cannot be evaluated: {}", error.message),
        )),
    }
}

/// A value inside text: text as it is, nothing for null, everything else as JSON.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
