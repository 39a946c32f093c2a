//! The order of reports, their repetition and their delay change nothing that the job comes to.

use candor_proto::message::{Holding, Message};
use candor_proto::plan::FailPolicy;
use candor_proto::{Job, Outcome, Sha256, TaskState};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::interpreter::{self, Ending};
use crate::sketch::{Story, stories};
use crate::stage::{Stage, job_id, ready};
use crate::work;

/// Turns after which a job that is not over counts as hanging.
const TURNS_MAX: usize = 5_000;

/// Carries a story out in an order that the dice choose; the state at the end and the answer's digest.
pub(crate) fn carry_out(story: &Story, seed: u64, window: u32) -> (Job, Sha256, Stage) {
    let mut stage = Stage::new(seed, window);
    let mut dice = Dice::new(seed ^ 0xd1ce);
    let job = job_id(1);
    stage.turn(&[Message::PlanReady(Box::new(ready(job, story.plan())))]);
    let mut reports = Vec::new();
    for _ in 0..TURNS_MAX {
        if stage.live.is_empty() && stage.queue.is_empty() {
            break;
        }
        step(std::slice::from_ref(story), &mut stage, &mut dice, &mut reports);
    }
    assert!(stage.live.is_empty(), "the job ends");
    // What is still under way comes too late, and changes nothing.
    let before = stage.logs[&job].clone();
    stage.turn(&reports);
    assert_eq!(before, stage.logs[&job]);
    let folded = stage.folded(job);
    let digest = stage.answers[0].answer.digest;
    (folded, digest, stage)
}

/// One thing happens; `false` where the power fails while it does. A batch that was not acknowledged comes again.
pub(crate) fn step(stories: &[Story], stage: &mut Stage, dice: &mut Dice, reports: &mut Vec<Message>) -> bool {
    match dice.below(12) {
        0..=3 if !stage.queue.is_empty() => {
            let place = dice.below(stage.queue.len());
            let (assignment, outcome) = stage.work_of(stories, place);
            let report = Message::Report(Box::new(work::report(&assignment, outcome)));
            match dice.below(10) {
                // The worker is gone without a word: its lease will tell.
                0 => {}
                // The worker gives it back.
                1 => reports.push(Message::Report(Box::new(work::report(&assignment, Outcome::Cancelled)))),
                2 => reports.extend([report.clone(), report]),
                // The broker delivers the assignment once more.
                3 => {
                    stage.queue.push(assignment);
                    reports.push(report);
                }
                _ => reports.push(report),
            }
            true
        }
        4..=7 if !reports.is_empty() => {
            let count = 1 + dice.below(reports.len().min(4));
            let mut batch = Vec::new();
            for _ in 0..count {
                let place = dice.below(reports.len());
                batch.push(reports.swap_remove(place));
            }
            if dice.chance(1, 5) {
                reports.extend(batch.first().cloned());
            }
            let lives = stage.turn(&batch);
            if !lives {
                reports.extend(batch);
            }
            lives
        }
        8 | 9 if !stage.unconfirmed.is_empty() => {
            let place = dice.below(stage.unconfirmed.len());
            stage.confirm(place)
        }
        10 if reports.is_empty() => {
            let held = stage.queue.iter().map(|assignment| (assignment.job, assignment.attempt)).take(1).collect();
            stage.turn(&[Message::Holding(Holding { worker: "worker".into(), partition: 0, attempts: held })])
        }
        11 if stage.queue.is_empty() && stage.wait() => stage.turn(&[]),
        _ => true,
    }
}

/// Asserts that a job came to what the interpreter says.
pub(crate) fn agree(story: &Story, job: &Job, ending: &Ending) {
    for (place, told) in ending.tasks.iter().enumerate() {
        let record = &job.tasks()[place];
        let name = format!("t{place}");
        assert_eq!(record.state, told.state, "{name}");
        let stop = record.stop.map(|reason| (reason, record.caused_by.map_or(place, |cause| cause as usize)));
        assert_eq!(stop, told.stop, "{name}");
        if let Some(run) = &told.run {
            assert_eq!(record.node.outputs.as_deref(), run.outputs.as_ref(), "{name}");
            assert_eq!(!record.node.warnings.is_empty(), run.warned, "{name}");
            assert_eq!(record.node.low_confidence, run.doubtful, "{name}");
        }
        let fail = story.tasks[place].fan.as_ref().map(|fan| fan.fail);
        let by_chance = fail == Some(FailPolicy::One) && told.state == TaskState::Failed;
        if let Some(items) = told.items.as_ref().filter(|_| !by_chance) {
            let fan = record.fan.as_ref().unwrap();
            assert_eq!(fan.items.len(), items.len(), "{name}");
            for (item, run) in fan.items.iter().zip(items) {
                assert_eq!(item.outputs.as_deref(), run.outputs.as_ref(), "{name}");
                assert_eq!(!item.warnings.is_empty(), run.warned, "{name}");
            }
        }
    }
    assert_eq!(job.result(), Some(ending.result));
}

/// Asserts that the answers of a stage say what the interpreter says.
pub(crate) fn agree_answer(stage: &Stage, ending: &Ending) {
    let answer = &stage.answers[0].answer;
    let mut gaps: Vec<_> = answer.gaps.iter().map(|gap| (gap.task.clone(), gap.reason)).collect();
    gaps.sort();
    assert_eq!(gaps, ending.gaps);
    assert_eq!(answer.result, ending.result);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_reports_comes_to_what_the_language_says(
        story in stories(8), seed in any::<u64>(), window in 1..6_u32,
    ) {
        let ending = interpreter::ending(&story);
        let (job, digest, stage) = carry_out(&story, seed, window);
        agree(&story, &job, &ending);
        agree_answer(&stage, &ending);
        let (job, other, _) = carry_out(&story, !seed, 7 - window);
        agree(&story, &job, &ending);
        prop_assert_eq!(digest, other, "the answer does not depend on the order");
        prop_assert!(stage.illegal.iter().all(|why| *why == "no such job is live"));
    }

    #[test]
    fn jobs_side_by_side_come_to_what_each_comes_to_alone(
        stories in prop::collection::vec(stories(4), 2..4), seed in any::<u64>(), window in 1..6_u32,
    ) {
        let mut stage = Stage::new(seed, window);
        let (mut dice, mut reports) = (Dice::new(seed), Vec::new());
        for (story, number) in stories.iter().zip(1..) {
            stage.turn(&[Message::PlanReady(Box::new(ready(job_id(number), story.plan())))]);
        }
        for _ in 0..TURNS_MAX {
            if stage.live.is_empty() {
                break;
            }
            step(&stories, &mut stage, &mut dice, &mut reports);
            if dice.chance(1, 40) {
                stage.crash(dice.chance(1, 2));
            }
        }
        prop_assert!(stage.live.is_empty(), "all jobs end");
        for (story, number) in stories.iter().zip(1..) {
            let job = job_id(number);
            agree(story, &stage.folded(job), &interpreter::ending(story));
            let (_, alone, _) = carry_out(story, !seed, window);
            let answers = stage.answers.iter().filter(|answered| answered.job == job);
            for answered in answers {
                prop_assert_eq!(answered.answer.digest, alone);
            }
        }
    }
}
