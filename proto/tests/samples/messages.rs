//! One message of every kind, and of every choice that a kind leaves open.

use std::collections::BTreeMap;
use std::sync::Arc;

use candor_proto::message::{
    Announcement, AnswerReply, Assignment, Case, Claim, Directive, DirectiveReply, Document, Finding, Grant, Holding,
    JobRequest, Knock, Message, Notice, NoticeKind, Order, PlanReady, PlanRefused, Planned, Refusal, Report,
    Revocation, SubmittedFile, Verdict, With,
};
use candor_proto::plan::{Limits, PlanFile, Priority};
use candor_proto::{Confidence, FileValue, JobResult, JobState, Node, Outcome, TaskState, ValueType};
use serde_json::{Map, Value, json};

use crate::events::{diagnostic, error, error_body, evidence, reply_to, usage};
use crate::ids::{START, attempt, digest, directive, job, owner, question, token};
use crate::plan;

const TRACE: &str = "00-01900000000070008000000000000001-00f067aa0ba902b7-01";

/// Each with the name of its golden file: its type, and what tells it from others of that type.
pub(crate) fn all() -> Vec<(String, Message)> {
    let mut messages = requests();
    messages.extend(planning());
    messages.extend(work());
    messages.extend(ownership());
    messages.extend(doubt());
    messages.extend(directives());
    messages.extend(notices());
    let name = |(variant, message): (&str, Message)| match variant {
        "" => (message.kind().to_owned(), message),
        variant => (format!("{}.{variant}", message.kind()), message),
    };
    messages.into_iter().map(name).collect()
}

fn requests() -> Vec<(&'static str, Message)> {
    let by_document = JobRequest {
        workflow: Some(Document::Object(object(json!({
            "name": "hello", "tasks": [{"id": "greet", "run": "echo hello"}],
        })))),
        inputs: object(json!({"count": 3, "region": "DE"})),
        files: BTreeMap::from([
            ("data/rows.csv".into(), SubmittedFile { base64: Some("cm93cw==".into()), ..SubmittedFile::default() }),
            ("lib/sum.py".into(), SubmittedFile { base64: None, sha256: Some(digest("sum")), bytes: Some(3) }),
        ]),
        idempotency_key: Some("order-7".into()),
        job: Some(job()),
        priority: Some(Priority::High),
        tenant: Some("north".into()),
        submitted_at: Some(START),
        source_name: Some("hello.yaml".into()),
        ..JobRequest::default()
    };
    let text = Document::Text("name: hello\ntasks:\n  - id: greet\n    run: echo hello\n".into());
    let by_text = JobRequest { workflow: Some(text), ..JobRequest::default() };
    let by_words = JobRequest { request: Some("sum up the rows".into()), ..JobRequest::default() };
    vec![
        ("", Message::JobRequest(Box::new(by_document))),
        ("text", Message::JobRequest(Box::new(by_text))),
        ("words", Message::JobRequest(Box::new(by_words))),
    ]
}

fn planning() -> Vec<(&'static str, Message)> {
    let plan = plan::full();
    let ready = PlanReady {
        job: job(),
        plan_hash: plan.hash(),
        plan,
        inputs: object(json!({"region": "DE"})),
        priority: Priority::High,
        tenant: Some("north".into()),
        submitted_at: START,
        request_digest: digest("request"),
        reply_to: Some(reply_to()),
        recorded_to: Some("candor.replies.a1".into()),
    };
    let refused = PlanRefused {
        job: job(),
        error: error_body(),
        diagnostics: vec![diagnostic()],
        submitted_at: START,
        request_digest: digest("request"),
        reply_to: Some(reply_to()),
        recorded_to: Some("candor.replies.a1".into()),
    };
    let refusal = Refusal { job: Some(job()), error: error_body(), diagnostics: vec![diagnostic()] };
    let unnamed = Refusal { job: None, error: error_body(), diagnostics: Vec::new() };
    let answer = json!({"confidence": {"score": 1.0}, "job": job(), "result": "complete", "statements": []});
    vec![
        ("", Message::PlanReady(Box::new(ready))),
        ("", Message::PlanRefused(Box::new(refused))),
        ("", Message::Planned(Planned { job: job() })),
        ("", Message::Answer(Box::new(AnswerReply { job: job(), answer }))),
        ("", Message::Refusal(Box::new(refusal))),
        ("unnamed", Message::Refusal(Box::new(unnamed))),
    ]
}

fn assignment(with: With) -> Assignment {
    Assignment {
        job: job(),
        attempt: attempt(1),
        node: Node::item(1, 2),
        task: "regions[TX]".into(),
        number: 2,
        uses: "shell".into(),
        with,
        input_digest: digest("input"),
        env: BTreeMap::from([("REGION".into(), "DE".into())]),
        files: Arc::new(BTreeMap::from([("data/rows.csv".into(), PlanFile { sha256: digest("rows"), bytes: 4 })])),
        outputs: BTreeMap::from([("rows".into(), ValueType::Table)]),
        timeout_ms: 30_000,
        limits: Limits { cpu: Some(1.5), ..Limits::default() },
        idempotency_key: "job/regions/2".into(),
        claim: true,
        report_to: "candor.assembler.3".into(),
        traceparent: Some(TRACE.into()),
    }
}

