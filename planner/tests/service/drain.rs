//! A planner that ends.

use candor_platform::runtime;
use candor_proto::Message;

use crate::stage::{Stage, is_silent, job, next, properties, request, soon, until};

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_finished_when_it_can_be() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut assembler = stage.assembler().await;
    stage.submit(request("one"), properties(None, None)).await;
    let (message, _) = next(&mut *assembler).await;
    let draining = runtime::spawn(planner.drain());
    until("it takes nothing more", || stage.requests().consumers == 0).await;
    stage.submit(request("two"), properties(None, None)).await;
    stage.say_recorded(&message).await;
    soon("draining", draining.join()).await.unwrap();
    let depth = stage.requests();
    assert_eq!((depth.ready, depth.unsettled), (1, 0), "the first is done, the second waits for somebody else");
    assert!(is_silent(&mut *assembler, 600_000).await);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_finished_is_given_back() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    for number in 0..100 {
        stage.submit(request(&format!("{number}")), properties(None, None)).await;
    }
    until("many are under way", || stage.requests().unsettled == 64).await;
    soon("draining", planner.drain()).await;
    let depth = stage.requests();
    assert_eq!((depth.ready, depth.unsettled, depth.consumers), (100, 0, 0));
    let sent = stage.broker.published();
    runtime::sleep(600_000).await;
    assert_eq!(stage.broker.published(), sent, "nobody goes on behind its back");

    let second = stage.named("second").await;
    let mut assembler = stage.assembler().await;
    while stage.requests().ready + stage.requests().unsettled > 0 {
        let Some(delivery) = runtime::timeout(10_000, assembler.next()).await.flatten() else { continue };
        let message = delivery.message.clone().unwrap();
        let _ = delivery.done().await;
        let Message::PlanReady(ready) = &message else { panic!("a plan") };
        // Those of the first planner are still in the queue; nobody waits for them any more.
        if ready.recorded_to.as_deref() == Some(stage.routes.replies("second").as_str()) {
            stage.say_recorded(&message).await;
        }
    }
    second.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_is_dropped_drains_too() {
    let stage = Stage::new().await;
    drop(stage.planner().await);
    until("it takes nothing more", || stage.requests().consumers == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_replaced_and_no_request_is_lost() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let mut assembler = stage.assembler().await;
    stage.submit(request("one"), properties(None, None)).await;
    next(&mut *assembler).await;
    stage.break_connection().await;
    let (again, _) = next(&mut *assembler).await;
    let Message::PlanReady(ready) = &again else { panic!("a plan") };
    assert_eq!(ready.job, job("one"));
    stage.say_recorded(&again).await;
    stage.served().await;
    stage.submit(request("two"), properties(None, None)).await;
    let (second, _) = next(&mut *assembler).await;
    stage.say_recorded(&second).await;
    stage.served().await;
    planner.drain().await;
}
