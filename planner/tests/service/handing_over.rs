//! A request is let go of only when its plan is recorded.

use std::collections::BTreeSet;

use candor_platform::Error;
use candor_proto::Message;
use candor_proto::message::Document;

use crate::stage::{Stage, is_silent, job, next, properties, request, soon};

#[tokio::test(start_paused = true)]
async fn a_plan_is_sent_again_until_it_is_recorded_and_only_then_is_its_request_acknowledged() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut assembler = stage.assembler().await;
    stage.submit(request("one"), properties(None, None)).await;
    let (first, _) = next(&mut *assembler).await;
    let Message::PlanReady(ready) = &first else { panic!("a plan") };
    assert_eq!((ready.job, ready.plan.name.as_str()), (job("one"), "small"));
    let mut gaps = Vec::new();
    for _ in 0..6 {
        let before = stage.now();
        assert_eq!(next(&mut *assembler).await.0, first, "the same plan");
        assert_eq!(stage.requests().unsettled, 1, "the request is still there");
        gaps.push(stage.now() - before);
    }
    assert!(gaps.windows(2).all(|pair| pair[0] <= pair[1]) && gaps[5] > gaps[0], "ever more rarely: {gaps:?}");
    stage.say_recorded(&first).await;
    stage.served().await;
    assert!(is_silent(&mut *assembler, 600_000).await, "not sent any more");
    soon("draining", planner.drain()).await;
}

#[tokio::test(start_paused = true)]
async fn a_word_about_another_job_lets_go_of_nothing() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut assembler = stage.assembler().await;
    stage.submit(request("one"), properties(None, None)).await;
    let (one, _) = next(&mut *assembler).await;
    stage.submit(request("two"), properties(None, None)).await;
    let (two, _) = next(&mut *assembler).await;
    stage.say_recorded(&two).await;
    assert_eq!(next(&mut *assembler).await.0, one, "the first one is sent again");
    assert_eq!(stage.requests().unsettled, 1);
    stage.say_recorded(&one).await;
    stage.served().await;
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_handed_over_like_a_plan() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut assembler = stage.assembler().await;
    let mut wrong = request("one");
    wrong.workflow = Some(Document::Text("name: wrong\n".into()));
    stage.submit(wrong, properties(Some("client"), Some("application/json; charset=utf-8"))).await;
    let (refused, _) = next(&mut *assembler).await;
    assert_eq!(next(&mut *assembler).await.0, refused, "until it is recorded");
    let Message::PlanRefused(body) = &refused else { panic!("a refusal") };
    let to = body.reply_to.as_ref().unwrap();
    assert_eq!((to.queue.as_str(), to.correlation_id.as_deref()), ("client", Some("mine")));
    assert_eq!(to.content_type, "application/json");
    assert_eq!(stage.requests().unsettled, 1);
    stage.say_recorded(&refused).await;
    stage.served().await;
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn two_requests_for_one_job_are_handed_over_one_after_the_other() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut assembler = stage.assembler().await;
    stage.submit(request("one"), properties(Some("first"), None)).await;
    stage.submit(request("one"), properties(Some("second"), None)).await;
    let mut clients = BTreeSet::new();
    for _ in 0..2 {
        let (message, _) = next(&mut *assembler).await;
        let Message::PlanReady(ready) = &message else { panic!("a plan") };
        clients.insert(ready.reply_to.as_ref().unwrap().queue.clone());
        assert!(is_silent(&mut *assembler, 4_000).await, "the other one waits for its turn");
        stage.say_recorded(&message).await;
    }
    assert_eq!(clients, BTreeSet::from(["first".to_owned(), "second".to_owned()]));
    stage.served().await;
    assert!(is_silent(&mut *assembler, 600_000).await);
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn two_hundred_requests_at_once_are_all_handed_over() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    for number in 0..200 {
        // Every tenth is one that came twice.
        stage.submit(request(&format!("{}", number - number % 10 / 9)), properties(None, None)).await;
    }
    let mut assembler = stage.assembler().await;
    let mut jobs = BTreeSet::new();
    let mut count = 0;
    while stage.requests().ready + stage.requests().unsettled > 0 {
        let Some(delivery) = candor_platform::runtime::timeout(10_000, assembler.next()).await.flatten() else {
            continue;
        };
        let message = delivery.message.clone().unwrap();
        let _ = delivery.done().await;
        stage.say_recorded(&message).await;
        jobs.insert(message.job().unwrap());
        count += 1;
    }
    assert_eq!(jobs.len(), 180);
    assert_eq!(count, 200, "nothing was sent twice");
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_the_broker_does_not_take_now_is_offered_again() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut errors = vec![
        Error::Full { queue: "a queue".into() },
        Error::NoAnswer { ms: 1 },
        Error::Unroutable { target: "a queue".into() },
        Error::Full { queue: "a queue".into() },
    ];
    stage.broker.screen(move |_| errors.pop());
    stage.submit(request("one"), properties(None, None)).await;
    let mut assembler = stage.assembler().await;
    let (message, _) = next(&mut *assembler).await;
    assert_eq!(stage.requests().unsettled, 1);
    stage.say_recorded(&message).await;
    stage.served().await;
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_cannot_be_sent_does_not_circle() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    stage.broker.screen(|_| Some(Error::Closed { what: "the connection".into() }));
    stage.submit(request("one"), properties(None, None)).await;
    candor_platform::runtime::sleep(3_600_000).await;
    let tries = stage.broker.published();
    assert!((10..2_000).contains(&tries), "{tries} tries in an hour");
    stage.broker.screen(|_| None);
    let mut assembler = stage.assembler().await;
    let (message, _) = next(&mut *assembler).await;
    stage.say_recorded(&message).await;
    stage.served().await;
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_no_message_holds_is_refused() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    stage.broker.screen(|outgoing| {
        let large = matches!(outgoing.message, Message::PlanReady(_));
        large.then_some(Error::Message(candor_proto::Error::TooLarge { bytes: 2_000_000 }))
    });
    stage.submit(request("one"), properties(Some("client"), None)).await;
    let mut assembler = stage.assembler().await;
    let (message, _) = next(&mut *assembler).await;
    let Message::PlanRefused(refused) = &message else { panic!("a refusal") };
    assert_eq!((refused.job, refused.error.code.as_str()), (job("one"), "plan_too_large"));
    assert!(refused.reply_to.is_some());
    stage.say_recorded(&message).await;
    stage.served().await;
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_no_message_holds_loses_diagnostics_rather_than_itself() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    stage.broker.screen(|outgoing| {
        let large = matches!(&outgoing.message, Message::PlanRefused(refused) if !refused.diagnostics.is_empty());
        large.then_some(Error::Message(candor_proto::Error::TooLarge { bytes: 2_000_000 }))
    });
    let mut wrong = request("one");
    wrong.workflow = Some(Document::Text("name: wrong\n".into()));
    stage.submit(wrong, properties(None, None)).await;
    let mut assembler = stage.assembler().await;
    let (message, _) = next(&mut *assembler).await;
    let Message::PlanRefused(refused) = &message else { panic!("a refusal") };
    assert_eq!(refused.error.code, "invalid_workflow");
    stage.say_recorded(&message).await;
    stage.served().await;
    planner.drain().await;
}
