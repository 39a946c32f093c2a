//! Evolve against a scan of the whole job, over random plans, the events that fit and any others.

#![expect(clippy::expect_used, reason = "a test ends by panicking")]

#[path = "samples/random.rs"]
mod random;
#[path = "samples/scan.rs"]
mod scan;

use std::sync::Arc;

use candor_proto::event::{Event, Recorded, StopReason};
use candor_proto::message::{ReplyTo, Usage};
use candor_proto::plan::{FailPolicy, FanOut, Needs, Over};
use candor_proto::{Job, JobId, JobResult, JobState, Node, Plan, Sha256, Task, TaskState};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;
use uuid::Uuid;

use random::{accepted, any_event, attempt, failure, fitting, plan, refused, success};
use scan::{check, check_step};

/// Everything about a job but its sequence number.
fn shown(job: &Job) -> String {
    let text = format!("{job:?}");
    text.replacen(&format!("seq: {}", job.seq()), "seq: _", 1)
}

fn step(job: &mut Job, event: Event) {
    let before = job.clone();
    let recorded = Recorded { seq: before.seq() + 1, at: 1_000 + before.seq(), event };
    job.evolve(&recorded);
    check_step(&before, job, &recorded);
    check(job);
}

fn new() -> Job {
    Job::new(JobId::from_uuid(Uuid::from_u128(1)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn figures_are_what_a_scan_finds_over_events_that_fit(
        plan in plan(), choices in prop::collection::vec(any::<Index>(), 0..80), spent in prop::option::weighted(0.1, 0..40_usize),
    ) {
        let mut job = new();
        step(&mut job, accepted(plan));
        for (number, choice) in choices.into_iter().enumerate() {
            if spent == Some(number) {
                step(&mut job, Event::BudgetSpent);
            }
            let events = fitting(&job, attempt(100 + number as u128));
            if events.is_empty() {
                break;
            }
            let before = shown(&job);
            step(&mut job, choice.get(&events).clone());
            prop_assert_ne!(shown(&job), before, "an event that fits changes the job");
        }
    }

    #[test]
    fn a_job_whose_tasks_have_not_all_ended_has_a_way_on(plan in plan(), choices in prop::collection::vec(any::<Index>(), 400)) {
        let mut job = new();
        step(&mut job, accepted(plan));
        for (number, choice) in choices.into_iter().enumerate() {
            if job.unended() == 0 {
                break;
            }
            // Losses and retries without end would be a way on for ever.
            let forward = |event: &Event| match event {
                Event::Lost { .. } | Event::OutcomeUnknown { .. } => number < 50,
                Event::Failed(failure) => number < 50 || failure.retry_at.is_none(),
                _ => true,
            };
            let events: Vec<Event> = fitting(&job, attempt(100 + number as u128)).into_iter().filter(forward).collect();
            prop_assert!(!events.is_empty(), "stuck: {:?}", job);
            step(&mut job, choice.get(&events).clone());
        }
        prop_assert_eq!(job.unended(), 0);
        prop_assert_eq!((job.open_total(), job.retries().count(), job.unpublished().count()), (0, 0, 0));
        step(&mut job, Event::Ended { state: JobState::Completed, result: JobResult::Complete });
        step(&mut job, Event::Answered);
        prop_assert!(job.answered());
    }

    #[test]
    fn any_events_keep_the_figures_and_what_has_ended(
        plan in prop::option::weighted(0.95, plan()), events in prop::collection::vec(any_event(), 0..120),
    ) {
        let mut job = new();
        if let Some(plan) = plan {
            step(&mut job, accepted(plan));
        }
        for event in events {
            step(&mut job, event);
        }
    }

    #[test]
    fn fitting_and_any_events_mixed_keep_the_figures_and_what_has_ended(
        plan in plan(), steps in prop::collection::vec((any::<bool>(), any::<Index>(), any_event()), 0..80),
    ) {
        let mut job = new();
        step(&mut job, accepted(plan));
        for (number, (fits, choice, any)) in steps.into_iter().enumerate() {
            // Attempts that any event may name too.
            let events = fitting(&job, attempt(number as u128 % 12));
            step(&mut job, if fits && !events.is_empty() { choice.get(&events).clone() } else { any });
        }
    }

    #[test]
    fn an_event_told_twice_is_told_once(
        plan in plan(), steps in prop::collection::vec((any::<bool>(), any::<Index>(), any_event()), 0..60),
    ) {
        let mut job = new();
        step(&mut job, accepted(plan));
        for (number, (fits, choice, any)) in steps.into_iter().enumerate() {
            let events = fitting(&job, attempt(100 + number as u128));
            let event = if fits && !events.is_empty() { choice.get(&events).clone() } else { any };
            step(&mut job, event.clone());
            let once = shown(&job);
            step(&mut job, event);
            prop_assert_eq!(shown(&job), once);
        }
    }
}

fn two_tasks(second: Task) -> Job {
    let first = Task { id: "a".into(), uses: "noop".into(), ..Task::default() };
    let mut job = new();
    step(&mut job, accepted(Plan { name: "n".into(), tasks: vec![first, second], ..Plan::default() }));
    job
}

fn fan(max_parallel: Option<u32>) -> Task {
    let fan_out = Some(FanOut { over: Over::ForEach(json!([])), max_parallel, fail: FailPolicy::One });
    Task { id: "b".into(), uses: "noop".into(), fan_out, ..Task::default() }
}

fn released(node: Node, number: u128) -> Event {
    Event::Released { node, attempt: attempt(number), input_digest: Sha256::of(&number.to_be_bytes()) }
}

#[test]
fn the_first_success_wins_even_that_of_an_earlier_attempt() {
    let mut job = two_tasks(fan(None));
    let node = Node::task(0);
    step(&mut job, Event::Readied { task: 0 });
    step(&mut job, released(node, 1));
    step(&mut job, Event::Lost { node, attempt: attempt(1) });
    step(&mut job, released(node, 2));
    let record = job.node(node).expect("it is there");
    assert_eq!((record.attempts, record.losses), (1, 1), "a loss does not count as a try");
    assert_eq!(record.known_input(attempt(1)), Some(Sha256::of(&1_u128.to_be_bytes())));
    assert_eq!(record.known_input(attempt(3)), None);
    step(&mut job, success(node, attempt(1), Usage::default()));
    step(&mut job, success(node, attempt(2), Usage::default()));
    assert_eq!(job.output(0, "/of").map(|of| of.into_owned()), Some(json!(attempt(1))));
    assert_eq!(job.open_total(), 0);
}

#[test]
fn a_success_of_an_attempt_that_was_never_released_is_none() {
    let mut job = two_tasks(fan(None));
    let node = Node::task(0);
    step(&mut job, success(node, attempt(1), Usage::default()));
    step(&mut job, Event::Readied { task: 0 });
    step(&mut job, success(node, attempt(1), Usage::default()));
    step(&mut job, released(node, 2));
    step(&mut job, success(node, attempt(1), Usage::default()));
    step(&mut job, failure(node, Some(attempt(1)), None, Usage::default()));
    assert_eq!(job.node(node).map(|record| record.state), Some(TaskState::Running));
}

#[test]
fn a_late_failure_of_an_earlier_attempt_leaves_the_newer_one_running() {
    let mut job = two_tasks(fan(None));
    let node = Node::task(0);
    step(&mut job, Event::Readied { task: 0 });
    step(&mut job, released(node, 1));
    step(&mut job, failure(node, Some(attempt(1)), Some(50), Usage::default()));
    step(&mut job, Event::Due { node });
    step(&mut job, released(node, 2));
    step(&mut job, failure(node, Some(attempt(1)), None, Usage::default()));
    assert_eq!(job.running().collect::<Vec<_>>(), [node]);
}

#[test]
fn a_stopped_fan_out_leaves_nothing_under_way() {
    let mut job = two_tasks(fan(None));
    step(&mut job, Event::FannedOut { task: 1, items: 4, keys: None });
    for item in 0..3 {
        step(&mut job, released(Node::item(1, item), u128::from(item)));
    }
    step(&mut job, failure(Node::item(1, 0), Some(attempt(0)), Some(50), Usage::default()));
    step(&mut job, Event::Lost { node: Node::item(1, 1), attempt: attempt(1) });
    step(&mut job, Event::Stopped { task: 1, reason: StopReason::Cancelled, cause: 1 });
    assert_eq!((job.open_total(), job.retries().count(), job.unpublished().count()), (0, 0, 0));
    step(&mut job, success(Node::item(1, 2), attempt(2), Usage::default()));
    let fan = job.task(1).and_then(|task| task.fan.as_ref()).expect("it is a fan-out");
    assert_eq!((fan.stopped, fan.succeeded), (4, 0));
}

#[test]
fn a_halted_fan_out_still_repeats_what_had_started() {
    let mut job = two_tasks(fan(Some(2)));
    step(&mut job, Event::FannedOut { task: 1, items: 4, keys: None });
    step(&mut job, released(Node::item(1, 0), 0));
    step(&mut job, released(Node::item(1, 1), 1));
    assert_eq!(job.next_releasable(1), None, "two at once");
    step(&mut job, Event::Lost { node: Node::item(1, 1), attempt: attempt(1) });
    step(&mut job, failure(Node::item(1, 0), Some(attempt(0)), None, Usage::default()));
    step(&mut job, Event::Halted { task: 1, reason: StopReason::ItemFailed });
    assert_eq!(job.next_releasable(1), Some(Node::item(1, 1)));
    step(&mut job, released(Node::item(1, 1), 2));
    step(&mut job, success(Node::item(1, 1), attempt(2), Usage::default()));
    assert_eq!(job.unjoined().collect::<Vec<_>>(), [1]);
    assert_eq!(job.next_releasable(1), None);
}

#[test]
fn an_item_that_cannot_be_released_gives_way_to_the_next() {
    let mut job = two_tasks(fan(Some(1)));
    step(&mut job, Event::FannedOut { task: 1, items: 3, keys: None });
    step(&mut job, failure(Node::item(1, 0), None, None, Usage::default()));
    assert_eq!(job.next_releasable(1), Some(Node::item(1, 1)));
    step(&mut job, failure(Node::item(1, 2), None, None, Usage::default()));
    assert_eq!(job.node(Node::item(1, 2)).map(|item| item.state), Some(TaskState::Ready), "its turn has not come");
    step(&mut job, failure(Node::item(1, 1), None, Some(70), Usage::default()));
    assert_eq!(job.next_releasable(1), Some(Node::item(1, 2)));
    step(&mut job, Event::Due { node: Node::item(1, 1) });
    assert_eq!(job.next_releasable(1), Some(Node::item(1, 1)));
}

#[test]
fn a_fan_out_without_items_can_be_joined_at_once() {
    let mut job = two_tasks(fan(None));
    step(&mut job, Event::FannedOut { task: 1, items: 0, keys: None });
    assert_eq!(job.unjoined().collect::<Vec<_>>(), [1]);
    step(&mut job, Event::Joined { task: 1, state: TaskState::Succeeded });
    assert_eq!(job.task(1).map(|task| task.state), Some(TaskState::Succeeded));
    assert_eq!(job.output(1, "").map(|items| items.into_owned()), Some(json!([])));
}

#[test]
fn more_items_than_there_may_be_are_none() {
    let mut job = two_tasks(fan(None));
    step(&mut job, Event::FannedOut { task: 1, items: u32::MAX, keys: None });
    step(&mut job, Event::FannedOut { task: 1, items: 2, keys: Some(Arc::new(vec!["a".into()])) });
    step(&mut job, Event::FannedOut { task: 0, items: 2, keys: None });
    step(&mut job, Event::Readied { task: 1 });
    assert_eq!(job.undecided().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn after_the_end_only_the_answer_is_taken() {
    let mut job = two_tasks(fan(None));
    step(&mut job, Event::Answered);
    assert!(!job.answered(), "there is no answer before the end");
    step(&mut job, Event::Ended { state: JobState::InProgress, result: JobResult::Complete });
    assert_eq!((job.state(), job.result()), (JobState::InProgress, None));
    step(&mut job, Event::Ended { state: JobState::Cancelled, result: JobResult::Cancelled });
    for event in [
        Event::Readied { task: 0 },
        Event::Ended { state: JobState::Completed, result: JobResult::Complete },
        Event::BudgetSpent,
        Event::Answered,
    ] {
        step(&mut job, event);
    }
    assert_eq!((job.state(), job.result(), job.answered()), (JobState::Cancelled, Some(JobResult::Cancelled), true));
    assert_eq!(job.seq(), 8, "each is counted all the same");
}

#[test]
fn a_refusal_is_answered_without_an_end_and_takes_no_plan() {
    let mut job = new();
    step(&mut job, refused());
    assert!(!job.answered());
    step(&mut job, accepted(Plan { name: "late".into(), ..Plan::default() }));
    assert_eq!(job.plan(), None);
    step(&mut job, Event::Answered);
    assert!(job.answered());
}

#[test]
fn whoever_asks_twice_is_answered_once() {
    let asker =
        |queue: &str| ReplyTo { queue: queue.into(), correlation_id: None, content_type: "application/json".into() };
    let mut job = two_tasks(fan(None));
    for queue in ["one", "other", "one"] {
        step(&mut job, Event::Asked { reply_to: asker(queue) });
    }
    assert_eq!(job.askers(), [asker("one"), asker("other")]);
}

#[test]
fn needs_that_name_a_task_twice_wait_for_it_once() {
    let needs = |names: [&str; 3]| names.map(str::to_owned).to_vec();
    let task = |id: &str| Task { id: id.into(), uses: "noop".into(), ..Task::default() };
    let twice = Task { needs: Needs { all: needs(["a", "b", "a"]), any: needs(["b", "a", "b"]) }, ..task("c") };
    let mut job = new();
    step(&mut job, accepted(Plan { name: "n".into(), tasks: vec![task("a"), task("b"), twice], ..Plan::default() }));
    assert_eq!((job.graph().all(2), job.graph().any(2)), (&[0, 1][..], &[1, 0][..]));
    assert_eq!((job.graph().dependents(0), job.graph().dependents(1)), (&[2][..], &[2][..]));
    step(&mut job, Event::Skipped { task: 0 });
    step(&mut job, Event::Skipped { task: 1 });
    assert_eq!(job.undecided().collect::<Vec<_>>(), [2]);
}

#[test]
fn a_node_is_named_by_its_task_and_its_key() {
    let mut job = two_tasks(fan(None));
    step(&mut job, Event::FannedOut { task: 1, items: 2, keys: Some(Arc::new(vec!["TX".into(), "NY".into()])) });
    assert_eq!(job.name(Node::task(0)), "a");
    assert_eq!(job.name(Node::item(1, 1)), "b[NY]");
    assert_eq!(job.name(Node::item(1, 9)), "b[9]");
    assert_eq!(job.name(Node::task(9)), "?");
    let fan = job.task(1).and_then(|task| task.fan.as_ref()).expect("it is a fan-out");
    assert_eq!((fan.item("TX"), fan.item("XX")), (Some(0), None));
}
