//! The power fails, or a call goes wrong, at every single call of an assembler to the world.

use std::collections::BTreeMap;

use candor_assembler::Config;
use candor_platform::{Error, Store};
use candor_proto::{Event, Message, Node, Recorded};

use crate::order;
use crate::stage::{Life, Stage, answer_of, soon};
use crate::weather::{Call, Hit};
use crate::work::{braid, job, ready, well};

/// What befalls one call, by its number.
type Blow = Option<(usize, Hit)>;

/// Carries a job out with one blow; the digest of its answer, and the calls that were made in the first life.
async fn carry_out(blow: Blow, workers_inside: bool) -> (String, Vec<Call>) {
    let stage = Stage::new().await;
    let config = Config { workers_inside, ..Config::default() };
    let calls = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&calls);
    let mut life = stage.life_in(config.clone(), |weather| {
        weather.decide(move |call, number| {
            noted.lock().unwrap().push(call);
            match &blow {
                Some((struck, hit)) if *struck == number => hit.clone(),
                Some(_) | None => Hit::Pass,
            }
        });
    });
    stage.worker("default", well).await;
    stage.submit(ready(job(1), braid()));
    let finished = async {
        stage.answer(job(1)).await;
        stage.recorded(job(1)).await;
        stage.quiet().await;
    };
    let died = {
        candor_platform::runtime::select! {
            () = finished => false,
            () = life.weather.dead() => true,
        }
    };
    if died {
        life.kill().await;
        life = stage.life_with(config);
        stage.answer(job(1)).await;
        stage.recorded(job(1)).await;
        stage.quiet().await;
    }
    let digest = ends_well(&stage, life).await;
    let calls = calls.lock().unwrap().clone();
    (digest, calls)
}

/// What must hold at the end, however it was reached; the digest of the answer.
async fn ends_well(stage: &Stage, life: Life) -> String {
    let counters = life.assembler.counters();
    soon("draining", life.assembler.drain()).await;
    assert_eq!(counters.jobs.load(std::sync::atomic::Ordering::Relaxed), 0, "nothing stays in memory");
    order::check(&stage.diary.entries());
    let log = stage.store.log(0, job(1), 0, usize::MAX).await.unwrap();
    once(&log);
    let answers = stage.replies(job(1)).into_iter().map(answer_of);
    let mut digests: Vec<String> = answers.map(|answer| answer["digest"].as_str().unwrap().to_owned()).collect();
    digests.dedup();
    assert_eq!(digests.len(), 1, "one answer, however often");
    let dead = stage.depth(&stage.routes.dead());
    assert_eq!(dead.ready, 0, "nobody met a message that nobody can read");
    digests.remove(0)
}

/// Asserts that every node's outcome is recorded once, and that the job ended once and was answered.
fn once(log: &[Recorded]) {
    let mut outcomes: BTreeMap<Node, u32> = BTreeMap::new();
    for recorded in log {
        match &recorded.event {
            Event::Succeeded(success) => *outcomes.entry(success.node).or_default() += 1,
            Event::Failed(failure) if failure.retry_at.is_none() => *outcomes.entry(failure.node).or_default() += 1,
            _ => {}
        }
    }
    assert!(outcomes.values().all(|count| *count == 1), "an outcome is recorded once: {outcomes:?}");
    let count = |wanted: fn(&Event) -> bool| log.iter().filter(|recorded| wanted(&recorded.event)).count();
    assert_eq!(count(|event| matches!(event, Event::Accepted(_))), 1);
    assert_eq!(count(|event| matches!(event, Event::Ended { .. })), 1);
    assert_eq!(count(|event| matches!(event, Event::Answered)), 1);
}

/// Strikes every call in turn and asserts that the job comes to the same end.
async fn strike_everywhere(hit: Hit, workers_inside: bool) {
    let (digest, calls) = carry_out(None, workers_inside).await;
    for call in
        [Call::Consume, Call::Claim, Call::Live, Call::Log, Call::Append, Call::Fence, Call::Publish, Call::Settle]
    {
        assert!(calls.contains(&call), "{call:?} is among the calls");
    }
    for (number, call) in calls.iter().enumerate() {
        let (struck, _) = carry_out(Some((number, hit.clone())), workers_inside).await;
        assert_eq!(struck, digest, "{hit:?} at call {number}, {call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_power_may_fail_before_any_call() {
    strike_everywhere(Hit::DieBefore, false).await;
    strike_everywhere(Hit::DieBefore, true).await;
}

#[tokio::test(start_paused = true)]
async fn the_power_may_fail_after_any_call() {
    strike_everywhere(Hit::DieAfter, false).await;
    strike_everywhere(Hit::DieAfter, true).await;
}

#[tokio::test(start_paused = true)]
async fn any_call_may_go_without_an_answer_whether_it_happened_or_not() {
    strike_everywhere(Hit::FailBefore(Error::NoAnswer { ms: 1 }), true).await;
    strike_everywhere(Hit::FailAfter(Error::NoAnswer { ms: 1 }), true).await;
}

#[tokio::test(start_paused = true)]
async fn any_call_may_find_the_connection_closed() {
    strike_everywhere(Hit::FailBefore(Error::Closed { what: "the connection".into() }), true).await;
}

#[tokio::test(start_paused = true)]
async fn a_defect_at_any_call_ends_nothing_for_ever() {
    strike_everywhere(Hit::Panic, true).await;
}

#[tokio::test(start_paused = true)]
async fn two_blows_in_a_row_are_survived_too() {
    let (digest, calls) = carry_out(None, false).await;
    for first in (0..calls.len()).step_by(3) {
        let stage = Stage::new().await;
        stage.worker("default", well).await;
        stage.submit(ready(job(1), braid()));
        for strike in [first, 2, 5] {
            let life = stage.life_in(Config { workers_inside: false, ..Config::default() }, |weather| {
                weather.decide(move |_, number| if number == strike { Hit::DieAfter } else { Hit::Pass });
            });
            let over = candor_platform::runtime::timeout(60_000, life.weather.dead()).await;
            assert!(over.is_some() || stage.is_quiet(), "it dies, or there was nothing left to do");
            life.kill().await;
        }
        let life = stage.life();
        assert!(matches!(stage.reply(job(1)).await, Message::Answer(_)));
        stage.recorded(job(1)).await;
        stage.quiet().await;
        assert_eq!(ends_well(&stage, life).await, digest, "first blow at {first}");
    }
}
