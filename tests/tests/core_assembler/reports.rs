//! Reports that fit nothing, come late or come never; retries and leases.

use candor_proto::message::{Holding, Message, Report};
use candor_proto::plan::{Backoff, FailPolicy};
use candor_proto::{Event, JobResult, Node, Outcome, Recorded, Sha256, TaskState};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::fairness::{plain, story};
use crate::orders::carry_out;
use crate::sketch::{Fan, Fate, Items, Sketch, Story, stories};
use crate::stage::{LEASE_MS, START, Stage, attempt, job_id, ready};
use crate::work;

fn begin(story: &Story, window: u32) -> Stage {
    let mut stage = Stage::new(1, window);
    stage.turn(&[Message::PlanReady(Box::new(ready(job_id(1), story.plan())))]);
    stage
}

fn say(stage: &mut Stage, report: Report) {
    stage.turn(&[Message::Report(Box::new(report))]);
}

#[test]
fn a_report_that_does_not_fit_the_log_is_illegal_and_changes_nothing() {
    let mut second = plain();
    second.all = vec![0];
    let story = story(vec![plain(), second]);
    let mut stage = begin(&story, 4);
    let log = stage.logs[&job_id(1)].clone();
    let (assignment, outcome) = stage.work(&story, 0);
    let good = work::report(&assignment, outcome);
    let foreign = attempt(&mut Dice::new(9));
    let wrong = [
        Report { input_digest: Sha256::of(b"other"), ..good.clone() },
        Report { attempt: foreign, ..good.clone() },
        Report { node: Node::task(1), ..good.clone() },
        Report { node: Node::item(0, 0), ..good.clone() },
        Report { node: Node::task(9), ..good.clone() },
        Report { job: job_id(7), ..good.clone() },
    ];
    for (number, report) in wrong.into_iter().enumerate() {
        say(&mut stage, report);
        assert_eq!(stage.illegal.len(), number + 1);
        assert_eq!(stage.logs.len(), 1);
        assert_eq!(stage.logs[&job_id(1)], log);
    }
    say(&mut stage, good);
    assert_eq!(stage.folded(job_id(1)).tasks()[0].state, TaskState::Succeeded, "the right one still counts");
}

#[test]
fn a_late_success_of_an_earlier_attempt_wins_over_the_retry_that_is_out() {
    let story = story(vec![Sketch { max_attempts: 3, fates: vec![Fate::Exit, Fate::Done], ..plain() }]);
    let mut stage = begin(&story, 4);
    let (first, failed) = stage.work(&story, 0);
    say(&mut stage, work::report(&first, failed));
    assert!(stage.wait());
    stage.turn(&[]);
    let second = stage.queue[0].clone();
    assert_ne!(first.attempt, second.attempt);
    assert_eq!((first.number, second.number), (1, 2));
    assert_eq!(first.idempotency_key, second.idempotency_key);
    // A failure of the earlier one says nothing about the one that is out.
    say(&mut stage, work::report(&first, Outcome::Cancelled));
    assert_eq!(stage.known, ["not the attempt that is out"]);
    let done = Outcome::Done { outputs: work::outputs(0, &serde_json::json!({})), evidence: Vec::new() };
    say(&mut stage, work::report(&first, done.clone()));
    assert_eq!(stage.answers[0].answer.result, JobResult::Complete);
    let events = stage.logs[&job_id(1)].len();
    say(&mut stage, work::report(&second, done));
    assert_eq!(stage.logs[&job_id(1)].len(), events, "the first success wins");
    assert_eq!(stage.known.last(), Some(&"it has ended"));
}

