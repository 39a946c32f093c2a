//! A broker that does not take what it is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use candor_assembler::{Config, Error};
use candor_platform::broker::{Outgoing, Target};
use candor_platform::{Artifacts, Error as PlatformError};
use candor_proto::codec::{Encoding, encode};
use candor_proto::message::With;
use candor_proto::{Event, Message, Outcome};

use crate::order;
use crate::stage::{Stage, soon, until};
use crate::work::{Act, braid, client, done, job, plan, ready, single, well};

fn full() -> PlatformError {
    PlatformError::Full { queue: "a queue".into() }
}

fn is_work(outgoing: &Outgoing) -> bool {
    matches!(outgoing.message, Message::Assignment(_))
}

/// Refuses these messages the first `times`.
fn at_first(
    times: usize,
    error: PlatformError,
    of: impl Fn(&Outgoing) -> bool + Send,
) -> impl FnMut(&Outgoing) -> Option<PlatformError> + Send {
    let refused = AtomicUsize::new(0);
    move |outgoing| {
        let hit = of(outgoing) && refused.fetch_add(1, Ordering::SeqCst) < times;
        hit.then(|| error.clone())
    }
}

async fn carried_out_although(screen: impl FnMut(&Outgoing) -> Option<PlatformError> + Send + 'static) -> Stage {
    let stage = Stage::new().await;
    let life = stage.life_in(Config::default(), |weather| weather.screen(screen));
    stage.worker("default", well).await;
    stage.submit(ready(job(1), braid()));
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    stage.quiet().await;
    assert_eq!(life.assembler.counters().unanswered.load(Ordering::Relaxed), 0);
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
    stage
}

