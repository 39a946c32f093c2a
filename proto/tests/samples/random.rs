//! Random plans, the events that fit a job, and any events at all.

use std::sync::Arc;

use candor_proto::event::{Accepted, Event, Failure, LOG_FORMAT, Refused, StopReason, Success};
use candor_proto::job::NodeRecord;
use candor_proto::message::{ErrorBody, Order, ReplyTo, Usage};
use candor_proto::plan::{FailPolicy, FanOut, Needs, Over, Priority};
use candor_proto::{
    AttemptId, DirectiveId, ErrorClass, Evidence, Job, JobResult, JobState, Millis, Node, Plan, Sha256, Task,
    TaskError, TaskState,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::scan::{TASK_STATES, nodes};

const JOB_STATES: [JobState; 7] = [
    JobState::Planning,
    JobState::PendingApproval,
    JobState::InProgress,
    JobState::Completed,
    JobState::Failed,
    JobState::Cancelled,
    JobState::Rejected,
];

const REASONS: [StopReason; 5] = [
    StopReason::Dependency,
    StopReason::NoOutputs,
    StopReason::ItemFailed,
    StopReason::BudgetWallClock,
    StopReason::Cancelled,
];

pub(crate) fn attempt(number: u128) -> AttemptId {
    AttemptId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    prop::collection::vec((any::<u8>(), any::<u8>(), any::<bool>(), any::<(bool, bool)>(), 0..3_u32, 0..4_usize), 1..7)
        .prop_map(|tasks| {
            let tasks = tasks.into_iter().zip(0_usize..).map(
                |((all, any, fans_out, (wide, early), parallel, priority), place)| {
                    let needs = |bits: u8| {
                        (0..place).filter(move |before| bits >> before & 1 == 1).map(|before| format!("t{before}"))
                    };
                    let over = Over::ForEach(json!([]));
                    Task {
                        id: format!("t{place}"),
                        uses: "noop".into(),
                        needs: Needs {
                            all: needs(all & 0b1010_1010).collect(),
                            any: needs(any & 0b0101_1100).collect(),
                        },
                        fan_out: fans_out.then_some(FanOut {
                            over,
                            max_parallel: (parallel > 0).then_some(parallel),
                            fail: if early { FailPolicy::One } else { FailPolicy::All },
                        }),
                        pool: wide.then(|| "wide".to_owned()),
                        priority: [None, Some(Priority::Low), Some(Priority::Normal), Some(Priority::High)][priority],
                        ..Task::default()
                    }
                },
            );
            Plan { name: "random".into(), tasks: tasks.collect(), ..Plan::default() }
        })
}

pub(crate) fn accepted(plan: Plan) -> Event {
    Event::Accepted(Arc::new(Accepted {
        format: LOG_FORMAT,
        plan_hash: plan.hash(),
        plan: Arc::new(plan),
        inputs: Map::new(),
        priority: Priority::Normal,
        tenant: None,
        submitted_at: 1,
        request_digest: Sha256::of(b"request"),
        reply_to: None,
        parent: None,
    }))
}

pub(crate) fn refused() -> Event {
    Event::Refused(Arc::new(Refused {
        format: LOG_FORMAT,
        error: ErrorBody { code: "no".into(), message: "No.".into(), advice: "Ask again.".into() },
        diagnostics: Vec::new(),
        request_digest: Sha256::of(b"request"),
        reply_to: None,
    }))
}

pub(crate) fn success(node: Node, attempt: AttemptId, usage: Usage) -> Event {
    let outputs = Arc::new(json!({"of": attempt}));
    let evidence = vec![Evidence::checked("exit_code")];
    let (warnings, low_confidence) = (Vec::new(), false);
    Event::Succeeded(Box::new(Success { node, attempt, outputs, evidence, warnings, low_confidence, usage }))
}

pub(crate) fn failure(node: Node, attempt: Option<AttemptId>, retry_at: Option<Millis>, usage: Usage) -> Event {
    let error = TaskError::new(ErrorClass::Execution, "exit", "it went wrong");
    let usage = attempt.map(|_| usage);
    Event::Failed(Box::new(Failure { node, attempt, error, retry_at, usage }))
}

fn node() -> impl Strategy<Value = Node> {
    (0..7_u32, prop::option::of(0..5_u32)).prop_map(|(task, item)| Node { task, item })
}

fn usage() -> impl Strategy<Value = Usage> {
    prop_oneof![Just(0), Just(7), Just(u64::MAX)].prop_map(|most| Usage {
        started_at: most,
        ended_at: 0,
        cpu_ms: most,
        max_rss_bytes: most,
    })
}

fn tries() -> impl Strategy<Value = AttemptId> {
    (0..12_u128).prop_map(attempt)
}

fn any_task_event() -> impl Strategy<Value = Event> {
    let keys = prop::option::of(prop::collection::vec("[a-c]", 0..4).prop_map(Arc::new));
    let items = prop_oneof![0..5_u32, Just(1_000_001), Just(u32::MAX)];
    prop_oneof![
        (0..7_u32).prop_map(|task| Event::Readied { task }),
        (0..7_u32, items, keys).prop_map(|(task, items, keys)| Event::FannedOut { task, items, keys }),
        (0..7_u32).prop_map(|task| Event::Skipped { task }),
        (0..7_u32, select(&REASONS[..]), 0..8_u32).prop_map(|(task, reason, cause)| Event::Stopped {
            task,
            reason,
            cause
        }),
        (0..7_u32, select(&REASONS[..])).prop_map(|(task, reason)| Event::Halted { task, reason }),
        (0..7_u32, select(&TASK_STATES[..])).prop_map(|(task, state)| Event::Joined { task, state }),
    ]
}

fn any_attempt_event() -> impl Strategy<Value = Event> {
    let retry_at = || prop::option::of(0..50_u64);
    let digest = || Sha256::of(b"input");
    prop_oneof![
        (node(), tries()).prop_map(move |(node, attempt)| Event::Released { node, attempt, input_digest: digest() }),
        prop::collection::vec(node(), 0..4).prop_map(|nodes| Event::Published { nodes }),
        node().prop_map(|node| Event::Due { node }),
        (node(), tries(), usage()).prop_map(|(node, attempt, usage)| success(node, attempt, usage)),
        (node(), prop::option::of(tries()), retry_at(), usage())
            .prop_map(|(node, attempt, retry_at, usage)| failure(node, attempt, retry_at, usage)),
        (node(), tries()).prop_map(|(node, attempt)| Event::Lost { node, attempt }),
        (node(), tries(), 0..9_u64).prop_map(move |(node, attempt, start_before)| Event::Granted {
            node,
            attempt,
            payload_digest: digest(),
            start_before
        }),
        (node(), tries()).prop_map(|(node, attempt)| Event::OutcomeUnknown { node, attempt }),
    ]
}

fn any_job_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        plan().prop_map(accepted),
        "[ab]".prop_map(|queue| Event::Asked {
            reply_to: ReplyTo { queue, correlation_id: None, content_type: "application/json".into() }
        }),
        Just(()).prop_map(|()| refused()),
        (0..3_u128).prop_map(|id| {
            Event::Directed { id: DirectiveId::from_uuid(Uuid::from_u128(id)), order: Order::Cancel, by: None }
        }),
        Just(Event::BudgetSpent),
        (select(&JOB_STATES[..]), Just(JobResult::Failed)).prop_map(|(state, result)| Event::Ended { state, result }),
        Just(Event::Answered),
    ]
}

pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![10 => any_task_event(), 20 => any_attempt_event(), 1 => any_job_event()]
}

/// Every event that the deciding side might make of a job in progress, but for those that end it.
pub(crate) fn fitting(job: &Job, fresh: AttemptId) -> Vec<Event> {
    let plan = job.plan().expect("the job has a plan");
    let mut events = Vec::new();
    for task in job.undecided() {
        if plan.tasks[task as usize].fan_out.is_some() {
            events.extend((0..4).map(|items| Event::FannedOut { task, items, keys: None }));
        } else {
            events.push(Event::Readied { task });
        }
        events.push(Event::Skipped { task });
        events.push(Event::Stopped { task, reason: StopReason::Dependency, cause: 0 });
        events.push(failure(Node::task(task), None, None, Usage::default()));
    }
    for task in job.releasable() {
        let node = job.next_releasable(task).expect("something of it may be released");
        events.push(Event::Released { node, attempt: fresh, input_digest: Sha256::of(b"input") });
        events.push(failure(node, None, None, Usage::default()));
    }
    events.extend(job.failing().map(|task| Event::Halted { task, reason: StopReason::ItemFailed }));
    for task in job.unjoined() {
        events.extend([TaskState::Succeeded, TaskState::Failed].map(|state| Event::Joined { task, state }));
    }
    for (node, record) in nodes(job) {
        events.extend(of_node(node, record, job.seq()));
    }
    events
}

fn of_node(node: Node, record: &NodeRecord, now: Millis) -> Vec<Event> {
    let mut events = Vec::new();
    let usage = Usage { cpu_ms: 3, ..Usage::default() };
    let Some(newest) = record.attempt.as_ref().filter(|_| !record.state.ended()).map(|newest| newest.id) else {
        return events;
    };
    events.push(success(node, newest, usage));
    events.extend(record.earlier.iter().map(|(earlier, _)| success(node, *earlier, usage)));
    if record.state == TaskState::Running {
        events.push(failure(node, Some(newest), Some(now + 5), usage));
        events.push(failure(node, Some(newest), None, usage));
        events.push(Event::Lost { node, attempt: newest });
        events.push(Event::OutcomeUnknown { node, attempt: newest });
    }
    if record.state == TaskState::OutcomeUnknown {
        events.push(failure(node, Some(newest), None, usage));
    }
    if record.state == TaskState::Retrying {
        events.push(Event::Due { node });
    }
    events
}
