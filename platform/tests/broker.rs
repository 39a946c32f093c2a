//! The embedded broker keeps every promise of a broker, and some of its own.

use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::Error;
use candor_platform::broker::embedded::{Depth, EmbeddedBroker};
use candor_platform::broker::{Broker, Outgoing, Properties, Settled, to_queue};
use candor_platform::conformance::broker::{BrokerFactory, BrokerStage, every_promise};
use candor_platform::runtime;
use candor_proto::message::Knock;
use candor_proto::route::{Argument, Lifetime, Queue, Routes, Topology};
use candor_proto::{Message, OwnerId};
use futures_util::future::{BoxFuture, poll_immediate};
use uuid::Uuid;

struct Embedded;

#[async_trait]
impl BrokerFactory for Embedded {
    async fn fresh(&self) -> Arc<dyn BrokerStage> {
        Arc::new(Stage(EmbeddedBroker::new()))
    }
}

struct Stage(EmbeddedBroker);

#[async_trait]
impl BrokerStage for Stage {
    fn routes(&self) -> Routes {
        Routes::default()
    }

    async fn connect(&self) -> Arc<dyn Broker> {
        self.0.connect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_broker_keeps_every_promise() {
    every_promise(&Embedded).await;
}

#[tokio::test]
async fn it_keeps_them_on_one_thread_too() {
    every_promise(&Embedded).await;
}

/// A queue of at most so many messages, whose dead letters go to `dead`.
fn bounded(name: &str, bound: i64, dead: Option<&str>) -> Queue {
    let mut arguments = vec![("x-max-length", Argument::Number(bound)), ("x-delivery-limit", Argument::Number(0))];
    arguments.extend(dead.map(|dead| ("x-dead-letter-routing-key", Argument::Text(dead.to_owned()))));
    Queue { name: name.to_owned(), lifetime: Lifetime::Durable, arguments }
}

fn knock(number: u32) -> Outgoing {
    let owner = OwnerId::from_uuid(Uuid::nil());
    to_queue("work", Message::Knock(Knock { owner, partition: number }), Properties::default())
}

#[tokio::test]
async fn dead_letters_wait_until_their_queue_is_there_and_has_room() {
    let broker = EmbeddedBroker::new();
    let connection = broker.connect();
    let work = Topology { queues: vec![bounded("work", 3, Some("dead"))], exchanges: Vec::new() };
    connection.declare(&work).await.expect("a queue");
    assert_eq!(connection.publish((0..3).map(knock).collect()).await, vec![Ok(()); 3]);
    let mut consumer = connection.consume("work", 10).await.expect("a consumer");
    for delivery in consumer.next_batch(3, 0).await {
        assert_eq!(delivery.dead().await, Settled::Yes);
    }
    // They are nowhere to be seen, but they count: else a queue of dead letters that is full would lose its bound.
    let full = connection.publish(vec![knock(9)]).await;
    assert_eq!(full, vec![Err(Error::Full { queue: "work".to_owned() })]);
    let dead = Topology { queues: vec![bounded("dead", 2, None)], exchanges: Vec::new() };
    connection.declare(&dead).await.expect("a queue");
    assert_eq!(broker.depth("dead").map(|depth| depth.ready), Some(2));
    let mut reader = connection.consume("dead", 1).await.expect("a consumer");
    for number in 0..3 {
        let delivery = reader.next().await.expect("a dead letter");
        assert!(matches!(&delivery.message, Ok(Message::Knock(knock)) if knock.partition == number));
        assert_eq!(delivery.done().await, Settled::Yes);
    }
    assert_eq!(connection.publish(vec![knock(9)]).await, vec![Ok(())]);
    assert_eq!(broker.depth("work"), Some(Depth { ready: 1, unsettled: 0, consumers: 1 }));
}

#[tokio::test]
async fn what_is_out_when_a_queue_goes_is_settled_too_late() {
    let broker = EmbeddedBroker::new();
    let (owner, other) = (broker.connect(), broker.connect());
    let queue = Routes::default().private("work".to_owned());
    owner.declare_private(&queue, &[]).await.expect("a queue");
    assert_eq!(other.publish(vec![knock(1)]).await, vec![Ok(())]);
    let mut consumer = owner.consume("work", 1).await.expect("a consumer");
    let held = consumer.next().await.expect("a delivery");
    drop(owner);
    other.declare_private(&queue, &[]).await.expect("the name is free");
    assert_eq!(other.publish(vec![knock(2)]).await, vec![Ok(())]);
    let mut namesake = other.consume("work", 1).await.expect("a consumer");
    let fresh = namesake.next().await.expect("a delivery");
    assert_eq!(held.done().await, Settled::TooLate, "it does not settle the namesake's");
    assert_eq!(fresh.done().await, Settled::Yes);
}

#[tokio::test]
async fn a_wait_that_was_woken_and_dropped_wakes_the_next() {
    let broker = EmbeddedBroker::new();
    let connection = broker.connect();
    let work = Topology { queues: vec![bounded("work", 10, None)], exchanges: Vec::new() };
    connection.declare(&work).await.expect("a queue");
    for lingering in [false, true] {
        let mut fickle = connection.consume("work", 5).await.expect("a consumer");
        let mut patient = connection.consume("work", 5).await.expect("a consumer");
        let mut waiting: BoxFuture<'_, bool> = if lingering {
            Box::pin(async { fickle.next_batch(2, 60_000).await.is_empty() })
        } else {
            Box::pin(async { fickle.next().await.is_none() })
        };
        assert_eq!(poll_immediate(&mut waiting).await, None, "it sleeps first");
        let patient = runtime::spawn(async move { patient.next().await.expect("a delivery").done().await });
        // One thread: after this the patient one sleeps behind the fickle one.
        runtime::yield_now().await;
        assert_eq!(connection.publish(vec![knock(1)]).await, vec![Ok(())]);
        if lingering {
            assert_eq!(poll_immediate(&mut waiting).await, None, "it has seen the message and waits for one more");
        }
        drop(waiting);
        let taken = runtime::timeout(30_000, patient.join()).await.expect("the patient one is woken");
        assert_eq!(taken, Some(Settled::Yes));
    }
}