#[tokio::test(start_paused = true)]
async fn work_for_a_full_pool_is_offered_again_until_there_is_room() {
    carried_out_although(at_first(50, full(), is_work)).await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_a_full_queue_is_offered_again_for_a_while() {
    carried_out_although(at_first(3, full(), |outgoing| !is_work(outgoing))).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_answered_is_repeated() {
    let every_other = AtomicUsize::new(0);
    carried_out_although(move |outgoing| {
        let hit = !matches!(outgoing.message, Message::Knock(_))
            && every_other.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        hit.then_some(PlatformError::NoAnswer { ms: 1 })
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_nothing_for_long_is_said() {
    let stage = Stage::new().await;
    let stuck = Arc::new(AtomicBool::new(true));
    let is_stuck = Arc::clone(&stuck);
    let life = stage.life_in(Config::default(), |weather| {
        weather.screen(move |outgoing| (is_work(outgoing) && is_stuck.load(Ordering::SeqCst)).then(full));
    });
    let mut trouble = life.assembler.trouble();
    stage.worker("default", well).await;
    stage.submit(ready(job(1), single()));
    let said = soon("trouble", trouble.wait_for(Option::is_some)).await.unwrap().clone();
    assert_eq!(said, Some(Error::Platform(full())));
    stuck.store(false, Ordering::SeqCst);
    stage.answer(job(1)).await;
    soon("no trouble", trouble.wait_for(Option::is_none)).await.unwrap();
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_nothing_does_not_keep_the_assembler_from_draining() {
    let stage = Stage::new().await;
    let life = stage.life_in(Config::default(), |weather| {
        weather.screen(|outgoing| is_work(outgoing).then(full));
    });
    stage.worker("default", well).await;
    for number in 0..200 {
        stage.submit(ready(job(number), single()));
    }
    until("something is decided", || stage.live(0).len() > 10).await;
    soon("draining", life.assembler.drain()).await;
    until("what it held is back", || stage.depth(&stage.routes.assembler(0)).unsettled == 0).await;
    let second = stage.life();
    for number in 0..200 {
        stage.answer(job(number)).await;
    }
    second.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn the_queue_of_a_pool_is_declared_when_it_is_needed() {
    let stage = Stage::new().await;
    let life = stage.life();
    let text = "name: far\ntasks:\n  - id: only\n    run: echo far\n    pool: gpu\n";
    stage.submit(ready(job(1), plan(text)));
    let queue = stage.routes.tasks("gpu");
    until("the queue is there", || stage.hub.depth(&queue).is_some_and(|depth| depth.ready == 1)).await;
    stage.worker("gpu", well).await;
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    stage.quiet().await;
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_whose_name_looks_like_a_queue_is_declared_too() {
    let stage = Stage::new().await;
    let life = stage.life();
    let mut odd = single();
    odd.tasks[0].pool = Some("a.tasks.b".into());
    stage.submit(ready(job(1), odd));
    let queue = stage.routes.tasks("a.tasks.b");
    until("the queue is there", || stage.hub.depth(&queue).is_some_and(|depth| depth.ready == 1)).await;
    stage.worker("a.tasks.b", well).await;
    stage.answer(job(1)).await;
    stage.quiet().await;
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_nobody_takes_is_counted_and_the_job_is_over() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", well).await;
    let mut request = ready(job(1), single());
    request.reply_to = Some(client("nobody"));
    stage.submit(request);
    stage.recorded(job(1)).await;
    let counters = life.assembler.counters();
    until("it is counted", || counters.unanswered.load(Ordering::Relaxed) == 1).await;
    stage.quiet().await;
    assert_eq!(stage.diary.offered(life.number, "job.answer.v1"), 1, "it is not repeated");
    until("it is forgotten", || counters.jobs.load(Ordering::Relaxed) == 0).await;
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_queue_stays_full_keeps_nobody_elses_answer_back() {
    let stage = Stage::new().await;
    let life = stage.life_in(Config::default(), |weather| {
        weather.screen(|outgoing| (outgoing.target == Target::Queue("stuffed".into())).then(full));
    });
    stage.worker("default", well).await;
    let mut request = ready(job(1), single());
    request.reply_to = Some(client("stuffed"));
    stage.submit(request);
    stage.submit(ready(job(2), single()));
    assert_eq!(stage.answer(job(2)).await["result"], "complete");
    let counters = life.assembler.counters();
    until("it is counted", || counters.unanswered.load(Ordering::Relaxed) == 1).await;
    stage.quiet().await;
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}

/// A broker of bytes takes no message over the limit.
fn too_large(outgoing: &Outgoing) -> Option<PlatformError> {
    encode(&outgoing.message, Encoding::MessagePack).err().map(PlatformError::Message)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_no_message_holds_is_replaced_by_a_word_about_it() {
    let stage = Stage::new().await;
    let life = stage.life_in(Config::default(), |weather| weather.screen(too_large));
    stage
        .worker("default", |assignment| {
            let Outcome::Done { mut outputs, evidence } = done(assignment) else { unreachable!() };
            outputs.insert("stdout".into(), "long ".repeat(10_000).into());
            Act::Report(Outcome::Done { outputs, evidence })
        })
        .await;
    let text = format!(
        "name: large\ntasks:\n  - id: each\n    for_each: [{}]\n    run: echo\n",
        (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
    );
    stage.submit(ready(job(1), plan(&text)));
    let Message::Refusal(refusal) = stage.reply(job(1)).await else { panic!("it says why") };
    assert_eq!((refusal.error.code.as_str(), refusal.job), ("answer_too_large", Some(job(1))));
    stage.quiet().await;
    assert_eq!(*life.assembler.trouble().borrow(), None);
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn an_assignment_that_no_message_holds_fails_its_attempt_and_nothing_else() {
    let stage = Stage::new().await;
    let life = stage.life_in(Config::default(), |weather| weather.screen(too_large));
    stage.worker("default", well).await;
    let mut large = single();
    large.tasks[0].env.insert("LONG".into(), "x".repeat(2 * 1024 * 1024));
    stage.submit(ready(job(1), large));
    stage.submit(ready(job(2), braid()));
    assert_eq!(stage.answer(job(1)).await["result"], "failed");
    assert_eq!(stage.answer(job(2)).await["result"], "complete");
    stage.quiet().await;
    let log = candor_platform::Store::log(&stage.store, 0, job(1), 0, 100).await.unwrap();
    let error = log.iter().find_map(|recorded| match &recorded.event {
        Event::Failed(failure) => Some(failure.error.code.clone()),
        _ => None,
    });
    assert_eq!(error.as_deref(), Some("assignment_too_large"));
    assert_eq!(*life.assembler.trouble().borrow(), None);
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn large_parameters_travel_by_reference_and_can_be_read() {
    let stage = Stage::new().await;
    let life = stage.life();
    let (artifacts, stored) = (stage.artifacts.clone(), Arc::new(std::sync::Mutex::new(None)));
    let seen = Arc::clone(&stored);
    stage
        .worker("default", move |assignment| {
            *seen.lock().unwrap() = Some(assignment.with.clone());
            Act::Report(done(assignment))
        })
        .await;
    let mut large = single();
    let long = "ä ".repeat(200 * 1024);
    large.tasks[0].with["text"] = long.clone().into();
    stage.submit(ready(job(1), large));
    stage.answer(job(1)).await;
    let Some(With::Stored(file)) = stored.lock().unwrap().clone() else { panic!("it is stored") };
    let bytes = artifacts.get(file.sha256, u64::MAX).await.unwrap();
    assert_eq!(bytes.len() as u64, file.bytes);
    let with: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(with["text"], long.as_str());
    stage.quiet().await;
    life.assembler.drain().await;
}
