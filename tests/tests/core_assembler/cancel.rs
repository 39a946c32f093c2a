//! A person ends a job: at any moment, before its plan too, and whatever fails meanwhile.

use candor_proto::event::StopReason;
use candor_proto::message::{Directive, DirectiveReply, Message, Order, Verdict};
use candor_proto::plan::FailPolicy;
use candor_proto::{DirectiveId, Event, JobId, JobResult, JobState, QuestionId, Recorded, TaskState};
use proptest::prelude::*;
use uuid::Uuid;

use crate::crash::once;
use crate::dice::Dice;
use crate::fairness::{plain, story};
use crate::orders::step;
use crate::sketch::{Fan, Fate, Items, Sketch, Story, stories};
use crate::stage::{START, Stage, asker, job_id, ready};
use crate::work;

const STEPS_MAX: usize = 5_000;

fn directive(number: u128, order: Order) -> Directive {
    Directive {
        id: DirectiveId::from_uuid(Uuid::from_u128(number)),
        job: job_id(1),
        order,
        by: Some("somebody".into()),
    }
}

fn cancel(number: u128) -> Message {
    Message::Directive(Box::new(directive(number, Order::Cancel)))
}

fn request(story: &Story) -> Message {
    Message::PlanReady(Box::new(ready(job_id(1), story.plan())))
}

fn verdicts(stage: &Stage) -> Vec<Verdict> {
    stage.directed.iter().map(|reply| reply.verdict.clone()).collect()
}

fn refused(reason: &str) -> Verdict {
    Verdict::Refused { reason: reason.to_owned() }
}

fn work_on(stage: &mut Stage, story: &Story, task: u32) {
    let place = stage.queue.iter().position(|assignment| assignment.node.task == task).unwrap();
    let (assignment, outcome) = stage.work(story, place);
    stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))]);
}

/// Everything that is still under way is reported; nothing of it changes anything.
fn late(stage: &mut Stage, story: &Story) {
    let events = stage.logs[&job_id(1)].len();
    while !stage.queue.is_empty() {
        let (assignment, outcome) = stage.work(story, 0);
        stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))]);
    }
    assert_eq!(stage.logs[&job_id(1)].len(), events, "what ends all the same changes nothing");
}

#[test]
fn whatever_a_task_was_doing_it_stops_at_once() {
    let after = Sketch { all: vec![1], ..plain() };
    let mut fan = plain();
    let items = Items::Names(vec!["a".into(), "b".into(), "c".into()]);
    fan.fan = Some(Fan { items, fail: FailPolicy::All, max_parallel: Some(2) });
    let retried = Sketch { max_attempts: 3, fates: vec![Fate::Exit], ..plain() };
    // 0 succeeds, 1 runs, 2 waits for 1, 3 has done one of its items, 4 waits for its next attempt, 5 has no room.
    let mut story = story(vec![plain(), plain(), after, fan, retried, plain()]);
    story.summary = Some(vec![0, 1, 2, 3, 4, 5]);
    let mut stage = Stage::new(1, 5);
    stage.turn(&[request(&story)]);
    work_on(&mut stage, &story, 4);
    work_on(&mut stage, &story, 0);
    work_on(&mut stage, &story, 3);
    let states =
        [TaskState::Succeeded, TaskState::Running, TaskState::Pending, TaskState::Running, TaskState::Retrying];
    let job = stage.folded(job_id(1));
    assert_eq!(job.tasks()[..5].iter().map(|task| task.state).collect::<Vec<_>>(), states);

    stage.turn(&[cancel(1)]);
    let job = stage.folded(job_id(1));
    assert_eq!((job.state(), job.result()), (JobState::Cancelled, Some(JobResult::Cancelled)));
    assert_eq!(job.tasks()[0].state, TaskState::Succeeded);
    for task in &job.tasks()[1..] {
        assert_eq!((task.state, task.stop), (TaskState::Stopped, Some(StopReason::Cancelled)));
    }
    assert_eq!(stage.revoked_jobs, [job_id(1)], "what runs is told to end");
    assert_eq!(
        stage.directed,
        [DirectiveReply { id: directive(1, Order::Cancel).id, job: job_id(1), verdict: Verdict::Done }]
    );
    let answer = &stage.answers[0].answer;
    assert_eq!((answer.state, answer.result), (JobState::Cancelled, JobResult::Cancelled));
    let gaps: Vec<_> = answer.gaps.iter().map(|gap| gap.task.as_str()).collect();
    assert_eq!(gaps, ["t1", "t2", "t3", "t4", "t5"]);
    assert_eq!(answer.ledger.len(), 6);
    assert_eq!(stage.partition.next_due(), None, "no lease and no timer is left");
    late(&mut stage, &story);
}

