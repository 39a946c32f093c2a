//! A job whose time is over ends with what it has.

use std::collections::BTreeSet;

use candor_proto::event::StopReason;
use candor_proto::message::{Message, PlanReady};
use candor_proto::plan::{Budget, FailPolicy};
use candor_proto::{Event, Fate as LedgerFate, GapReason, Job, JobResult, Plan, TaskState};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::fairness::{plain, story};
use crate::orders::step;
use crate::sketch::{Fan, Fate, Items, Sketch, Story, stories};
use crate::stage::{START, Stage, job_id, ready};
use crate::work;

const BUDGET_MS: u64 = 5_000;

fn submitted(story: &Story, window: u32, seed: u64) -> Stage {
    let plan = Plan { budget: Budget { wall_clock_ms: Some(BUDGET_MS) }, ..story.plan() };
    let mut stage = Stage::new(seed, window);
    stage.turn(&[Message::PlanReady(Box::new(PlanReady { plan_hash: plan.hash(), ..ready(job_id(1), plan) }))]);
    stage
}

fn work_on(stage: &mut Stage, story: &Story, task: u32) {
    let place = stage.queue.iter().position(|assignment| assignment.node.task == task).unwrap();
    let (assignment, outcome) = stage.work(story, place);
    stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))]);
}

#[test]
fn what_is_done_is_said_and_what_is_missing_is_named() {
    let mut after = plain();
    after.all = vec![1];
    let mut fan = plain();
    fan.fan = Some(Fan {
        items: Items::Names(vec!["a".into(), "b".into(), "c".into()]),
        fail: FailPolicy::All,
        max_parallel: Some(2),
    });
    let retried = Sketch { max_attempts: 3, fates: vec![Fate::Exit], ..plain() };
    // 0 succeeds, 1 runs, 2 waits for 1, 3 has done one of its items, 4 waits for its next attempt.
    let mut story = story(vec![plain(), plain(), after, fan, retried]);
    story.summary = Some(vec![0, 1, 2, 3, 4]);
    let mut stage = submitted(&story, 8, 1);
    work_on(&mut stage, &story, 0);
    work_on(&mut stage, &story, 3);
    stage.now = START + BUDGET_MS - 1;
    work_on(&mut stage, &story, 4);
    assert!(stage.answers.is_empty());
    let out: BTreeSet<_> = {
        let job = stage.folded(job_id(1));
        job.running().filter_map(|node| job.node(node)?.attempt.as_ref().map(|attempt| attempt.id)).collect()
    };
    stage.now = START + BUDGET_MS;
    stage.turn(&[]);
    let answer = stage.answers[0].answer.clone();
    assert_eq!(answer.result, JobResult::CompleteWithGaps);
    let gaps: Vec<_> = answer.gaps.iter().map(|gap| (gap.task.as_str(), gap.reason)).collect();
    assert_eq!(gaps, ["t1", "t2", "t3", "t4"].map(|task| (task, GapReason::BudgetWallClock)));
    let fates: Vec<_> = answer.ledger.iter().map(|line| (line.fate, line.reason.as_str())).collect();
    let missing = (LedgerFate::Missing, "stopped");
    assert_eq!(fates, [(LedgerFate::Used, "summary"), missing, missing, (LedgerFate::Used, "partial"), missing]);
    assert_eq!(answer.ledger[3].items.map(|items| (items.total, items.with_result, items.missing)), Some((3, 1, 2)));
    assert_eq!(stage.revoked, out, "what runs is told to end");
    // What ends all the same changes nothing.
    let events = stage.logs[&job_id(1)].len();
    while !stage.queue.is_empty() {
        let (assignment, outcome) = stage.work(&story, 0);
        stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))]);
    }
    assert_eq!(stage.logs[&job_id(1)].len(), events);
    assert_eq!(stage.partition.next_due(), None, "no lease and no timer is left");
}

#[test]
fn a_job_that_ends_in_time_knows_nothing_of_its_budget() {
    let story = story(vec![plain()]);
    let mut stage = submitted(&story, 8, 1);
    work_on(&mut stage, &story, 0);
    assert_eq!(stage.answers[0].answer.result, JobResult::Complete);
    assert!(stage.answers[0].answer.gaps.is_empty());
}

#[test]
fn a_failure_that_nobody_tolerates_stays_one() {
    let failed = Sketch { fates: vec![Fate::Exit], ..plain() };
    let story = story(vec![failed, plain()]);
    let mut stage = submitted(&story, 8, 1);
    work_on(&mut stage, &story, 0);
    stage.now = START + BUDGET_MS;
    stage.turn(&[]);
    assert_eq!(stage.answers[0].answer.result, JobResult::Failed);
}

fn every_missing_task_is_named(job: &Job, gaps: &BTreeSet<String>) {
    for (record, task) in job.tasks().iter().zip(0..) {
        let missing = matches!(record.state, TaskState::Failed | TaskState::Stopped);
        assert!(record.state.ended());
        assert!(!missing || gaps.contains(&format!("t{task}")), "t{task} is missing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_budget_ends_a_job_at_any_moment(
        story in stories(6), seed in any::<u64>(), window in 1..6_u32, steps in 0..40_usize,
    ) {
        let mut stage = submitted(&story, window, seed);
        let (mut dice, mut reports) = (Dice::new(seed), Vec::new());
        for _ in 0..steps {
            step(std::slice::from_ref(&story), &mut stage, &mut dice, &mut reports);
        }
        stage.now = stage.now.max(START + BUDGET_MS);
        stage.turn(&[]);
        let job = stage.folded(job_id(1));
        prop_assert!(job.state().ended());
        let answer = &stage.answers[0].answer;
        let gaps: BTreeSet<String> = answer.gaps.iter().map(|gap| gap.task.clone()).collect();
        every_missing_task_is_named(&job, &gaps);
        let log = &stage.logs[&job_id(1)];
        let spent = log.iter().position(|recorded| recorded.event == Event::BudgetSpent);
        let released = log.iter().rposition(|recorded| matches!(recorded.event, Event::Released { .. }));
        prop_assert!(spent.is_none() || released < spent, "nothing starts after the budget is spent");
        let misread = job.tasks().iter().any(|record| record.stop == Some(StopReason::NoOutputs));
        if spent.is_some() && job.tally(TaskState::Failed) == 0 && !misread {
            prop_assert_ne!(job.result(), Some(JobResult::Failed));
        }
        let left = stage.logs.clone();
        stage.turn(&reports);
        prop_assert_eq!(left, stage.logs);
    }
}
