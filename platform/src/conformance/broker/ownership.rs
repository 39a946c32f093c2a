//! Whose deliveries and queues they are, and what happens when somebody goes.

use super::*;

pub(super) async fn a_connection_that_dies_gives_back_what_it_held(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), [0, 1]).await;
    let dying = stage.connect().await;
    let mut consumer = consume(&dying, &routes.jobs(), 10).await;
    let (held, done) = (next(&mut consumer).await, next(&mut consumer).await);
    assert_eq!(soon("a settlement", done.done()).await, Settled::Yes);
    stage.kill(dying).await;
    assert!(soon("the end", consumer.next()).await.is_none());
    let mut other = consume(&broker, &routes.jobs(), 10).await;
    let delivery = next(&mut other).await;
    assert_eq!((number(&delivery), delivery.redelivered), (0, 1));
    assert_eq!(soon("a settlement", held.done()).await, Settled::TooLate, "it had come again already");
    assert_eq!(soon("a settlement", delivery.done()).await, Settled::Yes);
    assert!(quiet(other.next()).await, "what was done stays done");
}

pub(super) async fn a_closed_connection_ends_its_consumers_and_publishes_nothing(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let closing = stage.connect().await;
    publish(&broker, &routes.jobs(), [3]).await;
    let mut consumer = consume(&closing, &routes.jobs(), 10).await;
    let held = next(&mut consumer).await;
    soon("the close", closing.close()).await;
    assert!(soon("the end", consumer.next()).await.is_none());
    assert!(soon("the end", consumer.next()).await.is_none(), "and it stays ended");
    let batch = vec![to_queue(routes.jobs(), numbered(4), Properties::default())];
    let results = soon("the fate", closing.publish(batch)).await;
    assert!(matches!(results.as_slice(), [Err(error)] if closed(error)), "{results:?}");
    assert!(closing.consume(&routes.jobs(), 1).await.is_err_and(|error| closed(&error)));
    assert_eq!(soon("a settlement", held.done()).await, Settled::TooLate);
    let mut other = consume(&broker, &routes.jobs(), 10).await;
    assert_eq!(finish(&mut other, 1).await, [3]);
    assert!(quiet(other.next()).await, "nothing was published");
}

pub(super) async fn a_dropped_consumer_gives_back_what_it_held(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), [0, 1]).await;
    let mut consumer = consume(&broker, &routes.jobs(), 10).await;
    let held = next(&mut consumer).await;
    drop(consumer);
    let mut other = consume(&broker, &routes.jobs(), 10).await;
    assert_eq!(finish(&mut other, 2).await, [0, 1]);
    assert_eq!(soon("a settlement", held.done()).await, Settled::TooLate);
}

pub(super) async fn after_a_cancel_what_came_can_still_be_settled(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), 0..4).await;
    let mut consumer = consume(&broker, &routes.jobs(), 2).await;
    let (first, second) = (next(&mut consumer).await, next(&mut consumer).await);
    soon("the cancel", consumer.cancel()).await;
    assert!(soon("the end", consumer.next()).await.is_none());
    assert_eq!(soon("a settlement", first.done()).await, Settled::Yes);
    drop(consumer);
    assert_eq!(soon("a settlement", second.done()).await, Settled::Yes, "even without the consumer");
    let mut other = consume(&broker, &routes.jobs(), 10).await;
    assert_eq!(finish(&mut other, 2).await, [2, 3]);
    assert!(quiet(other.next()).await, "what was done stays done");
}

pub(super) async fn a_cancelled_connection_that_dies_still_gives_everything_back(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), [0]).await;
    let dying = stage.connect().await;
    let mut consumer = consume(&dying, &routes.jobs(), 1).await;
    let held = next(&mut consumer).await;
    consumer.cancel().await;
    drop(consumer);
    stage.kill(dying).await;
    let mut other = consume(&broker, &routes.jobs(), 1).await;
    assert_eq!(finish(&mut other, 1).await, [0]);
    assert_eq!(soon("a settlement", held.done()).await, Settled::TooLate);
}

