//! Tasks that wait for a pool that nobody serves.
//!
//! Derived from a job's log and the consumers of its pools' queues; for people, and for nobody else.

use std::collections::BTreeMap;

use candor_proto::time::rfc3339;
use candor_proto::{Job, Millis, Node};
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::failure::Failure;

/// How long a task waits before that is worth a word, in milliseconds.
const WAITED_MS: Millis = 30_000;
/// Tasks that are named.
const NAMED_MAX: usize = 20;

/// A task that waits for workers that are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The task's name.
    pub(crate) task: String,
    /// The pool that it waits for.
    pub(crate) pool: String,
    /// Since when.
    since: Millis,
}

impl Waiting {
    /// What to say about it.
    pub(crate) fn sentence(&self) -> String {
        let Self { task, pool, since } = self;
        format!(
            "{task} waits since {} for the pool `{pool}`, which nobody serves: start a worker with `--pool {pool}`",
            rfc3339(*since)
        )
    }

    /// The same as data.
    pub(crate) fn document(&self) -> Value {
        json!({"task": self.task, "pool": self.pool, "since": rfc3339(self.since)})
    }
}

/// The tasks of a job that have waited for long for a pool without a worker.
pub(crate) async fn unserved(deployment: &dyn Deployment, job: &Job, now: Millis) -> Result<Vec<Waiting>, Failure> {
    let Some(plan) = job.plan() else { return Ok(Vec::new()) };
    let (mut served, mut waiting) = (BTreeMap::new(), Vec::new());
    for node in job.running() {
        let Some(task) = plan.tasks.get(node.task as usize) else { continue };
        let Some(since) = released_at(job, node).filter(|since| now.saturating_sub(*since) >= WAITED_MS) else {
            continue;
        };
        let pool = task.pool().to_owned();
        if !served.contains_key(&pool) {
            let standing = deployment.standing(&deployment.routes().tasks(&pool)).await?;
            served.insert(pool.clone(), standing.is_none_or(|standing| standing.consumers > 0));
        }
        if served.get(&pool) == Some(&false) && waiting.len() < NAMED_MAX {
            waiting.push(Waiting { task: job.name(node), pool, since });
        }
    }
    Ok(waiting)
}

fn released_at(job: &Job, node: Node) -> Option<Millis> {
    Some(job.node(node)?.attempt.as_ref()?.released_at)
}
