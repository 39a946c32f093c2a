//! Fates of publishes, one for each, however many are on their way.

use std::sync::Arc;

use candor_platform::broker::{Outgoing, Properties, Settled, Target, to_queue};
use candor_platform::{Broker, Error, runtime};
use candor_tests::server::RabbitMq;

use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_publish_has_its_own_fate_also_with_one_id_for_all() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let nowhere = format!("{}.nowhere", routes.prefix());
    let missing = format!("{}.missing", routes.prefix());
    let batch: Vec<Outgoing> = (0..300)
        .map(|each| match each % 10 {
            3 => to(&nowhere, each),
            5 => {
                // The same id as its routable neighbour's.
                let properties = Properties { message_id: Some("one".into()), ..Properties::default() };
                to_queue(nowhere.clone(), numbered(each), properties)
            }
            6 => {
                let properties = Properties { message_id: Some("one".into()), ..Properties::default() };
                to_queue(routes.jobs(), numbered(each), properties)
            }
            7 => Outgoing { target: Target::Exchange { name: missing.clone(), key: "x".into() }, ..to("", each) },
            8 => to(&"q".repeat(300), each),
            9 => Outgoing { target: Target::Exchange { name: routes.events(), key: "x".into() }, ..to("", each) },
            _ => to(&routes.jobs(), each),
        })
        .collect();
    let publishers: Vec<_> = (0..8)
        .map(|_| {
            let (broker, batch) = (Arc::clone(&broker), batch.clone());
            runtime::spawn(async move { broker.publish(batch).await })
        })
        .collect();
    for publisher in publishers {
        let fates = soon("the fates", publisher.join()).await.expect("no panic");
        assert_eq!(fates.len(), 300);
        for (each, fate) in fates.into_iter().enumerate() {
            match each % 10 {
                3 | 5 => assert_eq!(fate, Err(Error::Unroutable { target: nowhere.clone() }), "{each}"),
                7 => assert_eq!(fate, Err(Error::NoExchange { exchange: missing.clone() }), "{each}"),
                8 => assert!(matches!(fate, Err(Error::Unroutable { .. })), "{each}: {fate:?}"),
                _ => assert_eq!(fate, Ok(()), "{each}"),
            }
        }
    }
    assert_eq!(broker.publish(Vec::new()).await, Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_batches_are_pipelined_and_arrive_in_order() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    for size in [1_u32, 100, 5_000] {
        let rounds = if size == 1 { 200 } else { 2 };
        let begun = Watch::start();
        for _ in 0..rounds {
            let batch: Vec<Outgoing> = (0..size).map(|each| to(&routes.jobs(), each)).collect();
            assert_eq!(soon("confirms", broker.publish(batch)).await, vec![Ok(()); size as usize]);
        }
        eprintln!("batches of {size}: {:.0} confirmed publishes a second", begun.rate(size * rounds));
        let mut consumer = consume(&broker, &routes.jobs(), 1_000).await;
        let begun = Watch::start();
        for _ in 0..rounds {
            for each in 0..size {
                assert_eq!(finish(&mut consumer).await, each);
            }
        }
        eprintln!("batches of {size}: {:.0} deliveries a second, each settled", begun.rate(size * rounds));
        // So that it is gone before the next batch.
        consumer.cancel().await;
    }
    // Settled together, as a batch is.
    let batch: Vec<Outgoing> = (0..10_000).map(|each| to(&routes.jobs(), each)).collect();
    assert_eq!(soon("confirms", broker.publish(batch)).await, vec![Ok(()); 10_000]);
    let mut consumer = consume(&broker, &routes.jobs(), 1_024).await;
    let (begun, mut seen) = (Watch::start(), 0);
    while seen < 10_000 {
        let batch = soon("a batch", consumer.next_batch(512, 2)).await;
        seen += batch.len();
        let settled = futures_util::future::join_all(batch.into_iter().map(candor_platform::Delivery::done)).await;
        assert!(settled.iter().all(|settled| *settled == Settled::Yes));
    }
    eprintln!("in batches of 512: {:.0} deliveries a second, settled together", begun.rate(10_000));
    consumer.cancel().await;
    // Many bodies at once stay within what publishing may cost in memory.
    let big = candor_proto::message::JobRequest { request: Some("x".repeat(900_000)), ..Default::default() };
    let big = candor_proto::Message::JobRequest(Box::new(big));
    let batch = (0..40).map(|_| to_queue(routes.jobs(), big.clone(), Properties::default())).collect();
    assert_eq!(soon("confirms", broker.publish(batch)).await, vec![Ok(()); 40]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_vanishes_costs_its_own_messages_only() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let to_events =
        |each| Outgoing { target: Target::Exchange { name: routes.events(), key: "x".into() }, ..to("", each) };
    assert_eq!(broker.publish(vec![to_events(1)]).await, vec![Ok(())]);
    let name = routes.events();
    let delete =
        format!("rabbit_exchange:delete(rabbit_misc:r(<<\"/\">>, exchange, <<\"{name}\">>), false, <<\"test\">>).");
    server.controlled(&["eval", &delete]);
    let told = until("the loss to be known", || async {
        let fates = broker.publish(vec![to(&routes.jobs(), 2), to_events(3), to(&routes.jobs(), 4)]).await;
        matches!(fates.as_slice(), [Ok(()), Err(Error::NoExchange { .. }), Ok(())]).then_some(fates)
    });
    assert_eq!(told.await[1], Err(Error::NoExchange { exchange: name }));
}

/// The threads that the client keeps, how often they wake while nothing happens, and what it costs in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: it watches the clock"]
async fn an_idle_connection_hardly_wakes() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let resident = resident_kib();
    let broker = declared(&server, &routes).await;
    let _consumer = consume(&broker, &routes.jobs(), 1).await;
    insist(&broker, to(&routes.jobs(), 1)).await;
    eprintln!("connected for {} KiB more", resident_kib().saturating_sub(resident));
    let before = switches();
    runtime::sleep(20_000).await;
    for (thread, count) in switches() {
        let was = before.iter().find(|(known, _)| *known == thread).map_or(0, |(_, count)| *count);
        eprintln!("{thread}: {:.1} wakes a second", (count - was) as f64 / 20.0);
    }
}

fn switches() -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").expect("this process").flatten() {
        let text = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let name = format!("{} {}", field("Name:"), task.file_name().to_string_lossy());
        if name.starts_with("amqp") || name.starts_with("lapin") {
            found.push((name, field("voluntary_ctxt_switches:").parse().unwrap_or(0)));
        }
    }
    found
}

fn resident_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("this process");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("how much it holds");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