pub(super) async fn one_consumer_is_active_and_the_next_takes_over_in_order(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let queue = routes.assembler(0);
    let connections = [stage.connect().await, stage.connect().await, stage.connect().await];
    let mut consumers = Vec::new();
    for connection in &connections {
        consumers.push(consume(connection, &queue, 2).await);
    }
    let [mut first, mut second, mut third] = <[_; 3]>::try_from(consumers).ok().expect("three consumers");
    let [one, two, _three] = connections;
    publish(&broker, &queue, 0..4).await;
    let held = next(&mut first).await;
    let settled = next(&mut first).await;
    assert_eq!((number(&held), number(&settled)), (0, 1));
    assert_eq!(settled.done().await, Settled::Yes);
    assert!(quiet(second.next()).await, "only the first is active");
    stage.kill(one).await;
    let delivery = next(&mut second).await;
    assert_eq!((number(&delivery), delivery.redelivered), (0, 1), "what returned comes first");
    assert_eq!(delivery.done().await, Settled::Yes);
    assert_eq!(finish(&mut second, 1).await, [2]);
    assert!(quiet(third.next()).await, "the third still waits");
    assert_eq!(held.done().await, Settled::TooLate);
    stage.kill(two).await;
    assert_eq!(finish(&mut third, 1).await, [3]);
    assert!(soon("the end", second.next()).await.is_none());
}

pub(super) async fn a_cancel_hands_a_single_active_queue_over(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let queue = routes.assembler(0);
    let mut first = consume(&broker, &queue, 1).await;
    let other = stage.connect().await;
    let mut second = consume(&other, &queue, 1).await;
    publish(&broker, &queue, [0]).await;
    assert_eq!(finish(&mut first, 1).await, [0]);
    first.cancel().await;
    // Registered again it stands at the end of the line.
    let mut again = consume(&broker, &queue, 1).await;
    publish(&broker, &queue, [1, 2]).await;
    assert_eq!(finish(&mut second, 2).await, [1, 2]);
    assert!(quiet(again.next()).await);
    second.cancel().await;
    publish(&broker, &queue, [3]).await;
    assert_eq!(finish(&mut again, 1).await, [3]);
}

pub(super) async fn a_private_queue_is_gone_with_its_connection(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let dying = stage.connect().await;
    let queue = routes.private(routes.replies("me"));
    dying.declare_private(&queue, &[]).await.expect("a private queue");
    publish(&broker, &queue.name, [1]).await;
    let mut consumer = consume(&dying, &queue.name, 10).await;
    assert_eq!(finish(&mut consumer, 1).await, [1]);
    stage.kill(dying).await;
    assert!(soon("the end", consumer.next()).await.is_none());
    let gone = || async {
        let batch = vec![to_queue(queue.name.clone(), numbered(2), Properties::default())];
        matches!(broker.publish(batch).await.as_slice(), [Err(Error::Unroutable { .. })]).then_some(())
    };
    until("the queue to be gone", gone).await;
    broker.declare_private(&queue, &[]).await.expect("the name is free again");
    let mut consumer = consume(&broker, &queue.name, 10).await;
    assert!(quiet(consumer.next()).await, "the new queue is empty");
}

pub(super) async fn a_private_queue_belongs_to_one_connection(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let queue = routes.private(routes.worker("w1"));
    broker.declare_private(&queue, &[]).await.expect("a private queue");
    broker.declare_private(&queue, &[]).await.expect("declaring it twice is harmless");
    let other = stage.connect().await;
    let taken = other.declare_private(&queue, &[]).await;
    assert!(matches!(taken, Err(Error::Inequivalent { .. })), "{taken:?}");
    let third = stage.connect().await;
    publish(&third, &queue.name, [1]).await;
    let mut consumer = consume(&broker, &queue.name, 1).await;
    assert_eq!(finish(&mut consumer, 1).await, [1]);
}

pub(super) async fn a_private_queue_outlives_its_consumers(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let queue = routes.private(routes.worker("w1"));
    broker.declare_private(&queue, &[]).await.expect("a private queue");
    let mut consumer = consume(&broker, &queue.name, 10).await;
    publish(&broker, &queue.name, [1]).await;
    let held = next(&mut consumer).await;
    drop(consumer);
    publish(&broker, &queue.name, [2]).await;
    let mut consumer = consume(&broker, &queue.name, 10).await;
    let mut seen = finish(&mut consumer, 2).await;
    seen.sort_unstable();
    assert_eq!(seen, [1, 2], "what it held and what came meanwhile");
    assert_eq!(held.done().await, Settled::TooLate);
}