#[test]
fn a_late_success_ends_an_item_that_waits_for_its_next_attempt() {
    let items = Items::Names(vec!["a".into(), "b".into()]);
    let fan = Fan { items, fail: FailPolicy::All, max_parallel: None };
    let story = story(vec![Sketch { fan: Some(fan), max_attempts: 3, fates: vec![Fate::Exit], ..plain() }]);
    for due in [false, true] {
        let mut stage = begin(&story, if due { 1 } else { 4 });
        let (first, failed) = stage.work(&story, 0);
        say(&mut stage, work::report(&first, failed));
        if due {
            // The other item has the only place: this one is ready and not out.
            stage.now += 1_000;
            stage.turn(&[]);
        }
        let done = Outcome::Done { outputs: work::outputs(0, &serde_json::json!({})), evidence: Vec::new() };
        say(&mut stage, work::report(&first, done));
        let job = stage.folded(job_id(1));
        assert_eq!(job.node(first.node).unwrap().state, TaskState::Succeeded);
        assert_eq!((job.retries().count(), job.open_total()), (0, 1));
        stage.now += 10_000;
        stage.turn(&[]);
        assert_eq!(stage.releases.len(), 2, "it is not tried again");
    }
}

#[test]
fn the_confirm_of_an_attempt_says_nothing_about_the_next_one() {
    let story = story(vec![Sketch { max_attempts: 2, fates: vec![Fate::Exit], ..plain() }, plain()]);
    let mut stage = begin(&story, 4);
    let place = stage.queue.iter().position(|assignment| assignment.node.task == 0).unwrap();
    let (first, failed) = stage.work(&story, place);
    say(&mut stage, work::report(&first, failed));
    assert!(stage.wait());
    stage.turn(&[]);
    // Only now the confirm of the first attempt is seen; the other task's report makes an append.
    let first_release = crate::stage::Posted::Release(job_id(1), first.node, first.attempt);
    let place = stage.unconfirmed.iter().position(|posted| *posted == first_release).unwrap();
    stage.confirm(place);
    let place = stage.queue.iter().position(|assignment| assignment.node.task == 1).unwrap();
    let (other, outcome) = stage.work(&story, place);
    say(&mut stage, work::report(&other, outcome));
    assert_eq!(stage.folded(job_id(1)).unpublished().collect::<Vec<_>>(), [Node::task(0)]);
    stage.queue.clear();
    stage.crash(false);
    assert_eq!(stage.queue.len(), 1, "a new owner publishes the second attempt again");
}

#[test]
fn a_silent_attempt_is_published_again_after_a_lease_that_doubles() {
    let story = story(vec![plain()]);
    let mut stage = begin(&story, 4);
    let mut gaps = Vec::new();
    let mut last = START;
    for _ in 0..4 {
        assert!(stage.wait());
        stage.turn(&[]);
        gaps.push(stage.now - last);
        last = stage.now;
    }
    assert_eq!(gaps, [LEASE_MS, 2 * LEASE_MS, 4 * LEASE_MS, 8 * LEASE_MS]);
    let attempts: std::collections::BTreeSet<_> = stage.queue.iter().map(|assignment| assignment.attempt).collect();
    assert_eq!((stage.queue.len(), attempts.len()), (5, 1), "the same attempt, five times");
}

#[test]
fn a_worker_that_says_what_it_holds_keeps_the_lease() {
    let story = story(vec![plain()]);
    let mut stage = begin(&story, 4);
    let held = vec![(job_id(1), stage.queue[0].attempt)];
    for _ in 0..10 {
        stage.now += LEASE_MS - 1;
        stage.turn(&[Message::Holding(Holding { worker: "w".into(), partition: 0, attempts: held.clone() })]);
    }
    assert_eq!(stage.queue.len(), 1);
    assert!(stage.wait());
    stage.turn(&[]);
    assert_eq!(stage.queue.len(), 2);
}

#[test]
fn a_new_owner_starts_leases_afresh_and_retries_at_their_recorded_time() {
    let story = story(vec![plain(), Sketch { max_attempts: 2, fates: vec![Fate::Exit], ..plain() }]);
    let mut stage = begin(&story, 4);
    let place = stage.queue.iter().position(|assignment| assignment.node.task == 1).unwrap();
    let (retried, failed) = stage.work(&story, place);
    say(&mut stage, work::report(&retried, failed));
    let retry_at = stage.folded(job_id(1)).retries().next().unwrap().0;
    stage.crash(false);
    assert_eq!(stage.partition.next_due(), Some(retry_at));
    stage.now = retry_at;
    stage.turn(&[]);
    assert_eq!(stage.partition.next_due(), Some(START + LEASE_MS));
}

