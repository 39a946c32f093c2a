//! A store that fails: what passes is waited for, what does not is said, and both end when the store works again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candor_assembler::{Config, Error};
use candor_platform::{Error as PlatformError, runtime};

use crate::order;
use crate::stage::{Stage, pass, soon, until};
use crate::weather::{Call, Hit};
use crate::work::{braid, job, ready, single, well};

fn disk() -> PlatformError {
    PlatformError::Io { what: "writing state.redb".into(), reason: "no space left on device".into() }
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_waited_for() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", well).await;
    for round in 0..5 {
        stage.store.fail(Some(PlatformError::NoAnswer { ms: 1_000 }));
        stage.submit(ready(job(round), braid()));
        let mut trouble = life.assembler.trouble();
        let said = soon("trouble", trouble.wait_for(Option::is_some)).await.unwrap().clone().unwrap();
        assert!(said.worth_waiting(), "{said}");
        stage.store.fail(None);
        assert_eq!(stage.answer(job(round)).await["result"], "complete");
        soon("no trouble", trouble.wait_for(Option::is_none)).await.unwrap();
    }
    stage.quiet().await;
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_said_and_over_once_it_is_mended() {
    let stage = Stage::new().await;
    let life = stage.life();
    let mut trouble = life.assembler.trouble();
    stage.worker("default", well).await;
    stage.store.fail(Some(disk()));
    stage.submit(ready(job(1), single()));
    let said = soon("trouble", trouble.wait_for(Option::is_some)).await.unwrap().clone().unwrap();
    assert_eq!(said, Error::Platform(disk()));
    assert!(!said.worth_waiting());
    stage.store.fail(None);
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    soon("no trouble", trouble.wait_for(Option::is_none)).await.unwrap();
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn the_trouble_of_a_quiet_partition_is_over_without_any_message() {
    let stage = Stage::new().await;
    stage.store.fail(Some(disk()));
    let life = stage.life();
    let mut trouble = life.assembler.trouble();
    soon("trouble", trouble.wait_for(Option::is_some)).await.unwrap();
    stage.store.fail(None);
    soon("no trouble", trouble.wait_for(Option::is_none)).await.unwrap();
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn the_trouble_of_one_partition_is_not_hidden_by_another_that_is_well() {
    let stage = Stage::with(2, &["default"]).await;
    let life = stage.life_in(Config::default(), |weather| {
        let claims = AtomicUsize::new(0);
        weather.decide(move |call, _| {
            let first = call == Call::Claim && claims.fetch_add(1, Ordering::SeqCst) == 0;
            if first { Hit::FailBefore(disk()) } else { Hit::Pass }
        });
    });
    let mut trouble = life.assembler.trouble();
    soon("trouble", trouble.wait_for(Option::is_some)).await.unwrap();
    stage.worker("default", well).await;
    for number in 0..10 {
        stage.submit(ready(job(number), single()));
    }
    for number in 0..10 {
        stage.answer(job(number)).await;
    }
    soon("no trouble", trouble.wait_for(Option::is_none)).await.unwrap();
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_defect_is_said_and_the_partition_goes_on() {
    let stage = Stage::new().await;
    let life = stage.life();
    let mut trouble = life.assembler.trouble();
    stage.worker("default", well).await;
    let broken = Arc::new(AtomicUsize::new(3));
    let left = Arc::clone(&broken);
    life.weather.decide(move |call, _| {
        let hit = call == Call::Append
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if hit { Hit::Panic } else { Hit::Pass }
    });
    stage.submit(ready(job(1), braid()));
    let said = soon("trouble", trouble.wait_for(Option::is_some)).await.unwrap().clone().unwrap();
    assert_eq!(said, Error::Panicked { partition: 0 });
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    soon("no trouble", trouble.wait_for(Option::is_none)).await.unwrap();
    stage.quiet().await;
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn the_cause_is_said_although_the_publisher_met_it() {
    let stage = Stage::new().await;
    let life = stage.life();
    let mut trouble = life.assembler.trouble();
    life.weather.decide(|call, _| if call == Call::Fence { Hit::FailBefore(disk()) } else { Hit::Pass });
    for number in 0..20 {
        stage.submit(ready(job(number), single()));
    }
    for _ in 0..20 {
        let said = soon("trouble", trouble.wait_for(Option::is_some)).await.unwrap().clone();
        assert_eq!(said, Some(Error::Platform(disk())));
        runtime::yield_now().await;
    }
    life.kill().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_long_good_time_a_partition_is_taken_again_at_once() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", well).await;
    // Enough losses in a row that the pause is the longest.
    stage.store.fail(Some(PlatformError::NoAnswer { ms: 1 }));
    stage.submit(ready(job(0), single()));
    pass(60_000).await;
    stage.store.fail(None);
    stage.answer(job(0)).await;
    // A long good time; then a loss that is over at once.
    pass(60_000).await;
    let once = AtomicUsize::new(0);
    life.weather.decide(move |call, _| {
        let first = call == Call::Append && once.fetch_add(1, Ordering::SeqCst) == 0;
        if first { Hit::FailBefore(PlatformError::NoAnswer { ms: 1 }) } else { Hit::Pass }
    });
    let before = stage.clock.now();
    stage.submit(ready(job(1), single()));
    stage.answer(job(1)).await;
    let paused_ms = stage.clock.now() - before;
    assert!(paused_ms < 1_000, "the pause is the first one again, in a time that only moves by pauses: {paused_ms} ms");
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_does_not_keep_the_assembler_from_draining() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", well).await;
    life.weather.decide(|call, _| if call == Call::Append { Hit::DieBefore } else { Hit::Pass });
    stage.submit(ready(job(1), single()));
    life.weather.dead().await;
    soon("draining", life.assembler.drain()).await;
    until("what it held is back", || stage.depth(&stage.routes.assembler(0)).unsettled == 0).await;
    let second = stage.life();
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    second.assembler.drain().await;
}
