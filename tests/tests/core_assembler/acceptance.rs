//! Plans and refusals that come once, again, and from somebody else.

use candor_proto::message::{ErrorBody, Message, PlanReady, PlanRefused, ReplyTo};
use candor_proto::{JobState, Plan, Sha256};

use crate::fairness::{plain, story};
use crate::sketch::Story;
use crate::stage::{START, Stage, asker, job_id, ready};
use crate::work;

fn two() -> Story {
    let mut second = plain();
    second.all = vec![0];
    story(vec![plain(), second])
}

fn request(name: &str, body: &[u8]) -> PlanReady {
    PlanReady { reply_to: Some(asker(name)), request_digest: Sha256::of(body), ..ready(job_id(1), two().plan()) }
}

fn send(stage: &mut Stage, ready: PlanReady) {
    stage.turn(&[Message::PlanReady(Box::new(ready))]);
}

fn finish(stage: &mut Stage) {
    while !stage.queue.is_empty() {
        let (assignment, outcome) = stage.work(&two(), 0);
        stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))]);
    }
}

fn answered(stage: &Stage) -> Vec<ReplyTo> {
    stage.answers.iter().map(|answered| answered.to.clone()).collect()
}

#[test]
fn the_planner_is_told_each_time_and_the_plan_is_recorded_once() {
    let mut stage = Stage::new(1, 4);
    send(&mut stage, request("a", b"same"));
    let events = stage.logs[&job_id(1)].len();
    send(&mut stage, request("a", b"same"));
    assert_eq!(stage.logs[&job_id(1)].len(), events);
    assert_eq!(stage.recorded, ["planner", "planner"]);
    let silent = PlanReady { reply_to: None, recorded_to: None, ..request("a", b"same") };
    send(&mut stage, silent);
    assert_eq!(stage.known, ["the job already has a plan"]);
    assert_eq!(stage.logs[&job_id(1)].len(), events);
}

#[test]
fn everybody_who_asked_gets_the_same_answer_once() {
    let mut stage = Stage::new(1, 4);
    for name in ["a", "b", "c", "b"] {
        send(&mut stage, request(name, b"same"));
    }
    finish(&mut stage);
    assert_eq!(answered(&stage), [asker("a"), asker("b"), asker("c")]);
    let first = &stage.answers[0].answer;
    assert!(stage.answers.iter().all(|answered| answered.answer == *first));
}

#[test]
fn a_job_stays_live_until_every_one_of_its_answers_is_confirmed() {
    let mut stage = Stage::new(1, 4);
    send(&mut stage, request("a", b"same"));
    send(&mut stage, request("b", b"same"));
    finish(&mut stage);
    stage.unconfirmed.retain(|posted| matches!(posted, crate::stage::Posted::Answer(_)));
    assert_eq!(stage.unconfirmed.len(), 2);
    stage.confirm(0);
    assert!(stage.live.contains(&job_id(1)));
    stage.confirm(0);
    assert!(stage.live.is_empty() && stage.partition.is_empty());
    assert!(stage.folded(job_id(1)).answered());
}

#[test]
fn a_new_owner_sends_every_answer_again_and_waits_for_each() {
    let mut stage = Stage::new(1, 4);
    send(&mut stage, request("a", b"same"));
    send(&mut stage, request("b", b"same"));
    finish(&mut stage);
    stage.crash(false);
    assert_eq!(answered(&stage), [asker("a"), asker("b"), asker("a"), asker("b")]);
    stage.confirm(0);
    assert!(stage.live.contains(&job_id(1)));
    stage.confirm(0);
    assert!(stage.live.is_empty() && stage.partition.is_empty());
}

