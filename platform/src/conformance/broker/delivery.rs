//! What becomes of a message between publishing and settling.

use candor_proto::limits::MESSAGE_BYTES_MAX;
use candor_proto::message::JobRequest;
use candor_proto::route::Argument;

use super::*;
use crate::runtime;

pub(super) async fn messages_come_in_the_order_of_publishing(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), 0..100).await;
    publish(&broker, &routes.jobs(), 100..200).await;
    let mut consumer = consume(&broker, &routes.jobs(), 10).await;
    assert_eq!(finish(&mut consumer, 200).await, (0..200).collect::<Vec<_>>());
    assert!(quiet(consumer.next()).await, "nothing is left");
}

pub(super) async fn what_travels_beside_a_message_comes_with_it(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let properties = Properties {
        message_id: Some("msg_1".into()),
        correlation_id: Some("gründlich".into()),
        reply_to: Some("somewhere".into()),
        content_type: Some("application/json".into()),
        // AMQP counts time in seconds.
        timestamp: Some(1_790_000_000_000),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    };
    let results = broker.publish(vec![to_queue(routes.jobs(), numbered(1), properties.clone())]).await;
    assert_eq!(results, vec![Ok(())]);
    let delivery = next(&mut consume(&broker, &routes.jobs(), 1).await).await;
    assert_eq!(delivery.properties, properties);
    assert_eq!(delivery.redelivered, 0);
    assert_eq!(number(&delivery), 1);
}

fn request_of(bytes: usize) -> Message {
    Message::JobRequest(Box::new(JobRequest { request: Some("x".repeat(bytes)), ..JobRequest::default() }))
}

pub(super) async fn a_big_message_arrives_whole(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let big = request_of(MESSAGE_BYTES_MAX - 1024);
    let results = soon("a confirm", broker.publish(vec![to_queue(routes.jobs(), big.clone(), Properties::default())]));
    assert_eq!(results.await, vec![Ok(())]);
    let delivery = next(&mut consume(&broker, &routes.jobs(), 1).await).await;
    assert!(delivery.message == Ok(big), "the big message was changed");
}

/// A broker that moves values has nothing to measure; one that writes bytes must refuse before it publishes.
pub(super) async fn a_message_over_the_limit_is_refused_or_arrives_whole(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let huge = request_of(MESSAGE_BYTES_MAX + 1);
    let batch = vec![
        to_queue(routes.jobs(), huge.clone(), Properties::default()),
        to_queue(routes.jobs(), numbered(2), Properties::default()),
    ];
    let results = soon("the fates", broker.publish(batch)).await;
    assert_eq!(results.get(1), Some(&Ok(())), "the next message of the batch is not to blame");
    let mut consumer = consume(&broker, &routes.jobs(), 10).await;
    match results.first() {
        Some(Ok(())) => assert!(next(&mut consumer).await.message == Ok(huge), "the huge message was changed"),
        Some(Err(Error::Message(candor_proto::Error::TooLarge { .. }))) => {
            assert_eq!(number(&next(&mut consumer).await), 2);
        }
        other => panic!("neither taken nor refused for its size: {other:?}"),
    }
}

pub(super) async fn what_is_done_never_comes_again(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), 0..3).await;
    let mut consumer = consume(&broker, &routes.jobs(), 10).await;
    finish(&mut consumer, 3).await;
    drop(consumer);
    stage.kill(broker).await;
    let broker = stage.connect().await;
    let mut consumer = consume(&broker, &routes.jobs(), 10).await;
    assert!(quiet(consumer.next()).await, "what is done is gone");
}

pub(super) async fn a_dropped_delivery_comes_again_and_counts(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), [7]).await;
    let mut consumer = consume(&broker, &routes.jobs(), 1).await;
    for before in 0..3 {
        let delivery = next(&mut consumer).await;
        assert_eq!((number(&delivery), delivery.redelivered), (7, before));
        drop(delivery);
    }
}

