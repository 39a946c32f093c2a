//! One event of every kind, by the name of its golden file.

use std::sync::Arc;

use candor_proto::event::{Accepted, Event, Failure, LOG_FORMAT, Parent, Recorded, Refused, StopReason, Success};
use candor_proto::message::{Diagnostic, ErrorBody, Order, ReplyTo, Severity, Usage};
use candor_proto::plan::{Plan, Priority};
use candor_proto::{Class, ErrorClass, Evidence, JobResult, JobState, Millis, Node, Score, TaskError, TaskState};
use serde_json::{Map, Value, json};

use crate::ids::{START, attempt, digest, directive, job, question};
use crate::plan;

/// The event of a kind is what its variant is called on the wire; several samples of one kind differ after a dot.
pub(crate) fn all() -> Vec<(&'static str, Recorded)> {
    let mut events = job_events();
    events.extend(task_events());
    events.extend(attempt_events());
    events.extend(directed());
    events.into_iter().map(|(name, event)| (name, Recorded { seq: 7, at: START, event })).collect()
}

fn job_events() -> Vec<(&'static str, Event)> {
    vec![
        ("accepted", accepted(plan::full(), inputs())),
        ("accepted.smallest", bare(plan::smallest())),
        ("accepted.rerun", rerun(plan::smallest(), &["greet"])),
        ("asked", Event::Asked { reply_to: reply_to() }),
        ("refused", Event::Refused(Arc::new(refused()))),
        ("budget_spent", Event::BudgetSpent),
        ("ended", Event::Ended { state: JobState::Completed, result: JobResult::CompleteWithGaps }),
        ("ended.rejected", Event::Ended { state: JobState::Rejected, result: JobResult::Rejected }),
        ("answered", Event::Answered),
    ]
}

fn task_events() -> Vec<(&'static str, Event)> {
    vec![
        ("readied", Event::Readied { task: 0 }),
        ("fanned_out", Event::FannedOut { task: 1, items: 3, keys: None }),
        (
            "fanned_out.keys",
            Event::FannedOut { task: 2, items: 2, keys: Some(Arc::new(vec!["1".into(), "ü/2".into()])) },
        ),
        ("skipped", Event::Skipped { task: 1 }),
        ("stopped", Event::Stopped { task: 3, reason: StopReason::Dependency, cause: 0 }),
        ("stopped.no_outputs", Event::Stopped { task: 3, reason: StopReason::NoOutputs, cause: 0 }),
        ("stopped.budget", Event::Stopped { task: 3, reason: StopReason::BudgetWallClock, cause: 3 }),
        ("stopped.cancelled", Event::Stopped { task: 3, reason: StopReason::Cancelled, cause: 3 }),
        ("halted", Event::Halted { task: 1, reason: StopReason::ItemFailed }),
        ("joined", Event::Joined { task: 1, state: TaskState::Succeeded }),
    ]
}

fn attempt_events() -> Vec<(&'static str, Event)> {
    let (node, tried) = (Node::item(1, 2), attempt(1));
    vec![
        ("released", Event::Released { node, attempt: tried, input_digest: digest("input") }),
        ("released.task", Event::Released { node: Node::task(0), attempt: tried, input_digest: digest("input") }),
        ("published", Event::Published { nodes: vec![Node::task(0), node] }),
        ("due", Event::Due { node }),
        ("succeeded", Event::Succeeded(Box::new(success()))),
        ("succeeded.bare", succeeded(Node::task(0), 1, json!({}))),
        ("failed", failed(Node::item(1, 2), Some(1), Some(START + 5_000))),
        ("failed.unreleased", failed(Node::task(0), None, None)),
        ("lost", Event::Lost { node, attempt: tried }),
        (
            "granted",
            Event::Granted { node, attempt: tried, payload_digest: digest("payload"), start_before: START + 15_000 },
        ),
        ("outcome_unknown", Event::OutcomeUnknown { node, attempt: tried }),
    ]
}

fn directed() -> Vec<(&'static str, Event)> {
    let question = question();
    let orders = [
        ("directed.approve", Order::Approve { question }),
        ("directed.reject", Order::Reject { question, reason: Some("not like this".into()) }),
        ("directed.answer", Order::Answer { question, value: json!(42) }),
        ("directed.rerun_failed", Order::Rerun { parent: job(), from: None, failed: true }),
        ("directed.rerun", Order::Rerun { parent: job(), from: Some("read".into()), failed: false }),
    ];
    let by = Some("somebody".to_owned());
    let mut directed: Vec<_> = orders
        .into_iter()
        .map(|(name, order)| (name, Event::Directed { id: directive(), order, by: by.clone() }))
        .collect();
    directed.push(("directed", Event::Directed { id: directive(), order: Order::Cancel, by: None }));
    directed
}

