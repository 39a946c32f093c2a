//! Many jobs at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use candor_assembler::Config;
use candor_proto::AttemptId;

use crate::order;
use crate::stage::{Stage, until};
use crate::work::{Act, braid, done, job, plan, ready, single, well};

#[tokio::test(start_paused = true)]
async fn a_thousand_jobs_at_once_are_all_answered() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", well).await;
    for number in 0..1_000 {
        stage.submit(ready(job(number), if number % 10 == 0 { braid() } else { single() }));
    }
    for number in 0..1_000 {
        assert_eq!(stage.answer(job(number)).await["result"], "complete");
        stage.recorded(job(number)).await;
    }
    stage.quiet().await;
    let counters = life.assembler.counters();
    until("all are forgotten", || counters.jobs.load(Ordering::Relaxed) == 0).await;
    assert_eq!(counters.unanswered.load(Ordering::Relaxed), 0);
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_jobs_survive_one_death_after_another() {
    let stage = Stage::new().await;
    stage.worker("default", well).await;
    for number in 0..300 {
        stage.submit(ready(job(number), braid()));
    }
    for death in 0..10 {
        let life = stage.life();
        until("some are answered", || {
            (0..300).filter(|number| !stage.replies(job(*number)).is_empty()).count() >= death * 25
        })
        .await;
        life.kill().await;
    }
    let life = stage.life();
    for number in 0..300 {
        assert_eq!(stage.answer(job(number)).await["result"], "complete");
    }
    stage.quiet().await;
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_attempts_are_out_than_the_window_allows() {
    let stage = Stage::new().await;
    let life = stage.life_with(Config { window: 7, ..Config::default() });
    let (out, most) = (Arc::new(Mutex::new(HashSet::<AttemptId>::new())), Arc::new(AtomicUsize::new(0)));
    let (held, peak) = (Arc::clone(&out), Arc::clone(&most));
    // The worker answers a copy only after six others came, so that the window fills.
    let queue = stage.routes.tasks("default");
    let hub = stage.hub.clone();
    stage
        .worker("default", move |assignment| {
            let depth = hub.depth(&queue).unwrap();
            peak.fetch_max(depth.ready + depth.unsettled, Ordering::SeqCst);
            held.lock().unwrap().insert(assignment.attempt);
            Act::Report(done(assignment))
        })
        .await;
    let items = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let text = format!("name: wide\ntasks:\n  - id: each\n    for_each: [{items}]\n    run: echo\n");
    for number in 0..5 {
        stage.submit(ready(job(number), plan(&text)));
    }
    for number in 0..5 {
        assert_eq!(stage.answer(job(number)).await["result"], "complete");
    }
    assert_eq!(out.lock().unwrap().len(), 500);
    let most = most.load(Ordering::SeqCst);
    assert!((2..=7).contains(&most), "{most} were out at once");
    stage.quiet().await;
    life.assembler.drain().await;
}
