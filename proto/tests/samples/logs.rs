//! Whole logs of small jobs, by the name of their golden file.

use std::sync::Arc;

use candor_proto::event::{Event, Recorded, StopReason};
use candor_proto::message::Order;
use candor_proto::plan::{Assemble, FailPolicy, FanOut, Needs, Over, Plan, Task};
use candor_proto::{JobResult, JobState, Node, TaskState};
use serde_json::json;

use crate::events::{bare, failed, refused, reply_to, rerun, succeeded};
use crate::ids::{START, attempt, digest, directive, job};
use crate::plan::task;

pub(crate) fn all() -> Vec<(&'static str, Vec<Recorded>)> {
    vec![
        ("chain", recorded(chain())),
        ("fan_out", recorded(fan_out())),
        ("failure", recorded(failure())),
        ("halted", recorded(halted())),
        ("cancelled", recorded(cancelled())),
        ("cancelled_early", recorded(cancelled_early())),
        ("rerun", rerun_of_a_failure()),
        ("refused", recorded(vec![Event::Refused(Arc::new(refused())), Event::Answered])),
        ("unfinished", recorded(unfinished())),
    ]
}

fn recorded(events: Vec<Event>) -> Vec<Recorded> {
    events.into_iter().zip(1..).map(|(event, seq)| Recorded { seq, at: START + 100 * seq, event }).collect()
}

fn released(node: Node, number: u64) -> Event {
    Event::Released { node, attempt: attempt(number), input_digest: digest(&format!("{node:?}")) }
}

fn ended(state: JobState, result: JobResult) -> Event {
    Event::Ended { state, result }
}

fn plan(name: &str, tasks: Vec<Task>) -> Plan {
    Plan { name: name.into(), tasks, ..Plan::default() }
}

fn fan(id: &str, needs: &[&str], fail: FailPolicy) -> Task {
    let over = Over::ForEach(json!("${{ tasks.list.outputs.names }}"));
    Task { fan_out: Some(FanOut { over, max_parallel: Some(2), fail }), ..task(id, needs) }
}

fn chain() -> Vec<Event> {
    let plan = Plan {
        assemble: Assemble { summary: None, statements: vec!["It said ${{ tasks.greet.outputs.stdout }}!".into()] },
        ..plan("chain", vec![task("greet", &[]), task("count", &["greet"])])
    };
    let (greet, count) = (Node::task(0), Node::task(1));
    vec![
        bare(plan),
        Event::Readied { task: 0 },
        released(greet, 1),
        Event::Published { nodes: vec![greet] },
        succeeded(greet, 1, json!({"stdout": "hello"})),
        Event::Readied { task: 1 },
        released(count, 2),
        succeeded(count, 2, json!({"a/b~c": "ünï", "count": 5, "list": [1, 2, 3], "table": table(), "file": file()})),
        ended(JobState::Completed, JobResult::Complete),
        Event::Answered,
    ]
}

fn file() -> serde_json::Value {
    json!({"bytes": 5, "media_type": "text/plain", "name": "out.txt", "sha256": digest("hello")})
}

fn table() -> serde_json::Value {
    json!({
        "bytes": 8, "columns": [{"name": "n", "type": "integer"}], "count": 2,
        "media_type": "application/vnd.candor.table+jsonl", "name": "rows", "sha256": digest("[1]\n[2]\n"),
    })
}

/// A skip, an `any`, a retry, a loss, a late success, a tolerated failure.
fn fan_out() -> Vec<Event> {
    let either =
        Task { needs: Needs { all: Vec::new(), any: vec!["each".into(), "never".into()] }, ..task("either", &[]) };
    let never = Task { when: Some("false".into()), ..task("never", &[]) };
    let plan = plan("fan_out", vec![task("list", &[]), fan("each", &["list"], FailPolicy::Tolerate(1)), either, never]);
    let item = |item| Node::item(1, item);
    let keys = Some(Arc::new(["a", "b", "c", "d"].map(str::to_owned).to_vec()));
    vec![
        bare(plan),
        Event::Readied { task: 0 },
        Event::Skipped { task: 3 },
        released(Node::task(0), 1),
        succeeded(Node::task(0), 1, json!({"names": ["a", "b", "c", "d"]})),
        Event::FannedOut { task: 1, items: 4, keys },
        released(item(0), 2),
        released(item(1), 3),
        Event::Published { nodes: vec![item(0), item(1)] },
        failed(item(0), Some(2), Some(START + 5_000)),
        succeeded(item(1), 3, json!({"stdout": "B"})),
        released(item(2), 4),
        Event::Lost { node: item(2), attempt: attempt(4) },
        Event::Due { node: item(0) },
        released(item(0), 5),
        released(item(2), 6),
        succeeded(item(2), 4, json!({"stdout": "C"})),
        failed(item(0), Some(5), None),
        released(item(3), 7),
        succeeded(item(3), 7, json!({"stdout": "D"})),
        Event::Joined { task: 1, state: TaskState::Succeeded },
        Event::Readied { task: 2 },
        released(Node::task(2), 8),
        succeeded(Node::task(2), 8, json!({"stdout": "done"})),
        ended(JobState::Completed, JobResult::CompleteWithGaps),
        Event::Answered,
    ]
}