#[test]
fn an_attempt_that_was_given_back_does_not_count() {
    let story = story(vec![plain()]);
    let mut stage = begin(&story, 4);
    for _ in 0..5 {
        let (assignment, _) = stage.work(&story, 0);
        assert_eq!(assignment.number, 1);
        say(&mut stage, work::report(&assignment, Outcome::Cancelled));
    }
    let (assignment, outcome) = stage.work(&story, 0);
    say(&mut stage, work::report(&assignment, outcome));
    assert_eq!(stage.answers[0].answer.result, JobResult::Complete);
}

#[test]
fn the_other_side_may_ask_for_a_longer_delay() {
    let story = story(vec![Sketch { max_attempts: 2, ..plain() }]);
    let mut stage = begin(&story, 4);
    let (assignment, _) = stage.work(&story, 0);
    let error = work::error(Fate::Again).unwrap();
    say(&mut stage, work::report(&assignment, Outcome::Retry { error, after_ms: Some(7_000) }));
    assert_eq!(stage.folded(job_id(1)).retries().next().unwrap().0, START + 7_000);
}

/// Asserts that every retry of a log waits as long as its task says, and no longer than until it is due.
fn retries_keep_their_times(story: &Story, log: &[Recorded]) {
    let plan = story.plan();
    let mut tries = std::collections::HashMap::new();
    let mut waits = std::collections::HashMap::new();
    for recorded in log {
        match &recorded.event {
            Event::Released { node, .. } => *tries.entry(*node).or_insert(0) += 1,
            Event::Lost { node, .. } => *tries.entry(*node).or_insert(0) -= 1,
            Event::Failed(failure) => {
                let retry = &plan.tasks[failure.node.task as usize].retry;
                let Some(retry_at) = failure.retry_at else { continue };
                let number: u32 = tries[&failure.node];
                assert!(number < retry.max_attempts);
                let ceiling = (retry.delay_ms << (number - 1)).min(retry.max_delay_ms);
                let delay = retry_at - recorded.at;
                match retry.backoff {
                    Backoff::Constant => assert_eq!(delay, retry.delay_ms),
                    Backoff::Exponential => assert!(delay <= ceiling, "{delay} of {ceiling}"),
                }
                waits.insert(failure.node, retry_at);
            }
            Event::Due { node } => assert!(waits.remove(node).is_some_and(|retry_at| retry_at <= recorded.at)),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn retries_wait_within_their_bounds_and_stay_below_their_number(
        story in stories(4), seed in any::<u64>(), window in 1..6_u32,
    ) {
        let (_, _, stage) = carry_out(&story, seed, window);
        retries_keep_their_times(&story, &stage.logs[&job_id(1)]);
    }
}

#[test]
fn a_retry_that_a_clock_ahead_of_ours_recorded_does_not_wait_for_that_time() {
    let story = story(vec![Sketch { max_attempts: 3, fates: vec![Fate::Exit, Fate::Done], ..plain() }]);
    for (back_ms, at_once) in [(0, false), (3_600_000, true)] {
        let mut stage = begin(&story, 4);
        let (first, failed) = stage.work(&story, 0);
        say(&mut stage, work::report(&first, failed));
        stage.now -= back_ms;
        stage.crash(true);
        stage.turn(&[]);
        assert_eq!(stage.queue.len(), usize::from(at_once), "{back_ms}");
        // Nothing else waits for an hour either.
        while stage.queue.is_empty() {
            assert!(stage.wait());
            stage.turn(&[]);
        }
        assert!(stage.now < START + 600_000);
        let (second, done) = stage.work(&story, 0);
        say(&mut stage, work::report(&second, done));
        assert_eq!(stage.answers[0].answer.result, JobResult::Complete);
    }
}
