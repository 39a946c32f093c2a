//! An ended job is done again by a new one, which takes over what need not be done again.

use std::collections::BTreeSet;

use candor_assembler::summary::summary;
use candor_proto::event::Parent;
use candor_proto::message::{Directive, ErrorBody, Message, Order, PlanReady, PlanRefused, Verdict};
use candor_proto::{DirectiveId, Event, JobResult, JobState, Recorded, Sha256, TaskState};
use proptest::prelude::*;
use uuid::Uuid;

use crate::crash::once;
use crate::dice::Dice;
use crate::fairness::{plain, story};
use crate::interpreter;
use crate::orders::{agree, step};
use crate::sketch::{Fate, Sketch, Story, id, stories};
use crate::stage::{START, Stage, job_id, ready};
use crate::work;

const STEPS_MAX: usize = 5_000;
/// How much later a job is done again, in milliseconds.
const LATER_MS: u64 = 3_600_000;

/// What is done again.
#[derive(Clone, Copy, Debug)]
enum What {
    All,
    Failed,
    From(usize),
}

fn directive(number: u128, what: What) -> Message {
    let (from, failed) = match what {
        What::All => (None, false),
        What::Failed => (None, true),
        What::From(task) => (Some(id(task)), false),
    };
    ordered(number, Order::Rerun { parent: job_id(1), from, failed })
}

fn ordered(number: u128, order: Order) -> Message {
    let id = DirectiveId::from_uuid(Uuid::from_u128(number));
    Message::Directive(Box::new(Directive { id, job: job_id(2), order, by: None }))
}

fn request(number: u64, story: &Story) -> Message {
    Message::PlanReady(Box::new(ready(job_id(number), story.plan())))
}

fn verdicts(stage: &Stage) -> Vec<Verdict> {
    stage.directed.iter().map(|reply| reply.verdict.clone()).collect()
}

fn refused(reason: &str) -> Verdict {
    Verdict::Refused { reason: reason.to_owned() }
}

/// Works until nothing is left; the tasks of the second job that ran.
fn finish(stage: &mut Stage, stories: &[Story]) -> BTreeSet<usize> {
    let mut ran = BTreeSet::new();
    loop {
        if !stage.queue.is_empty() {
            let (assignment, outcome) = stage.work_of(stories, 0);
            if assignment.job == job_id(2) {
                ran.insert(assignment.node.task as usize);
            }
            stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))]);
        } else if !stage.unconfirmed.is_empty() {
            stage.confirm(0);
        } else if stage.live.is_empty() {
            return ran;
        } else {
            assert!(stage.wait(), "something is due");
            stage.turn(&[]);
        }
    }
}

/// A stage on which a story has been carried out as the first job, an hour ago.
fn ended(story: &Story, seed: u64, window: u32) -> Stage {
    let mut stage = Stage::new(seed, window);
    stage.turn(&[request(1, story)]);
    finish(&mut stage, std::slice::from_ref(story));
    stage.now += LATER_MS;
    stage
}

/// What must run again, by the words of the table and nothing else.
fn again(stage: &Stage, story: &Story, what: What) -> BTreeSet<usize> {
    let parent = stage.folded(job_id(1));
    let mut again: BTreeSet<usize> = BTreeSet::new();
    // Tasks need earlier ones only, so one pass is enough.
    for task in 0..story.tasks.len() {
        let fine = matches!(parent.tasks()[task].state, TaskState::Succeeded | TaskState::Skipped);
        let chosen = match what {
            What::All => true,
            What::Failed => !fine,
            What::From(from) => !fine || task == from,
        };
        let sketch = &story.tasks[task];
        if chosen || sketch.all.iter().chain(&sketch.any).any(|needed| again.contains(needed)) {
            again.insert(task);
        }
    }
    again
}

fn digest(stage: &Stage, number: u64) -> Sha256 {
    let job = stage.folded(job_id(number));
    candor_assembler::answer(&job, &Default::default()).expect("it has ended").digest
}