fn inputs() -> Map<String, Value> {
    Map::from_iter([("count".to_owned(), json!(3)), ("region".to_owned(), json!("DE"))])
}

fn accepted(plan: Plan, inputs: Map<String, Value>) -> Event {
    Event::Accepted(Arc::new(Accepted {
        format: LOG_FORMAT,
        plan_hash: plan.hash(),
        plan: Arc::new(plan),
        inputs,
        priority: Priority::High,
        tenant: Some("north".into()),
        submitted_at: START,
        request_digest: digest("request"),
        reply_to: Some(reply_to()),
        parent: None,
    }))
}

/// A plan accepted with nothing beside it.
pub(crate) fn bare(plan: Plan) -> Event {
    Event::Accepted(Arc::new(Accepted {
        format: LOG_FORMAT,
        plan_hash: plan.hash(),
        plan: Arc::new(plan),
        inputs: Map::new(),
        priority: Priority::Normal,
        tenant: None,
        submitted_at: START,
        request_digest: digest("request"),
        reply_to: None,
        parent: None,
    }))
}

/// A plan accepted once more, with what is taken over from the job before.
pub(crate) fn rerun(plan: Plan, reused: &[&str]) -> Event {
    let Event::Accepted(accepted) = bare(plan) else { unreachable!("it is accepted") };
    let parent = Parent { job: job(), reused: reused.iter().map(|task| (*task).to_owned()).collect() };
    Event::Accepted(Arc::new(Accepted { parent: Some(parent), ..Accepted::clone(&accepted) }))
}

pub(crate) fn refused() -> Refused {
    Refused {
        format: LOG_FORMAT,
        error: error_body(),
        diagnostics: vec![diagnostic()],
        request_digest: digest("request"),
        reply_to: Some(reply_to()),
    }
}

pub(crate) fn reply_to() -> ReplyTo {
    ReplyTo {
        queue: "amq.gen-reply".into(),
        correlation_id: Some("mine-1".into()),
        content_type: "application/json".into(),
    }
}

pub(crate) fn error_body() -> ErrorBody {
    ErrorBody {
        code: "workflow_invalid".into(),
        message: "The workflow has 1 error.".into(),
        advice: "Correct it and submit it again.".into(),
    }
}

pub(crate) fn diagnostic() -> Diagnostic {
    Diagnostic {
        code: "needs_unknown".into(),
        severity: Severity::Error,
        line: 4,
        column: 12,
        length: 5,
        message: "There is no task `raed`.".into(),
        advice: "Did you mean `read`?".into(),
    }
}

pub(crate) fn usage() -> Usage {
    Usage { started_at: START + 10, ended_at: START + 1_010, cpu_ms: 800, max_rss_bytes: 7_340_032 }
}

pub(crate) fn evidence() -> Vec<Evidence> {
    vec![
        Evidence::checked("exit_code").with_detail("0".into()),
        Evidence::limit(Class::Checked, "rows_conserved", Score::share(99, 100)),
    ]
}

pub(crate) fn error() -> TaskError {
    TaskError::new(ErrorClass::Execution, "exit", "the script ended with exit code 3")
        .with_detail("Traceback (most recent call last):\n  …")
        .with_advice("look at its last lines above")
}

fn success() -> Success {
    Success {
        node: Node::item(1, 2),
        attempt: attempt(1),
        outputs: Arc::new(json!({
            "big": 9_007_199_254_740_993_u64, "list": [1, 2.5, -3, null, true], "stdout": "7 Zeilen\n",
        })),
        evidence: evidence(),
        warnings: vec![1],
        low_confidence: true,
        usage: usage(),
    }
}

/// The success of an attempt by number, checked and without use of anything.
pub(crate) fn succeeded(node: Node, number: u64, outputs: Value) -> Event {
    Event::Succeeded(Box::new(Success {
        node,
        attempt: attempt(number),
        outputs: Arc::new(outputs),
        evidence: vec![Evidence::checked("exit_code")],
        warnings: Vec::new(),
        low_confidence: false,
        usage: Usage::default(),
    }))
}

/// The failure of an attempt by number, or of a node that was not released.
pub(crate) fn failed(node: Node, number: Option<u64>, retry_at: Option<Millis>) -> Event {
    let usage = number.map(|_| usage());
    Event::Failed(Box::new(Failure { node, attempt: number.map(attempt), error: error(), retry_at, usage }))
}
