//! The promises of [`crate::Broker`].

mod bounds;
mod delivery;
mod ownership;
mod routing;

use std::sync::Arc;

use async_trait::async_trait;
use candor_proto::message::Knock;
use candor_proto::route::{Argument, Queue, Routes, Topology};
use candor_proto::{Message, OwnerId};
use uuid::Uuid;

use super::{Promise, promises, quiet, report, soon, until};
use crate::broker::{Broker, Consumer, Delivery, Outgoing, Properties, Settled, to_queue};
use crate::error::Error;

/// A deployment of its own: names that nobody else uses, and connections to it.
#[async_trait]
pub trait BrokerStage: Send + Sync + 'static {
    /// The names; under a prefix of its own.
    fn routes(&self) -> Routes;

    /// One more connection, as one more process would have it.
    async fn connect(&self) -> Arc<dyn Broker>;

    /// Ends a connection as the death of its process would. The last handle is given here.
    async fn kill(&self, connection: Arc<dyn Broker>) {
        drop(connection);
    }
}

/// Makes stages.
#[async_trait]
pub trait BrokerFactory: Send + Sync {
    /// A stage on which nothing is declared.
    async fn fresh(&self) -> Arc<dyn BrokerStage>;
}

/// All promises.
pub fn promises() -> Vec<Promise<dyn BrokerStage>> {
    let mut all = promises![
        delivery::messages_come_in_the_order_of_publishing,
        delivery::what_travels_beside_a_message_comes_with_it,
        delivery::a_big_message_arrives_whole,
        delivery::a_message_over_the_limit_is_refused_or_arrives_whole,
        delivery::what_is_done_never_comes_again,
        delivery::a_dropped_delivery_comes_again_and_counts,
        delivery::again_gives_it_to_somebody_once_more,
        delivery::what_returns_comes_before_what_waits,
        delivery::a_delivery_that_came_back_too_often_is_a_dead_letter,
        delivery::dead_goes_to_the_dead_letters_with_its_properties,
        delivery::two_consumers_share_a_queue_and_nothing_comes_twice,
        delivery::a_batch_is_at_most_what_was_asked_for,
        delivery::a_batch_lingers_for_what_comes_a_little_later,
        delivery::a_wait_that_is_dropped_loses_nothing,
        delivery::a_dropped_wait_does_not_keep_a_message_from_others,
    ];
    all.extend(promises![
        ownership::a_connection_that_dies_gives_back_what_it_held,
        ownership::a_closed_connection_ends_its_consumers_and_publishes_nothing,
        ownership::a_dropped_consumer_gives_back_what_it_held,
        ownership::after_a_cancel_what_came_can_still_be_settled,
        ownership::a_cancelled_connection_that_dies_still_gives_everything_back,
        ownership::one_consumer_is_active_and_the_next_takes_over_in_order,
        ownership::a_cancel_hands_a_single_active_queue_over,
        ownership::a_private_queue_is_gone_with_its_connection,
        ownership::a_private_queue_belongs_to_one_connection,
        ownership::a_private_queue_outlives_its_consumers,
    ]);
    all.extend(promises![
        routing::a_message_for_no_queue_is_unroutable_and_the_others_arrive,
        routing::a_topic_exchange_follows_its_patterns,
        routing::a_fanout_exchange_reaches_every_queue_once,
        routing::an_exchange_may_reach_nobody_but_must_exist,
        routing::declaring_twice_is_harmless,
        routing::declaring_with_other_arguments_is_refused,
        routing::consuming_from_no_queue_is_refused,
        routing::how_a_queue_stands_can_be_asked,
        routing::a_publish_knows_its_own_fate_whatever_its_id,
        bounds::a_full_queue_refuses_until_there_is_room,
        bounds::at_most_the_prefetch_is_out_at_once,
        bounds::many_publishers_lose_nothing,
    ]);
    all
}

/// Checks all promises, each on a stage of its own, and panics with those that were broken.
pub async fn every_promise(factory: &dyn BrokerFactory) {
    let mut broken = Vec::new();
    for promise in promises() {
        if !promise.kept(factory.fresh().await).await {
            broken.push(promise.name);
        }
    }
    report("broker", &broken);
}

/// A stage with the usual queues, and a connection to it.
async fn declared(stage: &Arc<dyn BrokerStage>) -> (Arc<dyn Broker>, Routes) {
    let connection = stage.connect().await;
    let routes = stage.routes();
    let topology = routes.topology(1, &["default".to_owned()]);
    connection.declare(&topology).await.expect("the topology can be declared");
    (connection, routes)
}

/// A queue like that of tasks, under another name and with some arguments changed.
fn like_tasks(routes: &Routes, name: &str, changes: &[(&'static str, Argument)]) -> Queue {
    let tasks = routes.tasks("default");
    let usual = routes.topology(1, &["default".to_owned()]).queues.into_iter().find(|queue| queue.name == tasks);
    let mut queue = usual.expect("there is a queue of tasks");
    queue.name = format!("{}.{name}", routes.prefix());
    for (argument, value) in changes {
        queue.arguments.retain(|(known, _)| known != argument);
        queue.arguments.push((argument, value.clone()));
    }
    queue
}

fn only(queue: Queue) -> Topology {
    Topology { queues: vec![queue], exchanges: Vec::new() }
}

/// A small message that can be told from others by its number.
fn numbered(number: u32) -> Message {
    Message::Knock(Knock { owner: OwnerId::from_uuid(Uuid::nil()), partition: number })
}

fn number(delivery: &Delivery) -> u32 {
    match &delivery.message {
        Ok(Message::Knock(knock)) => knock.partition,
        other => panic!("no numbered message: {other:?}"),
    }
}

/// Publishes numbered messages to a queue, all of which must be taken.
async fn publish(broker: &Arc<dyn Broker>, queue: &str, numbers: impl IntoIterator<Item = u32>) {
    let batch: Vec<Outgoing> =
        numbers.into_iter().map(|each| to_queue(queue, numbered(each), Properties::default())).collect();
    let count = batch.len();
    let results = soon("confirms", broker.publish(batch)).await;
    assert_eq!(results, vec![Ok(()); count]);
}

async fn consume(broker: &Arc<dyn Broker>, queue: &str, prefetch: u32) -> Box<dyn Consumer> {
    soon("a consumer", broker.consume(queue, prefetch)).await.expect("the queue can be consumed from")
}

async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    soon("a delivery", consumer.next()).await.expect("the consumer goes on")
}

/// The numbers of the next deliveries, each of which is settled as done.
async fn finish(consumer: &mut Box<dyn Consumer>, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let delivery = next(consumer).await;
        numbers.push(number(&delivery));
        assert_eq!(soon("a settlement", delivery.done()).await, Settled::Yes);
    }
    numbers
}

/// Whether a broker refuses because its connection is closed.
fn closed(error: &Error) -> bool {
    matches!(error, Error::Closed { .. })
}