pub(super) async fn again_gives_it_to_somebody_once_more(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), [7]).await;
    let mut consumer = consume(&broker, &routes.jobs(), 1).await;
    let delivery = next(&mut consumer).await;
    assert_eq!(soon("a settlement", delivery.again()).await, Settled::Yes);
    let delivery = next(&mut consumer).await;
    assert_eq!((number(&delivery), delivery.redelivered), (7, 1));
    assert_eq!(soon("a settlement", delivery.done()).await, Settled::Yes);
    assert!(quiet(consumer.next()).await, "nothing is left");
}

pub(super) async fn what_returns_comes_before_what_waits(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), 0..6).await;
    let dying = stage.connect().await;
    let mut consumer = consume(&dying, &routes.jobs(), 3).await;
    let held = [next(&mut consumer).await, next(&mut consumer).await, next(&mut consumer).await];
    assert_eq!(held.each_ref().map(number), [0, 1, 2]);
    stage.kill(dying).await;
    // Once the first is back all three are: they came back together, before any newer one could be taken.
    let mut consumer = consume(&broker, &routes.jobs(), 1).await;
    let mut counts = Vec::new();
    for expected in 0..6 {
        let delivery = next(&mut consumer).await;
        assert_eq!(number(&delivery), expected);
        counts.push(delivery.redelivered);
        assert_eq!(delivery.done().await, Settled::Yes);
    }
    assert_eq!(counts, [1, 1, 1, 0, 0, 0]);
    drop(held);
}

pub(super) async fn a_delivery_that_came_back_too_often_is_a_dead_letter(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let queue = like_tasks(&routes, "limited", &[("x-delivery-limit", Argument::Number(2))]);
    broker.declare(&only(queue.clone())).await.expect("the queue can be declared");
    publish(&broker, &queue.name, [13, 14]).await;
    let mut consumer = consume(&broker, &queue.name, 1).await;
    // A limit of two means that it may come back twice: three deliveries.
    for before in 0..3 {
        let delivery = next(&mut consumer).await;
        assert_eq!((number(&delivery), delivery.redelivered), (13, before));
        assert_eq!(delivery.again().await, Settled::Yes);
    }
    assert_eq!(finish(&mut consumer, 1).await, [14], "the next one is not to blame");
    let mut dead = consume(&broker, &routes.dead(), 1).await;
    assert_eq!(finish(&mut dead, 1).await, [13]);
}

pub(super) async fn dead_goes_to_the_dead_letters_with_its_properties(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let properties = Properties {
        message_id: Some("msg_dead".into()),
        correlation_id: Some("job_1".into()),
        ..Properties::default()
    };
    let batch = vec![to_queue(routes.jobs(), numbered(5), properties.clone())];
    assert_eq!(broker.publish(batch).await, vec![Ok(())]);
    let mut consumer = consume(&broker, &routes.jobs(), 1).await;
    assert_eq!(next(&mut consumer).await.dead().await, Settled::Yes);
    let delivery = next(&mut consume(&broker, &routes.dead(), 1).await).await;
    assert_eq!(number(&delivery), 5);
    assert_eq!(delivery.properties.message_id, properties.message_id);
    assert_eq!(delivery.properties.correlation_id, properties.correlation_id);
    assert!(quiet(consumer.next()).await, "it is nowhere else");
}

pub(super) async fn two_consumers_share_a_queue_and_nothing_comes_twice(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let (one, two) = (stage.connect().await, stage.connect().await);
    let consumers = [consume(&one, &routes.jobs(), 5).await, consume(&two, &routes.jobs(), 5).await];
    let (sender, mut receiver) = runtime::sync::mpsc::channel(1000);
    let running = consumers.map(|mut consumer| {
        let sender = sender.clone();
        runtime::spawn(async move {
            while let Some(delivery) = consumer.next().await {
                sender.send(number(&delivery)).await.expect("somebody counts");
                assert_eq!(delivery.done().await, Settled::Yes);
            }
        })
    });
    publish(&broker, &routes.jobs(), 0..500).await;
    let mut seen = Vec::new();
    while seen.len() < 500 {
        seen.extend(soon("all messages", receiver.recv()).await);
    }
    assert!(quiet(receiver.recv()).await, "no message comes twice");
    seen.sort_unstable();
    assert_eq!(seen, (0..500).collect::<Vec<_>>());
    running.iter().for_each(runtime::Running::abort);
}

