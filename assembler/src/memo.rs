//! What is worth computing once per job: parsed templates, converted outputs, fan-out items.
//!
//! Never state: a memo can be dropped at any time and is built again from the job.

use std::collections::HashMap;
use std::sync::Arc;

use candor_proto::{Event, Job};
use candor_workflow::expression::{Converted, Expression, Scope};
use candor_workflow::validator::Validator;
use serde_json::Value;

use crate::evaluate::{Items, Prepared};

/// Computed once per job.
#[derive(Default)]
pub struct Memo {
    pub(crate) inputs: Option<Converted>,
    pub(crate) outputs: HashMap<u32, Converted>,
    pub(crate) prepared: HashMap<u32, Arc<Prepared>>,
    pub(crate) scopes: HashMap<u32, Scope>,
    pub(crate) items: HashMap<u32, Arc<Items>>,
    pub(crate) asserts: HashMap<String, Arc<Expression>>,
    schemas: HashMap<u32, Arc<Validator>>,
}

impl Memo {
    /// The compiled `output_schema` of a task.
    pub(crate) fn schema(&mut self, task: u32, schema: &Value) -> Result<Arc<Validator>, String> {
        if let Some(known) = self.schemas.get(&task) {
            return Ok(Arc::clone(known));
        }
        let compiled = Arc::new(Validator::new(schema)?);
        self.schemas.insert(task, Arc::clone(&compiled));
        Ok(compiled)
    }

    /// Lets go of what an ended task needed for itself.
    pub(crate) fn forget_stale(&mut self, job: &Job, event: &Event) {
        let task = match event {
            Event::Skipped { task } | Event::Stopped { task, .. } | Event::Joined { task, .. } => *task,
            Event::Succeeded(success) => success.node.task,
            Event::Failed(failure) => failure.node.task,
            _ => return,
        };
        if job.task(task).is_some_and(|record| record.state.ended()) {
            self.prepared.remove(&task);
            self.scopes.remove(&task);
            self.items.remove(&task);
            self.schemas.remove(&task);
        }
    }
}
