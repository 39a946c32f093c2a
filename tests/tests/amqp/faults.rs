//! The server dies, goes, freezes, or throws us out.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use candor_platform::broker::amqp::AmqpBroker;
use candor_platform::broker::{Binding, Settled};
use candor_platform::{Broker, Error, Link, runtime};
use candor_tests::server::RabbitMq;

use crate::stage::*;

/// What publishers and consumers have seen.
#[derive(Default)]
struct Seen {
    confirmed: Mutex<BTreeSet<u32>>,
    delivered: Mutex<BTreeSet<u32>>,
    unknown: Mutex<u32>,
    stop: AtomicBool,
}

impl Seen {
    fn confirmed(&self) -> usize {
        self.confirmed.lock().unwrap().len()
    }

    fn delivered(&self) -> usize {
        self.delivered.lock().unwrap().len()
    }
}

/// Publishes numbers until told to stop; what has no answer is left out and never repeated.
async fn publish_on(broker: Arc<AmqpBroker>, queue: String, seen: Arc<Seen>) {
    let mut first = 0;
    while !seen.stop.load(Ordering::SeqCst) {
        let numbers = first..first + 20;
        first += 20;
        let fates = broker.publish(numbers.clone().map(|each| to(&queue, each)).collect()).await;
        for (number, fate) in numbers.zip(fates) {
            match fate {
                Ok(()) => _ = seen.confirmed.lock().unwrap().insert(number),
                Err(Error::NoAnswer { .. }) => *seen.unknown.lock().unwrap() += 1,
                Err(other) => panic!("{number}: {other}"),
            }
        }
    }
}