fn parent_of(log: &[Recorded]) -> &Parent {
    match &log[0].event {
        Event::Accepted(accepted) => accepted.parent.as_ref().expect("it names its parent"),
        other => panic!("accepted first, not {other:?}"),
    }
}

#[test]
fn what_failed_is_done_again_and_the_rest_is_taken_over_with_its_times() {
    let needs = |task| Sketch { all: vec![task], ..plain() };
    let broken = Sketch { fates: vec![Fate::Exit], ..plain() };
    let before = story(vec![plain(), broken, needs(0), needs(1)]);
    let mended = story(vec![plain(), plain(), needs(0), needs(1)]);
    let mut stage = ended(&before, 1, 4);
    assert_eq!(stage.folded(job_id(1)).result(), Some(JobResult::Failed));
    stage.turn(&[directive(1, What::Failed)]);
    assert_eq!(verdicts(&stage), [Verdict::Done]);
    let ran = finish(&mut stage, &[before, mended]);
    assert_eq!(ran, BTreeSet::from([1, 3]));
    let (parent, job) = (stage.folded(job_id(1)), stage.folded(job_id(2)));
    assert_eq!((job.state(), job.result()), (JobState::Completed, Some(JobResult::Complete)));
    assert_eq!(parent_of(&stage.logs[&job_id(2)]).reused, ["t0", "t2"]);
    for task in [0, 2] {
        assert_eq!(job.tasks()[task].node.outputs, parent.tasks()[task].node.outputs);
        assert_eq!(job.tasks()[task].ended_at, parent.tasks()[task].ended_at, "that is when it happened");
    }
    assert_eq!(job.created_at(), START + LATER_MS);
    assert_eq!(job.accepted().unwrap().submitted_at, START + LATER_MS);
    let shown = serde_json::to_value(summary(&job)).unwrap();
    assert_eq!(shown["parent"], serde_json::json!({"job": job_id(1), "reused": ["t0", "t2"]}));
    assert!(serde_json::to_value(summary(&parent)).unwrap().get("parent").is_none());
}

#[test]
fn a_rerun_of_a_rerun_takes_over_what_that_took_over() {
    let story = story(vec![plain(), Sketch { all: vec![0], ..plain() }]);
    let mut stage = ended(&story, 1, 4);
    stage.turn(&[directive(1, What::From(1))]);
    finish(&mut stage, &[story.clone(), story.clone()]);
    stage.now += LATER_MS;
    let order = Order::Rerun { parent: job_id(2), from: None, failed: true };
    let third = Directive { id: DirectiveId::from_uuid(Uuid::from_u128(2)), job: job_id(3), order, by: None };
    stage.turn(&[Message::Directive(Box::new(third))]);
    assert!(stage.queue.is_empty(), "nothing is left to do");
    assert_eq!(digest(&stage, 3), digest(&stage, 1));
    assert_eq!(parent_of(&stage.logs[&job_id(3)]).reused, ["t0", "t1"]);
}

#[test]
fn what_cannot_be_done_again_is_refused_with_the_reason() {
    let story = story(vec![plain()]);
    let id = job_id(1);
    let mut stage = Stage::new(1, 4);
    stage.turn(&[directive(1, What::All)]);
    stage.turn(&[request(1, &story)]);
    stage.turn(&[directive(1, What::All)]);
    finish(&mut stage, std::slice::from_ref(&story));
    stage.turn(&[directive(1, What::From(7))]);
    stage.turn(&[ordered(1, Order::Rerun { parent: job_id(2), from: None, failed: false })]);
    let reasons = [
        format!("there is no job {id}"),
        format!("{id} has not ended"),
        format!("the plan of {id} has no task `t7`"),
        "a rerun is a new job: give it an id of its own".to_owned(),
    ];
    assert_eq!(verdicts(&stage), reasons.map(|reason| refused(&reason)));
    assert!(!stage.logs.contains_key(&job_id(2)), "nothing is recorded of it");
    assert!(stage.partition.is_empty());
}

