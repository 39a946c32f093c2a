//! Partitions that change hands.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use candor_assembler::{Config, Error};
use candor_platform::{Error as PlatformError, Store};
use candor_proto::{Message, OwnerId};
use uuid::Uuid;

use crate::order;
use crate::stage::{Stage, soon, until};
use crate::weather::{Call, Hit};
use crate::work::{Act, braid, done, job, plan, ready, report, single, well};

#[tokio::test(start_paused = true)]
async fn whoever_lost_the_partition_publishes_nothing_more_and_gives_everything_back() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", |_| Act::Hold).await;
    stage.submit(ready(job(1), single()));
    stage.recorded(job(1)).await;
    until("it is out", || stage.depth(&stage.routes.tasks("default")).unsettled == 1).await;

    // Somebody else takes the epoch; the first one's next append is stale.
    let mut trouble = life.assembler.trouble();
    stage.store.claim(0, OwnerId::from_uuid(Uuid::from_u128(1))).await.unwrap();
    life.weather.decide(|call, _| match call {
        // It cannot own the partition again.
        Call::Consume => Hit::FailBefore(PlatformError::NoAnswer { ms: 1 }),
        _ => Hit::Pass,
    });
    stage.submit(ready(job(2), single()));
    soon("trouble", trouble.wait_for(Option::is_some)).await.unwrap();
    until("what it held is back", || {
        let depth = stage.depth(&stage.routes.assembler(0));
        depth.unsettled == 0 && depth.ready > 0 && depth.consumers == 0
    })
    .await;
    assert!(stage.store.log(0, job(2), 0, 1).await.unwrap().is_empty(), "nothing of it is recorded");
    assert!(stage.replies(job(2)).is_empty());
    assert_eq!(stage.diary.offered(life.number, "plan.recorded.v1"), 1, "only the first plan");
    assert_eq!(life.assembler.counters().jobs.load(Ordering::Relaxed), 0, "its memory is dropped");
    order::check(&stage.diary.entries());

    // Whoever owns it next finds everything.
    let second = stage.life();
    stage.recorded(job(2)).await;
    life.kill().await;
    second.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_fence_keeps_the_answer_back_and_the_next_owner_gives_it() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", well).await;
    let store = stage.store.clone();
    let mut appended = 0;
    life.weather.decide(move |call, _| {
        appended += usize::from(call == Call::Append);
        // After the append that ends the job, and before its fence, somebody else takes the partition.
        if call == Call::Fence && appended == 2 {
            appended += 1;
            let claimed = store.claim(0, OwnerId::from_uuid(Uuid::from_u128(1)));
            futures_util::FutureExt::now_or_never(claimed).unwrap().unwrap();
        }
        Hit::Pass
    });
    stage.submit(ready(job(1), single()));
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    stage.quiet().await;
    assert_eq!(stage.diary.offered(life.number, "job.answer.v1"), 1, "only after it owned the partition again");
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn two_assemblers_share_a_queue_and_the_second_takes_over_when_the_first_dies() {
    let stage = Stage::new().await;
    let first = stage.life();
    until("the first consumes", || stage.depth(&stage.routes.assembler(0)).consumers == 1).await;
    let second = stage.life();
    until("both consume", || stage.depth(&stage.routes.assembler(0)).consumers == 2).await;
    stage.submit(ready(job(1), braid()));
    stage.recorded(job(1)).await;
    assert_eq!(stage.diary.offered(second.number, "plan.recorded.v1"), 0, "the second only waits");
    first.kill().await;
    stage.worker("default", well).await;
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    stage.quiet().await;
    assert!(stage.diary.offered(second.number, "job.answer.v1") > 0);
    order::check(&stage.diary.entries());
    second.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_draining_assembler_hands_over_at_once_and_owes_nothing() {
    let stage = Stage::new().await;
    let first = stage.life();
    stage.worker("default", well).await;
    stage.submit(ready(job(1), braid()));
    stage.answer(job(1)).await;
    let second = stage.life();
    soon("draining", first.assembler.drain()).await;
    stage.submit(ready(job(2), braid()));
    stage.answer(job(2)).await;
    stage.quiet().await;
    assert_eq!(stage.replies(job(1)).len(), 1, "what was answered before is not answered again");
    assert_eq!(stage.replies(job(2)).len(), 1);
    second.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn the_confirm_of_an_answer_is_recorded_although_the_assembler_drains() {
    for _ in 0..20 {
        let stage = Stage::new().await;
        let life = stage.life();
        stage.worker("default", well).await;
        stage.submit(ready(job(1), single()));
        stage.answer(job(1)).await;
        // Asked to drain in the very moment in which the client has its answer.
        life.assembler.drain().await;
        assert!(stage.live(0).is_empty(), "the next owner need not answer again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_partition_with_only_a_timer_is_woken_by_a_knock() {
    let stage = Stage::new().await;
    let first = stage.life();
    let text = "
name: patient
tasks:
  - id: right
    run: echo right
    retry: { max_attempts: 2, delay: 60s, backoff: constant, on: [execution] }
";
    stage.worker("default", well).await;
    stage.submit(ready(job(1), plan(text)));
    stage.recorded(job(1)).await;
    until("it failed once", || stage.depth(&stage.routes.assembler(0)).ready == 0).await;
    first.kill().await;
    // Nobody sends anything any more but the second one's knock.
    let second = stage.life();
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    assert!(stage.clock.now() >= crate::stage::START + 60_000, "not before its time");
    stage.quiet().await;
    second.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_rolled_back_costs_work_but_no_job() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", |_| Act::Hold).await;
    stage.submit(ready(job(1), single()));
    stage.recorded(job(1)).await;
    let before = stage.store.state();
    until("it is out", || stage.depth(&stage.routes.tasks("default")).unsettled == 1).await;
    stage.submit(ready(job(2), single()));
    stage.recorded(job(2)).await;
    // The second job's log is lost with its "recorded"; its planner is gone. The first one's goes on.
    stage.store.roll_back(before);
    stage.worker("default", |assignment| Act::Report(done(assignment))).await;
    life.kill().await;
    let second = stage.life();
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    // A report from the abandoned time is not counted.
    second.assembler.drain().await;
    assert!(stage.replies(job(2)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_report_of_an_attempt_that_the_log_does_not_know_changes_nothing() {
    let stage = Stage::new().await;
    let life = stage.life();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    stage
        .worker("default", move |assignment| {
            kept.lock().unwrap().push(assignment.clone());
            Act::Hold
        })
        .await;
    stage.submit(ready(job(1), single()));
    until("it is out", || !seen.lock().unwrap().is_empty()).await;
    let assignment = seen.lock().unwrap()[0].clone();
    let mut stranger = assignment.clone();
    stranger.attempt = candor_proto::AttemptId::from_uuid(Uuid::from_u128(99));
    stage.tell(Message::Report(Box::new(report(&stranger, done(&stranger))))).await;
    let counters = life.assembler.counters();
    until("it is counted", || counters.illegal.load(Ordering::Relaxed) == 1).await;
    assert!(stage.replies(job(1)).is_empty());
    for _ in 0..2 {
        stage.tell(Message::Report(Box::new(report(&assignment, done(&assignment))))).await;
    }
    stage.answer(job(1)).await;
    until("the repeated one is counted", || {
        counters.known.load(Ordering::Relaxed) + counters.illegal.load(Ordering::Relaxed) == 2
    })
    .await;
    stage.quiet().await;
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn several_partitions_are_owned_side_by_side() {
    let stage = Stage::with(4, &["default"]).await;
    let life = stage.life_with(Config::default());
    stage.worker("default", well).await;
    for number in 0..40 {
        stage.submit(ready(job(number), single()));
    }
    for number in 0..40 {
        stage.answer(job(number)).await;
    }
    stage.quiet().await;
    assert_eq!(*life.assembler.trouble().borrow(), None::<Error>);
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}