fn report(outcome: Outcome) -> Message {
    Message::Report(Box::new(Report {
        job: job(),
        attempt: attempt(1),
        node: Node::item(1, 2),
        input_digest: digest("input"),
        outcome,
        stored: None,
        usage: usage(),
        worker: "w1".into(),
        traceparent: Some(TRACE.into()),
    }))
}

/// The outputs lie elsewhere.
fn by_reference() -> Message {
    let Message::Report(report) = report(Outcome::Done { outputs: Map::new(), evidence: evidence() }) else {
        unreachable!("it is a report")
    };
    let stored = FileValue {
        name: "outputs.json".into(),
        sha256: digest("outputs"),
        bytes: 2_000_000,
        media_type: "application/json".into(),
    };
    Message::Report(Box::new(Report { stored: Some(stored), ..*report }))
}

fn work() -> Vec<(&'static str, Message)> {
    let stored = FileValue {
        name: "with.json".into(),
        sha256: digest("with"),
        bytes: 300_000,
        media_type: "application/json".into(),
    };
    let done = Outcome::Done { outputs: object(json!({"lines": 7, "stdout": "7 Zeilen\n"})), evidence: evidence() };
    let claim = Claim {
        job: job(),
        attempt: attempt(1),
        node: Node::task(3),
        token: token(),
        payload_digest: digest("payload"),
        reply_to: "candor.worker.w1".into(),
    };
    let grant = Grant { job: job(), attempt: attempt(1), token: token(), granted: true, start_before: START + 15_000 };
    vec![
        ("", Message::Assignment(Box::new(assignment(With::Inline(json!({"run": "wc -l"})))))),
        ("stored", Message::Assignment(Box::new(assignment(With::Stored(stored))))),
        ("", report(done)),
        ("retry", report(Outcome::Retry { error: error(), after_ms: Some(2_000) })),
        ("fail", report(Outcome::Fail { error: error() })),
        ("cancelled", report(Outcome::Cancelled)),
        ("stored", by_reference()),
        ("", Message::Claim(claim)),
        ("", Message::Grant(grant)),
        ("", Message::Revocation(Revocation { job: job(), attempts: vec![attempt(1)] })),
        ("all", Message::Revocation(Revocation { job: job(), attempts: Vec::new() })),
    ]
}

fn ownership() -> Vec<(&'static str, Message)> {
    let holding = Holding { worker: "w1".into(), partition: 3, attempts: vec![(job(), attempt(1))] };
    let announcement = Announcement { owner: owner(), instance: "a1".into(), partitions: vec![0, 3], leaving: true };
    vec![
        ("", Message::Holding(holding)),
        ("", Message::Knock(Knock { owner: owner(), partition: 3 })),
        ("", Message::Announcement(announcement)),
    ]
}

fn doubt() -> Vec<(&'static str, Message)> {
    let case = Case {
        job: job(),
        node: Node::task(3),
        task: "publish".into(),
        attempt: attempt(1),
        outputs: json!({"total": 12}),
        evidence: evidence(),
        reason: "low_confidence".into(),
        report_to: "candor.assembler.3".into(),
    };
    let finding = |outputs| {
        let (job, node, attempt) = (job(), Node::task(3), attempt(1));
        Message::Finding(Box::new(Finding { job, node, attempt, outputs, evidence: evidence() }))
    };
    vec![("", Message::Case(Box::new(case))), ("", finding(Some(json!({"total": 13})))), ("unsure", finding(None))]
}

fn directives() -> Vec<(&'static str, Message)> {
    let question = question();
    let order = |order, by: Option<&str>| {
        Message::Directive(Box::new(Directive { id: directive(), job: job(), order, by: by.map(str::to_owned) }))
    };
    let reply = |verdict| Message::DirectiveReply(DirectiveReply { id: directive(), job: job(), verdict });
    vec![
        ("", order(Order::Cancel, Some("somebody"))),
        ("approve", order(Order::Approve { question }, None)),
        ("reject", order(Order::Reject { question, reason: Some("not like this".into()) }, None)),
        ("answer", order(Order::Answer { question, value: json!({"colour": "red"}) }, None)),
        ("rerun", order(Order::Rerun { parent: job(), from: None, failed: false }, None)),
        ("rerun_failed", order(Order::Rerun { parent: job(), from: None, failed: true }, None)),
        ("rerun_from", order(Order::Rerun { parent: job(), from: Some("read".into()), failed: false }, None)),
        ("", reply(Verdict::Done)),
        ("known", reply(Verdict::AlreadyKnown)),
        ("refused", reply(Verdict::Refused { reason: "the job has ended".into() })),
    ]
}

fn notices() -> Vec<(&'static str, Message)> {
    let notice = |kind| Message::Notice(Box::new(Notice { job: job(), at: START, kind }));
    let node = Node::item(1, 2);
    let task = NoticeKind::Task {
        task: "regions[TX]".into(),
        node,
        state: TaskState::Succeeded,
        attempt: 2,
        confidence: Some(Confidence::CHECKED),
        reason: Some("a check did not hold".into()),
    };
    let items = NoticeKind::Items {
        task: "regions".into(),
        node: Node::task(1),
        total: 50,
        running: 2,
        succeeded: 40,
        failed: 1,
    };
    vec![
        ("", notice(NoticeKind::Job { state: JobState::Completed, result: Some(JobResult::Complete) })),
        ("task", notice(task)),
        ("items", notice(items)),
    ]
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
