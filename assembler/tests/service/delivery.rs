//! What comes in, and what becomes of it.

use std::sync::atomic::Ordering;

use candor_platform::Store;
use candor_proto::message::{ErrorBody, PlanRefused};
use candor_proto::{Message, Sha256};

use crate::order;
use crate::stage::{START, Stage, until};
use crate::work::{braid, client, job, ready, single, well};

fn refused(number: u64) -> PlanRefused {
    PlanRefused {
        job: job(number),
        error: ErrorBody { code: "invalid_workflow".into(), message: "it has an error".into(), advice: String::new() },
        diagnostics: Vec::new(),
        submitted_at: START,
        request_digest: Sha256::of(b"a request"),
        reply_to: Some(client("client")),
        recorded_to: Some("planner".into()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_recorded_answered_and_forgotten() {
    let stage = Stage::new().await;
    let life = stage.life();
    for _ in 0..2 {
        stage.tell(Message::PlanRefused(Box::new(refused(1)))).await;
    }
    stage.recorded(job(1)).await;
    until("both are answered", || stage.replies(job(1)).len() == 2).await;
    for reply in stage.replies(job(1)) {
        let Message::Refusal(refusal) = reply else { panic!("a refusal") };
        assert_eq!(refusal.error.code, "invalid_workflow");
    }
    stage.quiet().await;
    assert_eq!(life.assembler.counters().jobs.load(Ordering::Relaxed), 0);
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_repeated_plan_of_a_job_that_is_over_gets_its_answer_from_the_store() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", well).await;
    stage.submit(ready(job(1), braid()));
    let first = stage.answer(job(1)).await;
    stage.quiet().await;
    let counters = life.assembler.counters();
    until("it is forgotten", || counters.jobs.load(Ordering::Relaxed) == 0).await;
    let events = stage.store.log(0, job(1), 0, usize::MAX).await.unwrap().len();

    stage.tell(Message::PlanReady(Box::new(ready(job(1), braid())))).await;
    until("it is answered again", || stage.replies(job(1)).len() == 2).await;
    let Message::Answer(second) = stage.replies(job(1)).remove(1) else { panic!("an answer") };
    assert_eq!(second.answer, first);

    let mut other = ready(job(1), single());
    other.reply_to = Some(client("client"));
    stage.tell(Message::PlanReady(Box::new(other))).await;
    until("another request is refused", || stage.replies(job(1)).len() == 3).await;
    let Message::Refusal(refusal) = stage.replies(job(1)).remove(2) else { panic!("a refusal") };
    assert_eq!(refusal.error.code, "job_exists");

    stage.quiet().await;
    until("it is forgotten again", || counters.jobs.load(Ordering::Relaxed) == 0).await;
    assert_eq!(stage.store.log(0, job(1), 0, usize::MAX).await.unwrap().len(), events, "its log is as it was");
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_the_answer_of_a_running_job_gets_it_too() {
    let stage = Stage::new().await;
    stage.listen("second").await;
    let life = stage.life();
    stage.submit(ready(job(1), single()));
    stage.recorded(job(1)).await;
    let mut again = ready(job(1), single());
    again.reply_to = Some(client("second"));
    stage.tell(Message::PlanReady(Box::new(again))).await;
    stage.worker("default", well).await;
    until("both are answered", || stage.replies(job(1)).len() == 2).await;
    stage.quiet().await;
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_read_is_put_with_the_dead_letters_and_holds_nothing_up() {
    let stage = Stage::new().await;
    let life = stage.life_in(candor_assembler::Config::default(), |weather| {
        weather.garble(|message| matches!(message, Message::Finding(_)));
    });
    stage.worker("default", well).await;
    let finding = candor_proto::message::Finding {
        job: job(1),
        node: candor_proto::Node::task(0),
        attempt: candor_proto::AttemptId::from_uuid(uuid::Uuid::nil()),
        outputs: None,
        evidence: Vec::new(),
    };
    stage.tell(Message::Finding(Box::new(finding))).await;
    stage.submit(ready(job(1), single()));
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    assert_eq!(stage.depth(&stage.routes.dead()).ready, 1);
    assert_eq!(life.assembler.counters().dead.load(Ordering::Relaxed), 1);
    stage.quiet().await;
    life.assembler.drain().await;
}
