//! The network between us and the server fails.

use std::collections::BTreeSet;

use candor_platform::broker::Settled;
use candor_platform::broker::amqp::AmqpBroker;
use candor_platform::{Broker, Error, Link, runtime};
use candor_tests::server::RabbitMq;

use crate::relay::Relay;
use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_at_any_byte_loses_nothing_confirmed_and_settles_nothing_twice() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let relay = Relay::to(server.port());
    let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", relay.port());
    let broker = AmqpBroker::connect(&settings(&url, &routes)).expect("settings");
    broker.up(WAIT_MS).await.expect("the server is there");
    broker.declare(&routes.topology(1, &[])).await.expect("the usual queues");
    let direct = declared(&server, &routes).await;
    let (mut confirmed, mut done, mut seen) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for turn in 0..30_u32 {
        insist(&broker, to(&routes.dead(), turn)).await;
        // From a few bytes to a few batches, never the same place of a frame.
        relay.cut_after(i64::from(7 + turn * turn * 37));
        let mut consumer = consume(&broker, &routes.jobs(), 50).await;
        let mut first = 10_000 * (turn + 1);
        while !relay.has_cut() {
            let numbers = first..first + 30;
            first += 30;
            let fates = broker.publish(numbers.clone().map(|each| to(&routes.jobs(), each)).collect()).await;
            for (number, fate) in numbers.zip(fates) {
                match fate {
                    Ok(()) => _ = confirmed.insert(number),
                    Err(Error::NoAnswer { .. }) => {}
                    Err(other) => panic!("{number}: {other}"),
                }
            }
            // The library writes an acknowledgement of an old connection as little as a new one.
            while let Some(Some(delivery)) = runtime::timeout(20, consumer.next()).await {
                let number = number(&delivery);
                seen.insert(number);
                assert!(!done.contains(&number) || delivery.redelivered > 0, "{number} came twice as if it were new");
                if delivery.done().await == Settled::Yes {
                    done.insert(number);
                }
            }
        }
    }
    // What was confirmed was seen, or is still there.
    let mut rest = consume(&direct, &routes.jobs(), 100).await;
    while let Some(Some(delivery)) = runtime::timeout(2_000, rest.next()).await {
        seen.insert(number(&delivery));
        assert_eq!(delivery.done().await, Settled::Yes);
    }
    let lost: Vec<u32> = confirmed.difference(&seen).copied().collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(confirmed.len() > 30, "hardly anything was tried: {}", confirmed.len());
    eprintln!("30 cuts: {} confirmed, {} settled, none lost", confirmed.len(), done.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_is_noticed_and_a_private_queue_comes_back() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let relay = Relay::to(server.port());
    let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f?heartbeat=2", relay.port());
    let broker = AmqpBroker::connect(&settings(&url, &routes)).expect("settings");
    broker.up(WAIT_MS).await.expect("the server is there");
    broker.declare(&routes.topology(1, &[])).await.expect("the usual queues");
    let private = routes.private(routes.worker("w1"));
    broker.declare_private(&private, &[]).await.expect("a private queue");
    let mut consumer = consume(&broker, &private.name, 1).await;
    let mut link = broker.link();
    let hole = Watch::start();
    relay.swallow(true);
    assert!(soon("the end", consumer.next()).await.is_none());
    soon("the link to be down", link.wait_for(|link| matches!(link, Link::Down { .. }))).await.expect("it is watched");
    eprintln!("with heartbeats every 2 s noticed after {} ms", hole.ms());
    relay.swallow(false);
    let back = Watch::start();
    // The server may still believe in the old connection, and then its queue is not free yet.
    let mut consumer = consume(&broker, &private.name, 1).await;
    insist(&broker, to(&private.name, 5)).await;
    assert_eq!(finish(&mut consumer).await, 5);
    eprintln!("everything is back after {} ms", back.ms());
}