#[test]
fn who_asks_after_the_end_gets_the_answer_that_stands() {
    let mut stage = Stage::new(1, 4);
    send(&mut stage, request("a", b"same"));
    finish(&mut stage);
    // Once while its answer's confirm is awaited, and once when all is over and its log is loaded again.
    send(&mut stage, request("b", b"same"));
    let log = stage.logs[&job_id(1)].clone();
    stage.unconfirmed.clear();
    stage.partition.confirm_answers([job_id(1)], stage.now);
    let mut over = Stage::new(2, 4);
    over.adopt_log(job_id(1), &log);
    over.crash(false);
    while !over.unconfirmed.is_empty() {
        over.confirm(0);
    }
    assert!(over.partition.is_empty());
    let events = over.logs[&job_id(1)].len();
    send(&mut over, request("c", b"same"));
    assert_eq!(over.answers.last().unwrap().to, asker("c"));
    assert_eq!(over.answers.last().unwrap().answer.digest, stage.answers[0].answer.digest);
    assert_eq!(over.logs[&job_id(1)].len(), events, "nothing more is recorded");
    assert!(over.partition.is_empty(), "it is let go of again");
    assert_eq!(answered(&stage), [asker("a"), asker("b")]);
}

#[test]
fn another_request_with_the_same_id_is_refused_before_and_after_the_end() {
    let mut stage = Stage::new(1, 4);
    send(&mut stage, request("a", b"same"));
    let events = stage.logs[&job_id(1)].len();
    send(&mut stage, request("b", b"other"));
    assert_eq!(stage.logs[&job_id(1)].len(), events);
    finish(&mut stage);
    send(&mut stage, request("c", b"other"));
    assert_eq!(stage.refusals, [(asker("b"), "job_exists".to_owned()), (asker("c"), "job_exists".to_owned())]);
    assert_eq!(answered(&stage), [asker("a")]);
}

#[test]
fn repeated_requests_and_a_second_job_in_one_batch_each_get_their_own_answer() {
    let mut stage = Stage::new(1, 4);
    let one = |number, name: &str| {
        let ready = PlanReady { job: job_id(number), reply_to: Some(asker(name)), ..request("", b"same") };
        Message::PlanReady(Box::new(ready))
    };
    stage.turn(&[one(1, "a"), one(2, "b"), one(1, "c")]);
    finish(&mut stage);
    let mut pairs: Vec<_> = stage.answers.iter().map(|answered| (answered.answer.job, answered.to.clone())).collect();
    pairs.sort_by_key(|(job, to)| (*job, to.queue.clone()));
    assert_eq!(pairs, [(job_id(1), asker("a")), (job_id(1), asker("c")), (job_id(2), asker("b"))]);
}

#[test]
fn a_plan_without_tasks_is_complete_at_once() {
    let mut stage = Stage::new(1, 4);
    send(&mut stage, ready(job_id(1), Plan { name: "empty".into(), ..Plan::default() }));
    assert_eq!(stage.answers[0].answer.result, candor_proto::JobResult::Complete);
}

#[test]
fn a_job_that_nobody_asks_about_ends_without_an_answer() {
    let mut stage = Stage::new(1, 4);
    send(&mut stage, PlanReady { reply_to: None, ..request("", b"same") });
    finish(&mut stage);
    assert!(stage.answers.is_empty() && stage.live.is_empty() && stage.partition.is_empty());
    assert_eq!(stage.folded(job_id(1)).state(), JobState::Completed);
}

#[test]
fn a_refusal_is_recorded_told_and_told_again() {
    let mut stage = Stage::new(1, 4);
    let refused = |name: &str| PlanRefused {
        job: job_id(1),
        error: ErrorBody { code: "invalid".into(), message: "it is wrong".into(), advice: "mend it".into() },
        diagnostics: Vec::new(),
        submitted_at: START,
        request_digest: Sha256::of(b"same"),
        reply_to: Some(asker(name)),
        recorded_to: Some("planner".into()),
    };
    stage.turn(&[Message::PlanRefused(Box::new(refused("a")))]);
    assert_eq!(stage.logs[&job_id(1)].len(), 2);
    assert!(stage.live.is_empty() && stage.partition.is_empty());
    assert_eq!(stage.folded(job_id(1)).state(), JobState::Failed, "nobody waits for it");
    stage.turn(&[Message::PlanRefused(Box::new(refused("b")))]);
    assert_eq!(stage.refusals, [(asker("a"), "invalid".to_owned()), (asker("b"), "invalid".to_owned())]);
    assert_eq!(stage.recorded, ["planner", "planner"]);
    assert_eq!(stage.logs[&job_id(1)].len(), 2);
    assert!(stage.partition.is_empty());
}
