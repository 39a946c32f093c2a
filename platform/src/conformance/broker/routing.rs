//! What is declared, and where messages go.

use candor_proto::route::{Argument, Exchange, ExchangeKind};

use super::*;
use crate::broker::{Binding, Standing, Target};

fn to_exchange(exchange: &str, key: &str, number: u32) -> Outgoing {
    let target = Target::Exchange { name: exchange.to_owned(), key: key.to_owned() };
    Outgoing { target, message: numbered(number), properties: Properties::default() }
}

fn binding(exchange: &str, key: &str) -> Binding {
    Binding { exchange: exchange.to_owned(), key: key.to_owned() }
}

pub(super) async fn a_message_for_no_queue_is_unroutable_and_the_others_arrive(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let nowhere = format!("{}.nowhere", routes.prefix());
    let batch: Vec<Outgoing> = (0..200)
        .map(|each| {
            let queue = if each % 20 == 7 { nowhere.clone() } else { routes.jobs() };
            // Returned messages are told apart by their id.
            let properties = Properties { message_id: Some(format!("msg_{each}")), ..Properties::default() };
            to_queue(queue, numbered(each), properties)
        })
        .collect();
    let results = soon("the fates", broker.publish(batch)).await;
    assert_eq!(results.len(), 200);
    for (each, result) in results.iter().enumerate() {
        match result {
            Ok(()) => assert_ne!(each % 20, 7, "{each} went nowhere"),
            Err(Error::Unroutable { .. }) => assert_eq!(each % 20, 7, "{each} has a queue"),
            Err(other) => panic!("{each}: {other}"),
        }
    }
    let mut consumer = consume(&broker, &routes.jobs(), 50).await;
    assert_eq!(finish(&mut consumer, 190).await, (0..200).filter(|each| each % 20 != 7).collect::<Vec<_>>());
}

pub(super) async fn a_topic_exchange_follows_its_patterns(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let patterns = [("one", "job.*.ended"), ("any", "job.1.#"), ("all", "#"), ("two", "*.2.*")];
    for (name, key) in patterns {
        let queue = routes.private(routes.replies(name));
        broker.declare_private(&queue, &[binding(&routes.events(), key)]).await.expect("a bound queue");
    }
    let keys = ["job.1.ended", "job.2.ended", "job.1", "job.1.task.started", "other"];
    let batch = (0..).zip(keys).map(|(number, key)| to_exchange(&routes.events(), key, number)).collect();
    assert_eq!(broker.publish(batch).await, vec![Ok(()); 5]);
    let expected: [(&str, &[u32]); 4] =
        [("one", &[0, 1]), ("any", &[0, 2, 3]), ("all", &[0, 1, 2, 3, 4]), ("two", &[1])];
    for (name, numbers) in expected {
        let mut consumer = consume(&broker, &routes.replies(name), 10).await;
        assert_eq!(finish(&mut consumer, numbers.len()).await, numbers, "{name}");
        assert!(quiet(consumer.next()).await, "{name} gets nothing more");
    }
}

pub(super) async fn a_fanout_exchange_reaches_every_queue_once(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let other = stage.connect().await;
    let twice = [binding(&routes.control(), "a"), binding(&routes.control(), "b")];
    broker.declare_private(&routes.private(routes.worker("a")), &twice).await.expect("a bound queue");
    other.declare_private(&routes.private(routes.worker("b")), &twice[..1]).await.expect("a bound queue");
    assert_eq!(broker.publish(vec![to_exchange(&routes.control(), "", 9)]).await, vec![Ok(())]);
    for (connection, name) in [(&broker, "a"), (&other, "b")] {
        let mut consumer = consume(connection, &routes.worker(name), 10).await;
        assert_eq!(finish(&mut consumer, 1).await, [9], "{name}");
        assert!(quiet(consumer.next()).await, "{name} gets it once");
    }
}