#[test]
fn a_refused_job_and_one_without_a_plan_cannot_be_done_again() {
    let mut stage = Stage::new(1, 4);
    let cancel =
        Directive { id: DirectiveId::from_uuid(Uuid::from_u128(9)), job: job_id(1), order: Order::Cancel, by: None };
    stage.turn(&[Message::Directive(Box::new(cancel))]);
    stage.turn(&[directive(1, What::All)]);
    let refusal = PlanRefused {
        job: job_id(1),
        error: ErrorBody { code: "invalid".into(), message: "it is wrong".into(), advice: "mend it".into() },
        diagnostics: Vec::new(),
        submitted_at: START,
        request_digest: Sha256::of(b"same"),
        reply_to: None,
        recorded_to: None,
    };
    stage.turn(&[Message::PlanRefused(Box::new(refusal))]);
    stage.turn(&[directive(1, What::All)]);
    let said: Vec<_> = verdicts(&stage).into_iter().skip(1).collect();
    let id = job_id(1);
    let no_plan = format!("{id} was refused: it has no plan that could be carried out again");
    assert_eq!(said, [refused(&format!("{id} has no plan yet")), refused(&no_plan)]);
}

#[test]
fn a_repeated_rerun_is_known_and_another_job_is_not_overwritten() {
    let story = story(vec![plain()]);
    let stories = [story.clone(), story.clone()];
    let mut stage = ended(&story, 1, 4);
    stage.turn(&[directive(1, What::All), directive(1, What::All)]);
    finish(&mut stage, &stories);
    stage.turn(&[directive(1, What::All), directive(2, What::All)]);
    let taken = refused("there is already another job with this id");
    assert_eq!(verdicts(&stage), [Verdict::Done, Verdict::AlreadyKnown, Verdict::AlreadyKnown, taken]);
    // And a request with its id is another request, also one that is word for word the parent's.
    let events = stage.logs[&job_id(2)].len();
    stage.turn(&[request(2, &story)]);
    assert_eq!(stage.refusals[0].1, "job_exists");
    assert_eq!(stage.logs[&job_id(2)].len(), events);
}

#[test]
fn a_rerun_that_was_cancelled_before_it_came_takes_nothing_over_and_ends() {
    let story = story(vec![plain(), plain()]);
    let mut stage = ended(&story, 1, 4);
    stage.turn(&[ordered(8, Order::Cancel)]);
    stage.turn(&[directive(1, What::Failed)]);
    assert_eq!(verdicts(&stage), [Verdict::Done, Verdict::Done]);
    assert!(stage.queue.is_empty());
    let job = stage.folded(job_id(2));
    assert_eq!(job.result(), Some(JobResult::Cancelled));
    assert_eq!(job.accepted().unwrap().parent.as_ref().unwrap().reused, Vec::<String>::new());
}

#[test]
fn a_request_with_a_reply_is_not_answered_again_by_its_rerun() {
    let story = story(vec![plain()]);
    let mut stage = Stage::new(1, 4);
    stage.turn(&[Message::PlanReady(Box::new(PlanReady {
        tenant: Some("north".into()),
        ..ready(job_id(1), story.plan())
    }))]);
    finish(&mut stage, std::slice::from_ref(&story));
    stage.turn(&[directive(1, What::All)]);
    finish(&mut stage, &[story.clone(), story]);
    assert_eq!(stage.answers.len(), 1, "who asked for the parent did not ask for this");
    assert_eq!(stage.folded(job_id(2)).accepted().unwrap().tenant.as_deref(), Some("north"));
}

fn which() -> impl Strategy<Value = What> {
    prop_oneof![Just(What::All), Just(What::Failed), (0..6_usize).prop_map(What::From)]
}

/// The same with a task that the story has.
fn of(what: What, story: &Story) -> What {
    match what {
        What::From(task) => What::From(task % story.tasks.len()),
        What::All | What::Failed => what,
    }
}