#[test]
fn a_repeated_directive_is_known_and_answered_again() {
    let story = story(vec![plain()]);
    let mut stage = Stage::new(1, 4);
    stage.turn(&[request(&story), cancel(1), cancel(1)]);
    let events = stage.logs[&job_id(1)].len();
    while !stage.unconfirmed.is_empty() {
        stage.confirm(0);
    }
    assert!(stage.partition.is_empty(), "the job is over");
    stage.turn(&[cancel(1)]);
    assert_eq!(verdicts(&stage), [Verdict::Done, Verdict::AlreadyKnown, Verdict::AlreadyKnown]);
    assert_eq!(stage.logs[&job_id(1)].len(), events + 1, "only the confirm of its answer was added");
    assert!(stage.partition.is_empty(), "and it is let go again");
}

#[test]
fn what_has_ended_cannot_be_cancelled() {
    let story = story(vec![plain()]);
    let mut stage = Stage::new(1, 4);
    stage.turn(&[request(&story)]);
    work_on(&mut stage, &story, 0);
    stage.turn(&[cancel(1)]);
    while !stage.unconfirmed.is_empty() {
        stage.confirm(0);
    }
    let events = stage.logs[&job_id(1)].len();
    stage.turn(&[cancel(2)]);
    assert_eq!(verdicts(&stage), [refused("the job has ended"), refused("the job has ended")]);
    assert_eq!(stage.logs[&job_id(1)].len(), events);
    assert_eq!(stage.folded(job_id(1)).result(), Some(JobResult::Complete));
}

#[test]
fn a_cancel_that_comes_before_its_plan_is_kept_and_nothing_starts() {
    let story = story(vec![plain(), plain()]);
    for crash in [false, true] {
        let mut stage = Stage::new(1, 4);
        stage.turn(&[cancel(1)]);
        assert_eq!(verdicts(&stage), [Verdict::Done]);
        assert!(stage.live.contains(&job_id(1)), "it is kept for its plan");
        assert_eq!(stage.folded(job_id(1)).state(), JobState::Planning);
        if crash {
            stage.crash(true);
        }
        stage.turn(&[cancel(1), cancel(2)]);
        assert_eq!(verdicts(&stage), [Verdict::Done, Verdict::AlreadyKnown, Verdict::Done]);
        stage.turn(&[request(&story)]);
        assert!(stage.releases.is_empty() && stage.queue.is_empty());
        assert_eq!(stage.recorded, ["planner"]);
        assert_eq!(stage.answers[0].answer.result, JobResult::Cancelled);
        assert_eq!(stage.answers[0].to, asker("client"));
        assert!(stage.revoked_jobs.is_empty(), "nothing ran");
    }
}

#[test]
fn a_question_that_was_not_asked_cannot_be_answered() {
    let story = story(vec![plain()]);
    let question = QuestionId::from_uuid(Uuid::from_u128(3));
    let orders = [
        Order::Approve { question },
        Order::Reject { question, reason: None },
        Order::Answer { question, value: serde_json::json!(1) },
    ];
    let mut stage = Stage::new(1, 4);
    stage.turn(&[request(&story)]);
    let events = stage.logs[&job_id(1)].len();
    for order in orders {
        stage.turn(&[Message::Directive(Box::new(directive(1, order)))]);
    }
    assert_eq!(verdicts(&stage), vec![refused("the job has asked no such question"); 3]);
    assert_eq!(stage.logs[&job_id(1)].len(), events);
}