pub(super) async fn an_exchange_may_reach_nobody_but_must_exist(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let missing = format!("{}.missing", routes.prefix());
    let reached = soon("the fate", broker.publish(vec![to_exchange(&routes.events(), "x", 1)])).await;
    assert_eq!(reached, vec![Ok(())]);
    let refused = soon("the fate", broker.publish(vec![to_exchange(&missing, "x", 1)])).await;
    assert_eq!(refused, vec![Err(Error::NoExchange { exchange: missing.clone() })]);
    let queue = routes.private(routes.worker("a"));
    let refused = broker.declare_private(&queue, &[binding(&missing, "x")]).await;
    assert_eq!(refused, Err(Error::NoExchange { exchange: missing }));
    publish(&broker, &routes.jobs(), [1]).await;
}

pub(super) async fn declaring_twice_is_harmless(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), [1]).await;
    let (other, _) = declared(&stage).await;
    broker.declare(&routes.topology(1, &["default".to_owned()])).await.expect("again");
    let mut consumer = consume(&other, &routes.jobs(), 1).await;
    assert_eq!(finish(&mut consumer, 1).await, [1], "what was in the queue is still there");
}

pub(super) async fn declaring_with_other_arguments_is_refused(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let queue = like_tasks(&routes, "argued", &[]);
    broker.declare(&only(queue.clone())).await.expect("the queue can be declared");
    let other = like_tasks(&routes, "argued", &[("x-delivery-limit", Argument::Number(77))]);
    match broker.declare(&only(other)).await {
        Err(Error::Inequivalent { name, argument, .. }) => {
            assert_eq!((name, argument.as_str()), (queue.name.clone(), "x-delivery-limit"));
        }
        declared => panic!("{declared:?}"),
    }
    let kind = Exchange { name: routes.events(), kind: ExchangeKind::Fanout };
    let declared = broker.declare(&Topology { queues: Vec::new(), exchanges: vec![kind] }).await;
    assert!(matches!(declared, Err(Error::Inequivalent { .. })), "{declared:?}");
    // The connection goes on, and the queue is as it was.
    publish(&broker, &queue.name, [1]).await;
}

pub(super) async fn consuming_from_no_queue_is_refused(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let nowhere = format!("{}.nowhere", routes.prefix());
    let refused = soon("a refusal", broker.consume(&nowhere, 1)).await;
    assert_eq!(refused.err(), Some(Error::NoQueue { queue: nowhere }));
    publish(&broker, &routes.jobs(), [1]).await;
}

pub(super) async fn how_a_queue_stands_can_be_asked(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let nowhere = format!("{}.nowhere", routes.prefix());
    assert_eq!(broker.standing(&nowhere).await, Ok(None));
    let stands = |wanted: fn(Standing) -> bool| {
        let (broker, queue) = (broker.clone(), routes.jobs());
        until("it to stand so", move || {
            let (broker, queue) = (broker.clone(), queue.clone());
            async move { broker.standing(&queue).await.expect("an answer").filter(|found| wanted(*found)) }
        })
    };
    stands(|found| found == Standing { ready: 0, consumers: 0 }).await;
    publish(&broker, &routes.jobs(), 0..3).await;
    stands(|found| found == Standing { ready: 3, consumers: 0 }).await;
    let mut consumer = consume(&broker, &routes.jobs(), 1).await;
    // Whether what was sent to a consumer that has not asked for it still waits is the broker's affair.
    stands(|found| found.consumers == 1 && found.ready >= 2).await;
    assert_eq!(finish(&mut consumer, 3).await, [0, 1, 2]);
    stands(|found| found == Standing { ready: 0, consumers: 1 }).await;
    consumer.cancel().await;
    stands(|found| found == Standing { ready: 0, consumers: 0 }).await;
}

pub(super) async fn a_publish_knows_its_own_fate_whatever_its_id(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let nowhere = format!("{}.nowhere", routes.prefix());
    let properties = Properties { message_id: Some("the same".into()), ..Properties::default() };
    let queue_of = |each: u32| if each.is_multiple_of(3) { nowhere.clone() } else { routes.jobs() };
    let batch = (0..100).map(|each| to_queue(queue_of(each), numbered(each), properties.clone())).collect();
    let results = soon("the fates", broker.publish(batch)).await;
    for (each, result) in (0..).zip(results) {
        assert_eq!(result.is_ok(), queue_of(each) != nowhere, "{each}: {result:?}");
    }
}
