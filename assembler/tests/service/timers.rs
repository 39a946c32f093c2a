//! What is due without any message.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candor_assembler::Config;
use candor_platform::Store;
use candor_platform::store::{Append, JobLine};
use candor_proto::event::{Accepted, LOG_FORMAT};
use candor_proto::message::Holding;
use candor_proto::{AttemptId, Event, Job, Message, Node, OwnerId, Recorded, Sha256};
use uuid::Uuid;

use crate::stage::{START, Stage, pass, until};
use crate::work::{Act, done, job, plan, ready, single};

#[tokio::test(start_paused = true)]
async fn an_attempt_that_stays_silent_is_published_again_and_ever_more_rarely() {
    let stage = Stage::new().await;
    let life = stage.life();
    let copies = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (seen, clock) = (Arc::clone(&copies), Arc::clone(&stage.clock));
    stage
        .worker("default", move |assignment| {
            let mut seen = seen.lock().unwrap();
            seen.push((assignment.attempt, clock.now() - START));
            if seen.len() == 5 { Act::Report(done(assignment)) } else { Act::Forget }
        })
        .await;
    stage.submit(ready(job(1), single()));
    stage.answer(job(1)).await;
    let copies = copies.lock().unwrap().clone();
    assert!(copies.windows(2).all(|pair| pair[0].0 == pair[1].0), "the same attempt");
    let gaps: Vec<u64> = copies.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    assert!(gaps.windows(2).all(|pair| pair[1] > pair[0] * 3 / 2), "each lease is longer: {gaps:?}");
    stage.quiet().await;
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_says_it_holds_is_not_published_again() {
    let stage = Stage::new().await;
    let life = stage.life();
    let copies = Arc::new(AtomicUsize::new(0));
    let held = Arc::new(std::sync::Mutex::new(None));
    let (seen, kept) = (Arc::clone(&copies), Arc::clone(&held));
    stage
        .worker("default", move |assignment| {
            seen.fetch_add(1, Ordering::SeqCst);
            *kept.lock().unwrap() = Some(assignment.clone());
            Act::Hold
        })
        .await;
    stage.submit(ready(job(1), single()));
    until("it is out", || held.lock().unwrap().is_some()).await;
    let assignment = held.lock().unwrap().clone().unwrap();
    for _ in 0..60 {
        pass(5_000).await;
        let attempts = vec![(assignment.job, assignment.attempt)];
        let holding = Holding { worker: "worker".into(), partition: 0, attempts };
        stage.put(&stage.routes.assembler(0), Message::Holding(holding)).await;
    }
    assert_eq!(copies.load(Ordering::SeqCst), 1);
    stage.tell(Message::Report(Box::new(crate::work::report(&assignment, done(&assignment))))).await;
    stage.answer(job(1)).await;
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_without_length_keeps_nobody_busy() {
    let stage = Stage::new().await;
    let life = stage.life_with(Config { lease_ms: 0, ..Config::default() });
    let copies = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&copies);
    stage
        .worker("default", move |assignment| {
            let enough = seen.fetch_add(1, Ordering::SeqCst) == 5;
            if enough { Act::Report(done(assignment)) } else { Act::Forget }
        })
        .await;
    stage.submit(ready(job(1), single()));
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_this_build_cannot_hand_out_again_is_lost_and_another_takes_its_place() {
    let stage = Stage::new().await;
    let node = Node::task(0);
    let old = AttemptId::from_uuid(Uuid::from_u128(1));
    let ready = ready(job(1), single());
    let accepted = Accepted {
        format: LOG_FORMAT,
        plan: Arc::new(ready.plan.clone()),
        plan_hash: ready.plan_hash,
        inputs: ready.inputs.clone(),
        priority: ready.priority,
        tenant: None,
        submitted_at: START,
        request_digest: ready.request_digest,
        reply_to: ready.reply_to.clone(),
        parent: None,
    };
    let events = [
        Event::Accepted(Arc::new(accepted)),
        Event::Readied { task: 0 },
        // What another build made of the same plan.
        Event::Released { node, attempt: old, input_digest: Sha256::of(b"something else") },
        Event::Published { nodes: vec![node] },
    ];
    let events: Vec<Recorded> =
        events.into_iter().zip(1..).map(|(event, seq)| Recorded { seq, at: START, event }).collect();
    let mut folded = Job::new(job(1));
    events.iter().for_each(|recorded| folded.evolve(recorded));
    let line = JobLine {
        job: job(1),
        workflow: "single".into(),
        state: folded.state(),
        result: None,
        created_at: START,
        ended_at: None,
        total: 1,
        succeeded: 0,
        failed: 0,
        running: 1,
    };
    let epoch = stage.store.claim(0, OwnerId::from_uuid(Uuid::nil())).await.unwrap();
    let append = Append { job: job(1), expected_seq: 0, events, line, live: true };
    stage.store.append(0, epoch, vec![append]).await.unwrap();

    let life = stage.life();
    stage
        .worker("default", move |assignment| {
            assert_ne!(assignment.attempt, old);
            Act::Report(done(assignment))
        })
        .await;
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    stage.quiet().await;
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_ends_a_job_that_nobody_works_on() {
    let stage = Stage::new().await;
    let life = stage.life();
    let text = "name: short\nbudget: { wall_clock: 30s }\ntasks:\n  - id: only\n    run: echo never\n";
    stage.submit(ready(job(1), plan(text)));
    assert_eq!(stage.answer(job(1)).await["result"], "complete_with_gaps");
    assert!(stage.clock.now() >= START + 30_000);
    stage.quiet().await;
    let counters = life.assembler.counters();
    until("it is forgotten", || counters.jobs.load(Ordering::Relaxed) == 0).await;
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_assembler_is_idle() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", |_| Act::Hold).await;
    stage.submit(ready(job(1), single()));
    stage.recorded(job(1)).await;
    pass(10_000).await;
    let before = life.weather.calls();
    pass(900_000).await;
    let calls = life.weather.calls() - before;
    assert!(calls < 100, "{calls} calls to the world with nothing to do but a few leases");
    life.assembler.drain().await;
}
