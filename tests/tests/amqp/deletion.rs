//! Queues that are deleted under their consumers, and channels that the server closes.

use candor_platform::broker::Settled;
use candor_platform::{Broker, Error};
use candor_tests::server::RabbitMq;

use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_queue_ends_its_consumer_and_is_made_again() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let queue = routes.tasks("default");
    insist(&broker, to(&queue, 1)).await;
    let mut other = consume(&broker, &routes.jobs(), 1).await;
    let mut consumer = consume(&broker, &queue, 1).await;
    let held = next(&mut consumer).await;
    server.controlled(&["delete_queue", &queue]);
    assert!(soon("the end", consumer.next()).await.is_none());
    assert!(soon("the end", consumer.next_batch(5, 5)).await.is_empty(), "and it stays ended");
    assert_eq!(soon("a settlement", held.done()).await, Settled::TooLate);
    // A publisher is told, and what it then declares is really made.
    let fates = broker.publish(vec![to(&queue, 2)]).await;
    assert_eq!(fates, vec![Err(Error::Unroutable { target: queue.clone() })]);
    broker.declare(&routes.topology(1, &["default".to_owned()])).await.expect("the usual queues");
    insist(&broker, to(&queue, 3)).await;
    let mut consumer = consume(&broker, &queue, 1).await;
    assert_eq!(finish(&mut consumer).await, 3);
    // A consumer that comes back finds it made again.
    server.controlled(&["delete_queue", &queue]);
    assert!(soon("the end", consumer.next()).await.is_none());
    let mut consumer = soon("a consumer", broker.consume(&queue, 1)).await.expect("the queue is made again");
    insist(&broker, to(&queue, 4)).await;
    assert_eq!(finish(&mut consumer).await, 4);
    // Nobody else was touched.
    insist(&broker, to(&routes.jobs(), 5)).await;
    assert_eq!(finish(&mut other).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_held_for_too_long_ends_its_consumer_and_no_other() {
    let Some(server) = RabbitMq::start("consumer_timeout = 1000\n") else { return };
    // The server looks at the time only once a minute unless told otherwise, before the channel is opened.
    server.controlled(&["eval", "application:set_env(rabbit, channel_tick_interval, 500)."]);
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let queue = routes.tasks("default");
    insist(&broker, to(&queue, 1)).await;
    let mut other = consume(&broker, &routes.jobs(), 1).await;
    let mut consumer = consume(&broker, &queue, 1).await;
    let held = next(&mut consumer).await;
    assert!(soon("the end", consumer.next()).await.is_none());
    assert!(soon("the end", consumer.next()).await.is_none(), "and it stays ended");
    assert_eq!(soon("a settlement", held.done()).await, Settled::TooLate);
    let mut consumer = consume(&broker, &queue, 1).await;
    assert_eq!(finish(&mut consumer).await, 1);
    insist(&broker, to(&routes.jobs(), 2)).await;
    assert_eq!(finish(&mut other).await, 2, "the connection and its other consumers go on");
}