/// Consumes for ever, as a service does.
async fn consume_on(broker: Arc<AmqpBroker>, queue: String, seen: Arc<Seen>) {
    loop {
        let mut consumer = consume(&broker, &queue, 100).await;
        while let Some(delivery) = consumer.next().await {
            let number = number(&delivery);
            if delivery.done().await == Settled::Yes {
                seen.delivered.lock().unwrap().insert(number);
            }
        }
        assert!(consumer.next().await.is_none(), "and it stays ended");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_under_load_loses_nothing_confirmed_and_everything_flows_again() {
    let Some(mut server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let seen = Arc::<Seen>::default();
    let publisher = runtime::spawn(publish_on(Arc::clone(&broker), routes.jobs(), Arc::clone(&seen)));
    let consumer = runtime::spawn(consume_on(Arc::clone(&broker), routes.jobs(), Arc::clone(&seen)));
    until("some confirms", || async { (seen.confirmed() >= 500).then_some(()) }).await;
    server.kill();
    let (confirmed, delivered) = (seen.confirmed(), seen.delivered());
    let server = beside(move || {
        server.restart();
        server
    })
    .await;
    let back = Watch::start();
    until("a confirm", || async { (seen.confirmed() > confirmed).then_some(()) }).await;
    let publishing = back.ms();
    until("a delivery", || async { (seen.delivered() > delivered).then_some(()) }).await;
    eprintln!("flowing again: publishing after {publishing} ms, consuming after {} ms", back.ms());
    until("more confirms", || async { (seen.confirmed() >= confirmed + 500).then_some(()) }).await;
    seen.stop.store(true, Ordering::SeqCst);
    assert!(publisher.join().await.is_some());
    let all = || async {
        let (confirmed, delivered) = (seen.confirmed.lock().unwrap(), seen.delivered.lock().unwrap());
        confirmed.is_subset(&delivered).then_some(())
    };
    until("everything that was confirmed", all).await;
    eprintln!("{} confirmed, {} without an answer", seen.confirmed(), seen.unknown.lock().unwrap());
    consumer.abort();
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_thrown_out_comes_back_and_what_was_held_comes_again() {
    let Some(server) = RabbitMq::start("") else { return };
    let server = Arc::new(server);
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let private = routes.private(routes.worker("w1"));
    let binding = Binding { exchange: routes.control(), key: String::new() };
    broker.declare_private(&private, &[binding]).await.expect("a private queue");
    for (turn, blow) in [
        vec![vec!["close_all_connections", "test"]],
        vec![vec!["stop_app"], vec!["start_app"]],
        vec![vec!["close_all_connections", "again"]],
    ]
    .into_iter()
    .enumerate()
    {
        let number_sent = u32::try_from(turn).unwrap();
        let mut link = broker.link();
        insist(&broker, to(&routes.jobs(), number_sent)).await;
        let mut consumer = consume(&broker, &routes.jobs(), 10).await;
        let mut control = consume(&broker, &private.name, 10).await;
        let held = next(&mut consumer).await;
        let waiting = runtime::spawn(async move { control.next().await.is_none() });
        let struck = Arc::clone(&server);
        let words = blow.clone();
        let striking = runtime::spawn(beside(move || {
            for command in words {
                struck.controlled(&command);
            }
        }));
        assert!(soon("the end", consumer.next()).await.is_none(), "{blow:?}");
        assert!(soon("the end", consumer.next()).await.is_none(), "and it stays ended");
        assert_eq!(soon("the end of the other", waiting.join()).await, Some(true));
        soon("the link to be down", link.wait_for(|link| matches!(link, Link::Down { .. })))
            .await
            .expect("it is watched");
        assert_eq!(soon("a settlement", held.done()).await, Settled::TooLate);
        assert!(striking.join().await.is_some());
        let back = Watch::start();
        soon("the link to be up", link.wait_for(Link::is_up)).await.expect("it is watched");
        let mut consumer = consume(&broker, &routes.jobs(), 10).await;
        let again = next(&mut consumer).await;
        assert_eq!((number(&again), again.redelivered), (number_sent, 1));
        assert_eq!(again.done().await, Settled::Yes);
        eprintln!("{blow:?}: consuming again {} ms after it was over", back.ms());
        // The private queue was gone, and is made again with its binding by whoever consumes from it.
        let mut control = consume(&broker, &private.name, 10).await;
        let target = candor_platform::broker::Target::Exchange { name: routes.control(), key: String::new() };
        insist(&broker, candor_platform::broker::Outgoing { target, ..to("", 7) }).await;
        assert_eq!(finish(&mut control).await, 7);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_is_noticed_and_taken_back() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    insist(&broker, to(&routes.jobs(), 1)).await;
    let mut link = broker.link();
    server.signal("STOP");
    let frozen = Watch::start();
    let fates = soon("the fate", broker.publish(vec![to(&routes.jobs(), 2)])).await;
    assert!(matches!(fates.as_slice(), [Err(Error::NoAnswer { .. })]), "{fates:?}");
    soon("the link to be down", link.wait_for(|link| matches!(link, Link::Down { .. }))).await.expect("it is watched");
    eprintln!("noticed after {} ms", frozen.ms());
    let refused = soon("a refusal", broker.standing(&routes.jobs())).await;
    assert!(refused.as_ref().is_err_and(Error::transient), "{refused:?}");
    server.signal("CONT");
    let thawed = Watch::start();
    insist(&broker, to(&routes.jobs(), 3)).await;
    let mut consumer = consume(&broker, &routes.jobs(), 10).await;
    assert_eq!(finish(&mut consumer).await, 1);
    eprintln!("flowing again {} ms after it went on", thawed.ms());
    let rest = [finish(&mut consumer).await, finish_or(&mut consumer, 3).await];
    assert!(rest.contains(&3), "{rest:?}");
}

/// The next number, or this one where nothing comes: the second message may have been stored or not.
async fn finish_or(consumer: &mut Box<dyn candor_platform::Consumer>, number: u32) -> u32 {
    match runtime::timeout(500, consumer.next()).await {
        Some(Some(delivery)) => {
            let number = crate::stage::number(&delivery);
            assert_eq!(delivery.done().await, Settled::Yes);
            number
        }
        Some(None) | None => number,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absent_server_is_waited_for_and_named() {
    let Some(mut server) = RabbitMq::start("") else { return };
    let routes = routes();
    server.kill();
    let broker = connect(&server, &routes);
    let error = broker.up(1_000).await.expect_err("nobody is there");
    let expected = format!("cannot reach RabbitMQ at 127.0.0.1:{}: connection refused", server.port());
    assert_eq!(error.to_string(), expected);
    let error = soon("a refusal", broker.consume(&routes.jobs(), 1)).await.err().expect("nobody is there");
    assert!(error.transient(), "{error}");
    assert_eq!(error.to_string(), expected);
    let fates = soon("the fate", broker.publish(vec![to(&routes.jobs(), 1)])).await;
    assert!(matches!(fates.as_slice(), [Err(Error::NoAnswer { .. })]), "{fates:?}");
    // Who closes does not wait for a server that never came.
    let other = connect(&server, &routes);
    soon("the close", other.close()).await;
    assert!(matches!(other.declare(&routes.topology(1, &[])).await, Err(Error::Closed { .. })));
    let _server = beside(move || {
        server.restart();
        server
    })
    .await;
    broker.up(WAIT_MS).await.expect("it is there");
    broker.declare(&routes.topology(1, &[])).await.expect("the usual queues");
    insist(&broker, to(&routes.jobs(), 1)).await;
}
