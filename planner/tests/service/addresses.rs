//! Who is answered, and where.

use std::sync::atomic::Ordering;

use candor_platform::Error;
use candor_proto::message::Knock;
use candor_proto::{Message, OwnerId};
use uuid::Uuid;

use crate::stage::{Stage, UNREADABLE, is_silent, next, properties, request, until};

fn unreadable() -> candor_proto::message::JobRequest {
    candor_proto::message::JobRequest { source_name: Some(UNREADABLE.into()), ..request("one") }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_refused_in_the_senders_encoding() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut client = stage.mailbox("client").await;
    for (sent, wanted) in [
        (Some("application/json"), "application/json"),
        (Some("Application/JSON; charset=utf-8"), "application/json"),
        (Some("application/msgpack"), "application/msgpack"),
        (None, "application/msgpack"),
    ] {
        stage.submit(unreadable(), properties(Some("client"), sent)).await;
        let (message, properties) = next(&mut *client).await;
        let Message::Refusal(refusal) = message else { panic!("a refusal") };
        assert_eq!(refusal.error.code, "unreadable");
        assert!(refusal.error.message.contains(UNREADABLE));
        assert_eq!(refusal.job, None);
        assert_eq!(properties.content_type.as_deref(), Some(wanted));
        assert_eq!(properties.correlation_id.as_deref(), Some("mine"));
    }
    stage.served().await;
    assert_eq!(stage.dead(), 0);
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_and_names_nobody_is_a_dead_letter() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    stage.submit(unreadable(), properties(None, None)).await;
    let knock = Knock { owner: OwnerId::from_uuid(Uuid::nil()), partition: 0 };
    stage.put(&stage.routes.jobs(), Message::Knock(knock), properties(None, None)).await;
    stage.served().await;
    assert_eq!(stage.dead(), 2);
    assert_eq!(planner.counters().dead.load(Ordering::Relaxed), 2);
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_without_any_id_is_refused_or_a_dead_letter_and_never_a_job() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut client = stage.mailbox("client").await;
    let nameless = candor_proto::message::JobRequest { idempotency_key: None, ..request("one") };
    stage.submit(nameless.clone(), properties(Some("client"), None)).await;
    let (Message::Refusal(refusal), _) = next(&mut *client).await else { panic!("a refusal") };
    assert_eq!(refusal.error.code, "no_job_id");
    stage.submit(nameless, properties(None, None)).await;
    stage.served().await;
    assert_eq!(stage.dead(), 1);
    assert_eq!(stage.hub.depth(&stage.routes.assembler(0)).unwrap().ready, 0);
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_has_answers_sent_into_our_own_queues() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut assembler = stage.assembler().await;
    let routes = &stage.routes;
    let ours = [
        routes.assembler(0),
        routes.jobs(),
        routes.tasks("default"),
        routes.worker("somebody"),
        routes.dead(),
        routes.replies("planner"),
        "candor".to_owned(),
    ];
    for (number, queue) in ours.iter().enumerate() {
        stage.submit(request(&format!("{number}")), properties(Some(queue), None)).await;
        let (message, _) = next(&mut *assembler).await;
        let Message::PlanReady(ready) = &message else { panic!("a plan, it is carried out all the same") };
        assert_eq!(ready.reply_to, None, "{queue}");
        stage.say_recorded(&message).await;
    }
    stage.served().await;
    assert_eq!(planner.counters().misdirected.load(Ordering::Relaxed), ours.len() as u64);
    // Nor refusals.
    stage.submit(unreadable(), properties(Some(&routes.assembler(0)), None)).await;
    stage.served().await;
    assert!(is_silent(&mut *assembler, 60_000).await);
    assert_eq!(stage.dead(), 1);
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn our_own_commands_and_everybody_else_are_answered() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut assembler = stage.assembler().await;
    for queue in [stage.routes.replies("run"), "client".to_owned(), "candorous".to_owned(), "amq.gen-1".to_owned()] {
        stage.submit(request(&queue), properties(Some(&queue), None)).await;
        let (message, _) = next(&mut *assembler).await;
        let Message::PlanReady(ready) = &message else { panic!("a plan") };
        assert_eq!(ready.reply_to.as_ref().map(|to| &to.queue), Some(&queue));
        stage.say_recorded(&message).await;
    }
    stage.served().await;
    assert_eq!(planner.counters().misdirected.load(Ordering::Relaxed), 0);
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn refusals_that_nobody_takes_are_counted_and_hold_nothing_up() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    stage.broker.screen(|outgoing| {
        let stuffed = matches!(&outgoing.target, candor_platform::broker::Target::Queue(queue) if queue == "stuffed");
        stuffed.then(|| Error::Full { queue: "stuffed".into() })
    });
    for _ in 0..100 {
        stage.submit(unreadable(), properties(Some("stuffed"), None)).await;
        stage.submit(unreadable(), properties(Some("nobody"), None)).await;
    }
    stage.submit(request("one"), properties(None, None)).await;
    let mut assembler = stage.assembler().await;
    let (message, _) = next(&mut *assembler).await;
    stage.say_recorded(&message).await;
    stage.served().await;
    let counters = planner.counters();
    until("all are counted", || counters.unanswered.load(Ordering::Relaxed) == 200).await;
    planner.drain().await;
}
