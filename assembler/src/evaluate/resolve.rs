//! What an attempt gets: parameters and environment without any expression left in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use candor_proto::limits::INLINE_BYTES_MAX;
use candor_proto::plan::PlanFile;
use candor_proto::{ErrorClass, Job, Node, Sha256, TaskError};
use serde_json::{Value, json};

use super::scope::{self, AttemptScope};
use super::{Trouble, as_text, prepared, trouble};
use crate::memo::Memo;

/// The input of an attempt.
#[derive(Debug)]
pub struct Resolved {
    /// The action's parameters.
    pub with: Value,
    /// The attempt's environment.
    pub env: BTreeMap<String, String>,
    /// The plan's files.
    pub files: Arc<BTreeMap<String, PlanFile>>,
    /// Stable over attempts.
    pub idempotency_key: String,
    /// Of action, parameters and environment.
    pub digest: Sha256,
}

/// Resolves the input of a node.
pub fn resolve(job: &Job, memo: &mut Memo, node: Node) -> Result<Resolved, Trouble> {
    let prepared = prepared::prepare(job, memo, node.task)?;
    let AttemptScope { scope, mut env } = scope::of_node(job, memo, node, &prepared)?;
    let with = match prepared.with.evaluate(&scope).map_err(|error| trouble(job, "with", &error))? {
        Value::Null => json!({}),
        with => with,
    };
    for (name, tree) in &prepared.variables {
        let value = tree.evaluate(&scope).map_err(|error| trouble(job, "run", &error))?;
        let text = as_text(&value);
        if text.len() > INLINE_BYTES_MAX {
            return Err(Trouble::Error(too_large(text.len())));
        }
        env.insert(name.clone(), text);
    }
    let key = match &prepared.key {
        Some(tree) => as_text(&tree.evaluate(&scope).map_err(|error| trouble(job, "idempotency_key", &error))?),
        None => format!("{}/{}", job.id(), job.name(node)),
    };
    let uses = job.plan().and_then(|plan| plan.tasks.get(node.task as usize)).map(|task| task.uses.clone());
    let digest = Sha256::of_value(&json!({"uses": uses, "with": with, "env": env}));
    Ok(Resolved { with, env, files: files(job), idempotency_key: key, digest })
}

fn too_large(bytes: usize) -> TaskError {
    let message = format!("an expression in `run` has {bytes} bytes, and {INLINE_BYTES_MAX} fit into a variable");
    TaskError::new(ErrorClass::Validation, "variable_too_large", message)
        .with_advice("hand it over as `with.stdin`, or write it to a file first")
}

/// The plan's files, shared by all assignments of a job.
fn files(job: &Job) -> Arc<BTreeMap<String, PlanFile>> {
    job.files()
}
