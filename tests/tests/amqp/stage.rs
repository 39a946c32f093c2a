//! A RabbitMQ for a test, connections to it, and small messages.

use std::sync::Arc;

use candor_platform::broker::amqp::{AmqpBroker, AmqpSettings, SCHEMES};
use candor_platform::broker::{Consumer, Delivery, Outgoing, Properties, Settled, to_queue};
use candor_platform::{Broker, Clock, Error, ServerUrl, SystemClock, runtime};
use candor_proto::message::Knock;
use candor_proto::route::Routes;
use candor_proto::{Message, OwnerId};
use candor_tests::server::RabbitMq;
use uuid::Uuid;

/// How long anything may take that must happen, in milliseconds.
pub(crate) const WAIT_MS: u64 = 60_000;

/// Names that nobody else uses.
pub(crate) fn routes() -> Routes {
    Routes::new(&format!("t{}", Uuid::new_v4().simple()))
}

pub(crate) fn settings(url: &str, routes: &Routes) -> AmqpSettings {
    let url = ServerUrl::parse("the URL", url, &SCHEMES).expect("a URL");
    AmqpSettings { connection_name: "test".to_owned(), routes: routes.clone(), ..AmqpSettings::new(url) }
}

/// A connection to it, not waited for.
pub(crate) fn connect(server: &RabbitMq, routes: &Routes) -> Arc<AmqpBroker> {
    AmqpBroker::connect(&settings(&server.url(), routes)).expect("settings that can work")
}

/// A connection that is up, with the usual queues declared.
pub(crate) async fn declared(server: &RabbitMq, routes: &Routes) -> Arc<AmqpBroker> {
    let broker = connect(server, routes);
    broker.up(WAIT_MS).await.expect("the server is there");
    broker.declare(&routes.topology(1, &["default".to_owned()])).await.expect("the usual queues");
    broker
}

pub(crate) fn numbered(number: u32) -> Message {
    Message::Knock(Knock { owner: OwnerId::from_uuid(Uuid::nil()), partition: number })
}

pub(crate) fn to(queue: &str, number: u32) -> Outgoing {
    to_queue(queue, numbered(number), Properties::default())
}

pub(crate) fn number(delivery: &Delivery) -> u32 {
    match &delivery.message {
        Ok(Message::Knock(knock)) => knock.partition,
        other => panic!("no numbered message: {other:?}"),
    }
}

/// The value that a future comes to, within the time that anything may take.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    runtime::timeout(WAIT_MS, future).await.unwrap_or_else(|| panic!("{what}: not within {WAIT_MS} ms"))
}

/// Asks again and again until the answer is there.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    soon(what, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            runtime::sleep(20).await;
        }
    })
    .await
}

/// A consumer, however long it takes, as services do it.
pub(crate) async fn consume(broker: &Arc<AmqpBroker>, queue: &str, prefetch: u32) -> Box<dyn Consumer> {
    until("a consumer", || async { broker.consume(queue, prefetch).await.ok() }).await
}

/// Publishes until it is confirmed, as services do it.
pub(crate) async fn insist(broker: &AmqpBroker, outgoing: Outgoing) {
    until("a confirm", || async {
        match broker.publish(vec![outgoing.clone()]).await.pop().expect("one fate") {
            Ok(()) => Some(()),
            Err(Error::NoAnswer { .. }) => None,
            Err(other) => panic!("{other}"),
        }
    })
    .await;
}

pub(crate) async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    soon("a delivery", consumer.next()).await.expect("the consumer goes on")
}

/// The number of the next delivery, which is done.
pub(crate) async fn finish(consumer: &mut Box<dyn Consumer>) -> u32 {
    let delivery = next(consumer).await;
    let number = number(&delivery);
    assert_eq!(soon("a settlement", delivery.done()).await, Settled::Yes);
    number
}

/// Work with the server that blocks, beside everything else.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    runtime::blocking(work).await.expect("it did not panic")
}

/// Measures for people; nothing is asserted about it.
pub(crate) struct Watch(u64);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(SystemClock.now())
    }

    pub(crate) fn ms(&self) -> u64 {
        SystemClock.now() - self.0
    }

    /// So many, in this time, a second.
    pub(crate) fn rate(&self, count: u32) -> f64 {
        f64::from(count) * 1_000.0 / self.ms().max(1) as f64
    }
}