/// Carries a rerun out in any order, perhaps with a power failure; how it went.
fn carry_out(story: &Story, what: What, seed: u64, window: u32, failure: Option<(usize, usize)>) -> Stage {
    let stories = [story.clone(), story.clone()];
    let mut stage = ended(story, seed, window);
    stage.effects_by_turn.clear();
    stage.crash_at = failure;
    let (mut dice, mut reports) = (Dice::new(seed ^ 0x4e4e), Vec::new());
    let mut lives = true;
    for _ in 0..STEPS_MAX {
        if !lives {
            stage.crash_at = None;
            stage.crash(false);
            lives = true;
        } else if stage.directed.is_empty() {
            lives = stage.turn(&[directive(1, what)]);
        } else if stage.live.is_empty() {
            break;
        } else {
            lives = step(&stories, &mut stage, &mut dice, &mut reports);
        }
    }
    assert!(stage.live.is_empty(), "the job ends");
    stage
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn only_what_should_run_again_runs_and_the_same_work_has_the_same_digest(
        story in stories(7), seed in any::<u64>(), window in 1..5_u32, what in which(),
    ) {
        let what = of(what, &story);
        let mut stage = ended(&story, seed, window);
        let wanted = again(&stage, &story, what);
        stage.turn(&[directive(1, what)]);
        let ran = finish(&mut stage, &[story.clone(), story.clone()]);
        prop_assert!(ran.is_subset(&wanted), "{ran:?} of {wanted:?}");
        let job = stage.folded(job_id(2));
        for (task, record) in job.tasks().iter().enumerate() {
            let attempted = record.fan.as_ref().map_or(record.node.attempts > 0, |fan| fan.items.iter().any(|item| item.attempts > 0));
            prop_assert_eq!(ran.contains(&task), wanted.contains(&task) && attempted, "t{}", task);
        }
        let reused: Vec<String> = (0..story.tasks.len()).filter(|task| !wanted.contains(task)).map(id).collect();
        prop_assert_eq!(&parent_of(&stage.logs[&job_id(2)]).reused, &reused);
        agree(&story, &job, &interpreter::ending(&story));
        prop_assert_eq!(digest(&stage, 2), digest(&stage, 1));
        once(&stage.logs[&job_id(2)]);
    }

    #[test]
    fn a_power_failure_after_any_append_of_a_rerun_changes_nothing(
        story in stories(5), seed in any::<u64>(), window in 1..4_u32, what in which(),
    ) {
        let what = of(what, &story);
        let calm = carry_out(&story, what, seed, window, None);
        for (turn, effects) in calm.effects_by_turn.iter().enumerate() {
            for published in 0..=*effects {
                let stage = carry_out(&story, what, seed, window, Some((turn + 1, published)));
                prop_assert_eq!(digest(&stage, 2), digest(&stage, 1));
                once(&stage.logs[&job_id(2)]);
            }
        }
    }

    #[test]
    fn any_beginning_of_a_rerun_is_enough_to_go_on_from(
        story in stories(5), seed in any::<u64>(), window in 1..4_u32, what in which(),
    ) {
        let what = of(what, &story);
        let calm = carry_out(&story, what, seed, window, None);
        let log = calm.logs[&job_id(2)].clone();
        // What is taken over is one append with the acceptance.
        let first = log.iter().rposition(|recorded| recorded.at < log[0].at).map_or(2, |last| last + 1);
        // Nobody asked, so the end and its confirm are one append too.
        for length in first..log.len() - 1 {
            let mut stage = Stage::new(!seed, window);
            stage.now = log[..length].iter().map(|recorded| recorded.at).max().unwrap();
            stage.adopt_log(job_id(2), &log[..length]);
            stage.crash(true);
            stage.turn(&[]);
            let (mut dice, mut reports) = (Dice::new(seed), Vec::new());
            for _ in 0..STEPS_MAX {
                if stage.live.is_empty() {
                    break;
                }
                step(&[story.clone(), story.clone()], &mut stage, &mut dice, &mut reports);
            }
            prop_assert!(stage.live.is_empty(), "it ends after {} of {} events", length, log.len());
            prop_assert_eq!(digest(&stage, 2), digest(&calm, 1));
        }
    }
}