/// What must hold of the log of a job that was cancelled before it had ended.
fn cancelled(stage: &Stage, job: JobId) {
    let log = &stage.logs[&job];
    once(log);
    let at = |wanted: fn(&Event) -> bool| log.iter().position(|recorded| wanted(&recorded.event));
    let directed = at(|event| matches!(event, Event::Directed { .. })).expect("it was directed");
    let started = |recorded: &Recorded| matches!(recorded.event, Event::Released { .. } | Event::Due { .. });
    assert!(!log[directed..].iter().any(started), "nothing starts after the cancel is recorded");
    let folded = stage.folded(job);
    assert_eq!((folded.state(), folded.result()), (JobState::Cancelled, Some(JobResult::Cancelled)));
    assert!(candor_assembler::answer::adds_up(&folded));
}

/// Carries a story out with a cancel after so many steps, and perhaps a power failure; how it went.
fn carry_out(story: &Story, seed: u64, after: usize, failure: Option<(usize, usize)>) -> Stage {
    let mut stage = Stage::new(seed, 3);
    stage.crash_at = failure;
    let mut dice = Dice::new(seed ^ 0xca9ce1);
    let mut reports = Vec::new();
    let mut lives = stage.turn(&[request(story)]);
    for number in 0..STEPS_MAX {
        if !lives {
            stage.crash_at = None;
            stage.crash(false);
            if stage.recorded.is_empty() {
                reports.push(request(story));
            }
            lives = true;
            continue;
        }
        // Whoever directs repeats it until there is a reply.
        if number >= after && stage.directed.is_empty() {
            lives = stage.turn(&[cancel(1)]);
            continue;
        }
        if number >= after && stage.live.is_empty() && reports.is_empty() {
            break;
        }
        lives = step(std::slice::from_ref(story), &mut stage, &mut dice, &mut reports);
    }
    assert!(stage.live.is_empty(), "the job ends");
    stage
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_job_that_is_cancelled_at_any_moment_ends_as_cancelled_or_had_ended(
        story in stories(6), seed in any::<u64>(), after in 0..40_usize,
    ) {
        let mut stage = carry_out(&story, seed, after, None);
        match verdicts(&stage)[0] {
            Verdict::Done => cancelled(&stage, job_id(1)),
            _ => prop_assert_eq!(verdicts(&stage), [refused("the job has ended")]),
        }
        prop_assert_eq!(stage.partition.next_due(), None);
        late(&mut stage, &story);
    }

    #[test]
    fn a_power_failure_after_any_append_does_not_bring_a_cancelled_job_back(
        story in stories(5), seed in any::<u64>(), after in 0..25_usize,
    ) {
        let calm = carry_out(&story, seed, after, None);
        for (turn, effects) in calm.effects_by_turn.iter().enumerate() {
            for published in 0..=*effects {
                let stage = carry_out(&story, seed, after, Some((turn + 1, published)));
                let was_directed =
                    stage.logs[&job_id(1)].iter().any(|recorded| matches!(recorded.event, Event::Directed { .. }));
                prop_assert!(!stage.directed.is_empty());
                if was_directed {
                    cancelled(&stage, job_id(1));
                }
            }
        }
    }

    #[test]
    fn any_beginning_of_a_cancelled_log_ends_as_cancelled_once_it_holds_the_directive(
        story in stories(5), seed in any::<u64>(), after in 0..25_usize,
    ) {
        let calm = carry_out(&story, seed, after, None);
        let log = calm.logs[&job_id(1)].clone();
        for length in 1..log.len() {
            let mut stage = Stage::new(!seed, 3);
            stage.now = log[length - 1].at.max(START);
            stage.adopt_log(job_id(1), &log[..length]);
            stage.crash(true);
            // Nothing but what follows from the log, and the directive again, as long as it was not acknowledged.
            stage.turn(&[cancel(1)]);
            let held = log[..length].iter().any(|recorded| matches!(recorded.event, Event::Directed { .. }));
            let had_ended = log[..length].iter().any(|recorded| matches!(recorded.event, Event::Ended { .. }));
            if !had_ended {
                cancelled(&stage, job_id(1));
                prop_assert_eq!(verdicts(&stage), [if held { Verdict::AlreadyKnown } else { Verdict::Done }]);
            }
        }
    }
}