/// What needs the failed task stops, its sibling runs on.
fn failure() -> Vec<Event> {
    let plan =
        plan("failure", vec![task("read", &[]), task("sum", &["read"]), task("print", &["sum"]), task("note", &[])]);
    let stopped = |task| Event::Stopped { task, reason: StopReason::Dependency, cause: 0 };
    vec![
        bare(plan),
        Event::Readied { task: 0 },
        Event::Readied { task: 3 },
        released(Node::task(0), 1),
        released(Node::task(3), 2),
        failed(Node::task(0), Some(1), None),
        stopped(1),
        stopped(2),
        succeeded(Node::task(3), 2, json!({"stdout": "noted"})),
        ended(JobState::Failed, JobResult::Failed),
        Event::Answered,
    ]
}

/// The first failed item stops those that have not started; what had started ends by itself.
fn halted() -> Vec<Event> {
    let plan = plan("halted", vec![task("list", &[]), fan("each", &["list"], FailPolicy::One)]);
    let item = |item| Node::item(1, item);
    vec![
        bare(plan),
        Event::Readied { task: 0 },
        released(Node::task(0), 1),
        succeeded(Node::task(0), 1, json!({"names": ["a", "b", "c", "d"]})),
        Event::FannedOut { task: 1, items: 4, keys: None },
        released(item(0), 2),
        released(item(1), 3),
        failed(item(0), Some(2), None),
        Event::Asked { reply_to: reply_to() },
        Event::Halted { task: 1, reason: StopReason::ItemFailed },
        succeeded(item(1), 3, json!({"stdout": "B"})),
        Event::Joined { task: 1, state: TaskState::Failed },
        ended(JobState::Failed, JobResult::Failed),
        Event::Answered,
    ]
}

/// One effect whose outcome nobody knows, one fan-out in the middle, and a person who ends it.
fn cancelled() -> Vec<Event> {
    let post = Task { effects: vec!["posts".into()], ..task("post", &[]) };
    let plan = plan("cancelled", vec![post, fan("each", &[], FailPolicy::All), task("after", &["each"])]);
    let (post, item) = (Node::task(0), |item| Node::item(1, item));
    let stopped = |task| Event::Stopped { task, reason: StopReason::Cancelled, cause: task };
    let payload_digest = digest("payload");
    vec![
        bare(plan),
        Event::Readied { task: 0 },
        Event::FannedOut { task: 1, items: 3, keys: None },
        released(post, 1),
        Event::Granted { node: post, attempt: attempt(1), payload_digest, start_before: START + 15_000 },
        released(item(0), 2),
        failed(item(0), Some(2), Some(START + 9_000)),
        released(item(1), 3),
        Event::OutcomeUnknown { node: post, attempt: attempt(1) },
        Event::Directed { id: directive(), order: Order::Cancel, by: Some("somebody".into()) },
        stopped(0),
        stopped(1),
        stopped(2),
        ended(JobState::Cancelled, JobResult::Cancelled),
        Event::Answered,
    ]
}

/// A directive may come before its plan.
fn cancelled_early() -> Vec<Event> {
    vec![
        Event::Directed { id: directive(), order: Order::Cancel, by: None },
        bare(plan("cancelled_early", vec![task("greet", &[])])),
        Event::Stopped { task: 0, reason: StopReason::Cancelled, cause: 0 },
        ended(JobState::Cancelled, JobResult::Cancelled),
    ]
}

/// What failed before is done again; what succeeded is taken over, with the times that it had.
fn rerun_of_a_failure() -> Vec<Recorded> {
    let plan =
        plan("failure", vec![task("read", &[]), task("sum", &["read"]), task("print", &["sum"]), task("note", &[])]);
    let before = |event, at| (START - 60_000 + at, event);
    let note = Node::task(3);
    let mut events = vec![
        (START, rerun(plan, &["note"])),
        (
            START,
            Event::Directed {
                id: directive(),
                order: Order::Rerun { parent: job(), from: None, failed: true },
                by: None,
            },
        ),
        before(Event::Readied { task: 3 }, 300),
        before(released(note, 2), 500),
        before(succeeded(note, 2, json!({"stdout": "noted"})), 900),
    ];
    for (task, number) in [(0, 3), (1, 4), (2, 5)] {
        let node = Node::task(task);
        let steps = [Event::Readied { task }, released(node, number), succeeded(node, number, json!({"stdout": "x"}))];
        events.extend(steps.map(|event| (START + 100, event)));
    }
    events.push((START + 200, ended(JobState::Completed, JobResult::Complete)));
    events.push((START + 200, Event::Answered));
    events.into_iter().zip(1..).map(|((at, event), seq)| Recorded { seq, at, event }).collect()
}

/// Everything that a new owner finds owed: a release, a retry, a decision.
fn unfinished() -> Vec<Event> {
    let plan = plan("unfinished", vec![task("a", &[]), task("b", &[]), task("c", &["a"]), task("d", &[])]);
    vec![
        bare(plan),
        Event::Readied { task: 0 },
        Event::Readied { task: 1 },
        released(Node::task(0), 1),
        released(Node::task(1), 2),
        Event::Published { nodes: vec![Node::task(0), Node::task(1)] },
        succeeded(Node::task(0), 1, json!({"stdout": "a"})),
        failed(Node::task(1), Some(2), Some(START + 60_000)),
        Event::Readied { task: 3 },
        released(Node::task(3), 3),
    ]
}
