//! What a person decides, from the queue to the reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candor_assembler::Config;
use candor_platform::broker::Properties;
use candor_platform::{Error as PlatformError, Store};
use candor_proto::message::{Directive, DirectiveReply, Order, Verdict};
use candor_proto::{DirectiveId, ErrorClass, JobId, JobResult, Message, Outcome, TaskError};
use uuid::Uuid;

use crate::order;
use crate::stage::{Stage, until};
use crate::weather::{Call, Hit};
use crate::work::{Act, braid, done, job, ready, single, well};

fn cancel(number: u128, job: JobId) -> Directive {
    Directive { id: DirectiveId::from_uuid(Uuid::from_u128(number)), job, order: Order::Cancel, by: None }
}

fn wants(reply_to: &str) -> Properties {
    Properties {
        reply_to: Some(reply_to.to_owned()),
        correlation_id: Some("mine".into()),
        content_type: Some("application/json".into()),
        ..Properties::default()
    }
}

fn verdicts(stage: &Stage, job: JobId) -> Vec<Verdict> {
    let verdict = |message| match message {
        Message::DirectiveReply(DirectiveReply { verdict, .. }) => Some(verdict),
        _ => None,
    };
    stage.replies(job).into_iter().filter_map(verdict).collect()
}

#[tokio::test(start_paused = true)]
async fn a_running_job_is_cancelled_its_workers_are_told_and_everybody_is_answered() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", |_| Act::Hold).await;
    let mut revoked = stage.control("candor.worker.w1").await;
    stage.submit(ready(job(1), braid()));
    until("it is out", || stage.depth(&stage.routes.tasks("default")).unsettled == 2).await;
    stage.direct(cancel(1, job(1)), wants("client")).await;
    assert_eq!(revoked.recv().await, Some(job(1)));
    until("both are answered", || stage.replies(job(1)).len() == 2).await;
    let replies = stage.replies(job(1));
    let answers: Vec<_> = replies.iter().filter(|reply| matches!(reply, Message::Answer(_))).cloned().collect();
    assert_eq!(crate::stage::answer_of(answers[0].clone())["result"], "cancelled");
    assert_eq!(verdicts(&stage, job(1)), [Verdict::Done]);
    stage.quiet().await;
    order::check(&stage.diary.entries());

    // Its log is loaded once more for whoever comes too late, or again.
    stage.direct(cancel(1, job(1)), wants("client")).await;
    stage.direct(cancel(2, job(1)), wants("client")).await;
    until("both are answered", || verdicts(&stage, job(1)).len() == 3).await;
    let refused = Verdict::Refused { reason: "the job has ended".into() };
    assert_eq!(verdicts(&stage, job(1))[1..], [Verdict::AlreadyKnown, refused]);
    stage.quiet().await;
    assert_eq!(life.assembler.counters().jobs.load(Ordering::Relaxed), 0);
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_waits_until_its_append_can_no_longer_be_rolled_back() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", |_| Act::Hold).await;
    stage.submit(ready(job(1), single()));
    stage.recorded(job(1)).await;
    // As long as the fence does not hold, nothing is said.
    let mut fences = 0;
    life.weather.decide(move |call, _| {
        fences += usize::from(call == Call::Fence);
        let shaky = call == Call::Fence && fences < 5;
        if shaky { Hit::FailBefore(PlatformError::NoAnswer { ms: 1 }) } else { Hit::Pass }
    });
    stage.direct(cancel(1, job(1)), wants("client")).await;
    until("it is answered", || !verdicts(&stage, job(1)).is_empty()).await;
    stage.quiet().await;
    // It was recorded before the first fence failed, so the repetition finds it.
    assert_eq!(verdicts(&stage, job(1)), [Verdict::AlreadyKnown]);
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_before_its_plan_survives_the_assembler() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", well).await;
    stage.direct(cancel(1, job(1)), wants("client")).await;
    until("it is answered", || verdicts(&stage, job(1)) == [Verdict::Done]).await;
    life.kill().await;
    let second = stage.life_with(Config::default());
    stage.submit(ready(job(1), single()));
    stage.recorded(job(1)).await;
    until("the answer is there", || stage.replies(job(1)).len() == 2).await;
    assert_eq!(crate::stage::answer_of(stage.replies(job(1))[1].clone())["result"], "cancelled");
    assert_eq!(stage.diary.offered(second.number, "task.assignment.v1"), 0);
    stage.quiet().await;
    second.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_a_reply_written_into_a_queue_of_ours() {
    let stage = Stage::new().await;
    let life = stage.life();
    let dead = stage.routes.dead();
    stage.direct(cancel(1, job(1)), wants(&dead)).await;
    let counters = life.assembler.counters();
    until("it is counted", || counters.unanswered.load(Ordering::Relaxed) == 1).await;
    until("it is kept all the same", || !stage.live(0).is_empty()).await;
    assert_eq!(stage.depth(&dead).ready, 0);
    life.assembler.drain().await;
}

fn rerun(number: u128, job: JobId, parent: JobId) -> Directive {
    let order = Order::Rerun { parent, from: None, failed: true };
    Directive { order, ..cancel(number, job) }
}

#[tokio::test(start_paused = true)]
async fn a_job_of_another_partition_is_done_again() {
    let stage = Stage::with(4, &["default"]).await;
    let life = stage.life();
    let broken = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&broken);
    stage
        .worker("default", move |assignment| {
            if assignment.task == "right" && still.load(Ordering::Relaxed) {
                let error = TaskError::new(ErrorClass::Validation, "input", "the input is wrong");
                return Act::Report(Outcome::Fail { error });
            }
            Act::Report(done(assignment))
        })
        .await;
    stage.submit(ready(job(1), braid()));
    assert_eq!(stage.answer(job(1)).await["result"], "failed");
    stage.quiet().await;

    broken.store(false, Ordering::Relaxed);
    let assigned = stage.diary.offered(life.number, "task.assignment.v1");
    let again = (2..).map(job).find(|other| other.partition(4) != job(1).partition(4)).unwrap();
    stage.direct(rerun(1, again, job(1)), wants("client")).await;
    until("it is answered", || verdicts(&stage, again) == [Verdict::Done]).await;
    stage.quiet().await;
    let line = stage.store.line(again.partition(4), again).await.unwrap().unwrap();
    assert_eq!((line.result, line.succeeded), (Some(JobResult::Complete), 4));
    assert_eq!(stage.diary.offered(life.number, "task.assignment.v1") - assigned, 2, "`right` and `end`");

    // The same again, and what does not fit.
    stage.direct(rerun(1, again, job(1)), wants("client")).await;
    stage.direct(rerun(2, again, job(1)), wants("client")).await;
    until("all are answered", || verdicts(&stage, again).len() == 3).await;
    let refused = Verdict::Refused { reason: "there is already another job with this id".into() };
    assert_eq!(verdicts(&stage, again)[1..], [Verdict::AlreadyKnown, refused]);
    let (nobody, other) = (job(1_000), job(1_001));
    stage.direct(rerun(3, other, nobody), wants("client")).await;
    until("it is answered", || verdicts(&stage, other).len() == 1).await;
    assert_eq!(verdicts(&stage, other), [Verdict::Refused { reason: format!("there is no job {nobody}") }]);
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}
