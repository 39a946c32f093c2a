//! Several assemblers over one broker and one store.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use candor_assembler::Config;
use candor_platform::{Store, runtime};
use candor_proto::message::{Directive, Holding};
use candor_proto::{AttemptId, DirectiveId, Message};
use uuid::Uuid;

use crate::order;
use crate::stage::{Life, Stage, pass, soon, until};
use crate::work::{Act, braid, job, plan, ready, single, well};

const PARTITIONS: u32 = 16;
/// How long shares may take to settle, in milliseconds.
const SETTLED_MS: u64 = 10_000;

fn sharing(instance: &str) -> Config {
    Config { instance: instance.to_owned(), workers_inside: false, sharing: true, ..Config::default() }
}

fn owned(life: &Life) -> BTreeSet<u32> {
    life.assembler.partitions_owned().borrow().clone()
}

/// Waits until these own everything between them, and each as many as one of these numbers.
async fn shared(lives: &[&Life], wanted: &[usize], within_ms: u64) {
    let fair = async {
        loop {
            let parts: Vec<BTreeSet<u32>> = lives.iter().map(|life| owned(life)).collect();
            let together: BTreeSet<u32> = parts.iter().flatten().copied().collect();
            let sum: usize = parts.iter().map(BTreeSet::len).sum();
            if together.len() == PARTITIONS as usize
                && sum == together.len()
                && parts.iter().all(|part| wanted.contains(&part.len()))
            {
                return;
            }
            runtime::sleep(1).await;
        }
    };
    let shares = || lives.iter().map(|life| owned(life)).collect::<Vec<_>>();
    assert!(runtime::timeout(within_ms, fair).await.is_some(), "{:?}", shares());
}

#[tokio::test(start_paused = true)]
async fn two_come_to_halves_a_third_to_its_share_and_then_nothing_moves() {
    let stage = Stage::with(PARTITIONS, &["default"]).await;
    let first = stage.life_with(sharing("first"));
    shared(&[&first], &[16], SETTLED_MS).await;
    let second = stage.life_with(sharing("second"));
    shared(&[&first, &second], &[8], SETTLED_MS).await;
    let third = stage.life_with(sharing("third"));
    shared(&[&first, &second, &third], &[4, 5, 6], SETTLED_MS).await;
    let lives = [first, second, third];
    let mut watched: Vec<_> = lives.iter().map(|life| life.assembler.partitions_owned()).collect();
    watched.iter_mut().for_each(|owned| drop(owned.borrow_and_update()));
    stage.worker("default", well).await;
    for number in 0..64 {
        stage.submit(ready(job(number), braid()));
    }
    for number in 0..64 {
        assert_eq!(stage.answer(job(number)).await["result"], "complete");
    }
    pass(60_000).await;
    assert!(watched.iter().all(|owned| !owned.has_changed().unwrap()), "shares that are fair stay");
    stage.quiet().await;
    order::check(&stage.diary.entries());
    for life in lives {
        life.assembler.drain().await;
    }
}