pub(super) async fn a_batch_is_at_most_what_was_asked_for(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), 0..10).await;
    let mut consumer = consume(&broker, &routes.jobs(), 100).await;
    let mut seen = Vec::new();
    while seen.len() < 10 {
        let batch = soon("a batch", consumer.next_batch(4, 5)).await;
        assert!((1..=4).contains(&batch.len()), "{} at once", batch.len());
        seen.extend(batch.iter().map(number));
        for delivery in batch {
            assert_eq!(delivery.done().await, Settled::Yes);
        }
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    consumer.cancel().await;
    assert!(soon("the end", consumer.next_batch(4, 5)).await.is_empty());
}

pub(super) async fn a_batch_lingers_for_what_comes_a_little_later(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let mut consumer = consume(&broker, &routes.jobs(), 100).await;
    let queue = routes.jobs();
    let publisher = runtime::spawn(async move {
        publish(&broker, &queue, [0]).await;
        publish(&broker, &queue, [1, 2]).await;
        broker
    });
    // A full batch ends the wait at once, so a long linger costs nothing here.
    let batch = soon("a full batch", consumer.next_batch(3, crate::conformance::WAIT_MS)).await;
    assert_eq!(batch.iter().map(number).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(publisher.join().await.is_some());
}

pub(super) async fn a_wait_that_is_dropped_loses_nothing(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let mut consumer = consume(&broker, &routes.jobs(), 5).await;
    let queue = routes.jobs();
    let publisher = runtime::spawn(async move {
        for each in 0..100 {
            publish(&broker, &queue, [each]).await;
            runtime::yield_now().await;
        }
        broker
    });
    let mut seen = Vec::new();
    let all = async {
        let mut turn = 0_u32;
        while seen.len() < 100 {
            turn += 1;
            let batch = if turn.is_multiple_of(2) {
                runtime::timeout(1, consumer.next()).await.flatten().into_iter().collect()
            } else {
                runtime::timeout(1, consumer.next_batch(3, 3)).await.unwrap_or_default()
            };
            for delivery in batch {
                assert_eq!(delivery.redelivered, 0, "a dropped wait had taken {}", number(&delivery));
                seen.push(number(&delivery));
                assert_eq!(delivery.done().await, Settled::Yes);
            }
        }
    };
    soon("all messages", all).await;
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
    assert!(publisher.join().await.is_some());
}

pub(super) async fn a_dropped_wait_does_not_keep_a_message_from_others(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let mut fickle = consume(&broker, &routes.jobs(), 1).await;
    let other = stage.connect().await;
    let mut patient = consume(&other, &routes.jobs(), 1).await;
    for round in 0..20 {
        // Both wait; whichever is woken, the fickle one gives up, and a message that was meant for it goes on.
        let (gave_up, _) = futures_util::future::join(quick(fickle.next()), async {
            runtime::yield_now().await;
            publish(&broker, &routes.jobs(), [round]).await;
        })
        .await;
        match gave_up {
            Some(delivery) => drop(delivery),
            None => fickle.cancel().await,
        }
        drop(fickle);
        assert_eq!(finish(&mut patient, 1).await, [round]);
        fickle = consume(&broker, &routes.jobs(), 1).await;
    }
}

/// What a future comes to if it does so almost at once.
async fn quick(future: impl Future<Output = Option<Delivery>>) -> Option<Delivery> {
    runtime::timeout(1, future).await.flatten()
}
