//! A ready task, or the next item of a fan-out, goes to its pool.

use std::sync::Arc;

use candor_proto::message::{Assignment, With};
use candor_proto::{AttemptId, ErrorClass, Event, Job, Node, TaskError};

use super::needs::{failed, troubled};
use super::{Decision, Effect, Now};
use crate::evaluate::{self, Resolved, Trouble};
use crate::memo::Memo;

/// Releases a node: its parameters are resolved now, from what is recorded.
pub fn release(job: &Job, memo: &mut Memo, node: Node, now: &mut Now<'_>) -> Decision {
    let resolved = match evaluate::resolve(job, memo, node) {
        Ok(resolved) => resolved,
        Err(Trouble::Error(error)) => return Decision::event(failed(node, error)),
        Err(trouble @ Trouble::NoOutputs { .. }) if node.item.is_none() => {
            return Decision::event(troubled(job, node.task, trouble));
        }
        Err(Trouble::NoOutputs { of }) => return Decision::event(failed(node, no_outputs(job, of))),
    };
    let attempt = (now.attempts)();
    let number = job.node(node).map_or(0, |record| record.attempts) + 1;
    let event = Event::Released { node, attempt, input_digest: resolved.digest };
    match build(job, node, attempt, number, resolved, now.report_to) {
        Some(effect) => Decision::event(event).and(effect),
        None => Decision::default(),
    }
}

fn no_outputs(job: &Job, of: u32) -> TaskError {
    let message = format!("its parameters read outputs of `{}`, which has none", job.name(Node::task(of)));
    TaskError::new(ErrorClass::Validation, "no_outputs", message)
        .with_advice("guard them with `has()` or `succeeded()`, or let `when` leave the task out")
}

/// The assignment of an attempt that is already out, once more: after a takeover, or when its lease is over.
pub fn assignment(job: &Job, memo: &mut Memo, node: Node, report_to: &str) -> Option<Effect> {
    let record = job.node(node)?;
    let attempt = record.attempt.as_ref()?;
    let resolved = evaluate::resolve(job, memo, node).ok()?;
    // A build that resolves the same plan to something else must not hand it out under the recorded digest.
    if resolved.digest != attempt.input_digest {
        return None;
    }
    build(job, node, attempt.id, record.attempts, resolved, report_to)
}

fn build(
    job: &Job,
    node: Node,
    attempt: AttemptId,
    number: u32,
    resolved: Resolved,
    report_to: &str,
) -> Option<Effect> {
    let plan = job.plan()?;
    let task = plan.tasks.get(node.task as usize)?;
    let assignment = Assignment {
        job: job.id(),
        attempt,
        node,
        task: job.name(node),
        number,
        uses: task.uses.clone(),
        with: With::Inline(resolved.with),
        input_digest: resolved.digest,
        env: resolved.env,
        files: Arc::clone(&resolved.files),
        outputs: task.outputs.clone(),
        timeout_ms: task.timeout_ms(),
        limits: task.limits,
        idempotency_key: resolved.idempotency_key,
        claim: !task.effects.is_empty() && !task.idempotent,
        report_to: report_to.to_owned(),
        traceparent: None,
    };
    Some(Effect::Assign { pool: task.pool().to_owned(), assignment: Box::new(assignment) })
}