#[tokio::test(start_paused = true)]
async fn partitions_move_under_load_and_no_job_notices() {
    let stage = Stage::with(PARTITIONS, &["default"]).await;
    let first = stage.life_with(sharing("first"));
    stage.worker("default", well).await;
    for number in 0..100 {
        stage.submit(ready(job(number), braid()));
    }
    let second = stage.life_with(sharing("second"));
    let third = stage.life_with(sharing("third"));
    shared(&[&first, &second, &third], &[5, 6], SETTLED_MS).await;
    soon("draining", first.assembler.drain()).await;
    for number in 100..200 {
        stage.submit(ready(job(number), braid()));
    }
    for number in 0..200 {
        assert_eq!(stage.answer(job(number)).await["result"], "complete");
    }
    shared(&[&second, &third], &[8], SETTLED_MS).await;
    stage.quiet().await;
    order::check(&stage.diary.entries());
    second.assembler.drain().await;
    third.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_one_owned_is_taken_within_moments_and_its_timers_go_on() {
    let stage = Stage::with(PARTITIONS, &["default"]).await;
    let first = stage.life_with(sharing("first"));
    let second = stage.life_with(sharing("second"));
    let third = stage.life_with(sharing("third"));
    shared(&[&first, &second, &third], &[5, 6], SETTLED_MS).await;
    let quiet = (0..).map(job).find(|job| owned(&first).contains(&job.partition(PARTITIONS))).unwrap();
    let text = "
name: patient
tasks:
  - id: right
    run: echo right
    retry: { max_attempts: 2, delay: 30s, backoff: constant, on: [execution] }
";
    stage.worker("default", well).await;
    stage.submit(ready(quiet, plan(text)));
    stage.recorded(quiet).await;
    first.kill().await;
    let all = async {
        while owned(&second).len() + owned(&third).len() < PARTITIONS as usize {
            pass(1).await
        }
    };
    assert!(runtime::timeout(5_000, all).await.is_some(), "all of it has an owner again");
    assert_eq!(stage.answer(quiet).await["result"], "complete");
    shared(&[&second, &third], &[8], SETTLED_MS).await;
    second.assembler.drain().await;
    third.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_drains_says_so_and_the_others_count_without_it_at_once() {
    let stage = Stage::with(PARTITIONS, &["default"]).await;
    let first = stage.life_with(sharing("first"));
    let second = stage.life_with(sharing("second"));
    shared(&[&first, &second], &[8], SETTLED_MS).await;
    soon("draining", first.assembler.drain()).await;
    // Sooner than anybody is given up as silent.
    shared(&[&second], &[16], 2_000).await;
    second.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn shares_come_back_after_a_connection_broke() {
    let stage = Stage::with(PARTITIONS, &["default"]).await;
    let first = stage.life_with(sharing("first"));
    let second = stage.life_with(sharing("second"));
    shared(&[&first, &second], &[8], SETTLED_MS).await;
    for _ in 0..3 {
        first.break_off().await;
        until("it lost them", || owned(&first).is_empty()).await;
        shared(&[&first, &second], &[8], 3 * SETTLED_MS).await;
    }
    // Both hear each other again: a third one's share comes from both.
    let third = stage.life_with(sharing("third"));
    shared(&[&first, &second, &third], &[5, 6], SETTLED_MS).await;
    first.assembler.drain().await;
    second.assembler.drain().await;
    third.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_of_another_partition_goes_to_the_dead_letters_and_is_not_recorded() {
    let stage = Stage::with(4, &["default"]).await;
    let life = stage.life();
    stage.worker("default", |_| Act::Forget).await;
    let foreign = (0..).map(job).find(|job| job.partition(4) == 2).unwrap();
    let directive = Directive {
        id: DirectiveId::from_uuid(Uuid::from_u128(1)),
        job: foreign,
        order: candor_proto::message::Order::Cancel,
        by: None,
    };
    let queue = stage.routes.assembler(1);
    stage.put(&queue, Message::PlanReady(Box::new(ready(foreign, single())))).await;
    stage.put(&queue, Message::Directive(Box::new(directive))).await;
    let attempts = vec![(foreign, AttemptId::from_uuid(Uuid::from_u128(1)))];
    stage.put(&queue, Message::Holding(Holding { worker: "w1".into(), partition: 1, attempts })).await;
    until("all are dead letters", || stage.depth(&stage.routes.dead()).ready == 3).await;
    assert_eq!(life.assembler.counters().dead.load(Ordering::Relaxed), 3);
    for partition in 0..4 {
        assert!(stage.store.log(partition, foreign, 0, 1).await.unwrap().is_empty());
    }
    assert!(stage.replies(foreign).is_empty());
    // Where it belongs it is taken.
    stage.tell(Message::PlanReady(Box::new(ready(foreign, single())))).await;
    stage.recorded(foreign).await;
    life.assembler.drain().await;
}
