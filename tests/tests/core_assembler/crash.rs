//! The power fails after every append, and between any two of the effects that follow it.

use std::collections::{BTreeMap, BTreeSet};

use candor_proto::message::Message;
use candor_proto::{Event, Node, Recorded, Sha256};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::interpreter;
use crate::orders::{agree, step};
use crate::sketch::{Story, stories};
use crate::stage::{Stage, job_id, ready};
use crate::work;

const STEPS_MAX: usize = 5_000;

/// Who survives the end of the assembler's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    /// Broker and workers live elsewhere: queues, reports and unacknowledged messages come through.
    Apart,
    /// All of it was one process.
    Inside,
}

/// Carries a story out with a power failure in the middle; the digest of its answers and how it went.
fn carry_out(story: &Story, seed: u64, window: u32, failure: Option<(World, usize, usize)>) -> (Sha256, Stage) {
    let mut stage = Stage::new(seed, window);
    stage.crash_at = failure.map(|(_, turn, effects)| (turn, effects));
    let mut dice = Dice::new(seed ^ 0xc4a5);
    let job = job_id(1);
    let request = || Message::PlanReady(Box::new(ready(job, story.plan())));
    let mut reports = Vec::new();
    let mut lives = stage.turn(&[request()]);
    for _ in 0..STEPS_MAX {
        if !lives {
            let (world, ..) = failure.expect("only a failure ends it");
            stage.crash_at = None;
            stage.crash(world == World::Inside);
            if world == World::Inside {
                reports.clear();
            }
            // The planner repeats its plan until it hears that it is recorded.
            if stage.recorded.is_empty() {
                reports.push(request());
            }
        }
        if stage.live.is_empty() && stage.queue.is_empty() && reports.is_empty() {
            break;
        }
        lives = step(std::slice::from_ref(story), &mut stage, &mut dice, &mut reports);
    }
    assert!(stage.live.is_empty(), "the job ends");
    assert!(!stage.recorded.is_empty(), "the planner is told");
    let digest = stage.answers.first().expect("it is answered").answer.digest;
    assert!(stage.answers.iter().all(|answered| answered.answer.digest == digest), "one answer, however often");
    once(&stage.logs[&job]);
    (digest, stage)
}

/// Asserts that every node's outcome is recorded once, and nothing comes after the end.
pub(crate) fn once(log: &[Recorded]) {
    let mut outcomes: BTreeMap<Node, u32> = BTreeMap::new();
    let mut ended = false;
    for recorded in log {
        assert!(!ended || recorded.event == Event::Answered, "nothing happens after the end");
        match &recorded.event {
            Event::Succeeded(success) => *outcomes.entry(success.node).or_default() += 1,
            Event::Failed(failure) if failure.retry_at.is_none() => *outcomes.entry(failure.node).or_default() += 1,
            Event::Ended { .. } => ended = true,
            _ => {}
        }
    }
    assert!(ended);
    assert!(outcomes.into_values().all(|count| count == 1), "an outcome is recorded once");
}

/// Carries a story out without any disorder but one power failure, at which every worker had just finished
/// what it had and nobody heard of it.
fn calmly(story: &Story, window: u32, failure: Option<(usize, usize)>) -> Stage {
    let mut stage = Stage::new(1, window);
    stage.crash_at = failure;
    let request = || Message::PlanReady(Box::new(ready(job_id(1), story.plan())));
    let mut lives = stage.turn(&[request()]);
    let mut again = BTreeSet::new();
    loop {
        if !lives {
            stage.crash_at = None;
            while !stage.queue.is_empty() {
                let (assignment, _) = stage.work(story, 0);
                again.insert(assignment.attempt);
            }
            stage.crash(true);
        }
        if stage.recorded.is_empty() {
            stage.turn(&[request()]);
        }
        lives = if !stage.queue.is_empty() {
            let (assignment, outcome) = stage.work(story, 0);
            stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))])
        } else if !stage.unconfirmed.is_empty() {
            stage.confirm(0)
        } else if stage.live.is_empty() {
            break;
        } else {
            assert!(stage.wait(), "something is due");
            stage.turn(&[])
        };
    }
    for (attempt, count) in &stage.executions {
        assert_eq!(*count, if again.contains(attempt) { 2 } else { 1 }, "{attempt}");
    }
    stage
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_power_failure_after_any_append_changes_nothing_of_the_answer(
        story in stories(5), seed in any::<u64>(), window in 1..5_u32,
    ) {
        let (digest, calm) = carry_out(&story, seed, window, None);
        for (turn, effects) in calm.effects_by_turn.iter().enumerate() {
            for published in 0..=*effects {
                for world in [World::Apart, World::Inside] {
                    let (other, stage) = carry_out(&story, seed, window, Some((world, turn + 1, published)));
                    prop_assert_eq!(digest, other, "{:?} after turn {} and {} effects", world, turn + 1, published);
                    agree(&story, &stage.folded(job_id(1)), &interpreter::ending(&story));
                }
            }
        }
    }

    #[test]
    fn any_beginning_of_a_log_is_enough_to_go_on_from(
        story in stories(5), seed in any::<u64>(), window in 1..5_u32,
    ) {
        let (digest, calm) = carry_out(&story, seed, window, None);
        let job = job_id(1);
        let log = &calm.logs[&job];
        for length in 1..log.len() {
            for workers_gone in [true, false] {
                let mut stage = Stage::new(!seed, window);
                stage.now = log[length - 1].at;
                stage.adopt_log(job, &log[..length]);
                stage.crash(workers_gone);
                let (mut dice, mut reports) = (Dice::new(seed), Vec::new());
                stage.turn(&[]);
                for _ in 0..STEPS_MAX {
                    if stage.live.is_empty() {
                        break;
                    }
                    step(std::slice::from_ref(&story), &mut stage, &mut dice, &mut reports);
                }
                prop_assert!(stage.live.is_empty(), "it ends after {} of {} events", length, log.len());
                prop_assert_eq!(stage.answers[0].answer.digest, digest);
                once(&stage.logs[&job]);
            }
        }
    }

    #[test]
    fn only_what_was_not_recorded_is_carried_out_again(story in stories(5), window in 1..5_u32) {
        let calm = calmly(&story, window, None);
        prop_assert!(calm.executions.values().all(|count| *count == 1), "without a failure once each");
        for (turn, effects) in calm.effects_by_turn.iter().enumerate() {
            for published in 0..=*effects {
                calmly(&story, window, Some((turn + 1, published)));
            }
        }
    }
}
