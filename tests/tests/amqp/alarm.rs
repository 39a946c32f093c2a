//! The server is short of memory and takes no messages.

use std::sync::Arc;

use candor_platform::{Broker, Error, Link};
use candor_tests::server::RabbitMq;

use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_alarm_stops_publishing_only_and_leaves_nothing_behind() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let fates = broker.publish((0..50).map(|each| to(&routes.jobs(), each)).collect()).await;
    assert_eq!(fates, vec![Ok(()); 50]);
    let mut consumer = consume(&broker, &routes.jobs(), 50).await;
    let first = next(&mut consumer).await;
    let mut link = broker.link();
    server.controlled(&["set_vm_memory_high_watermark", "0.0000001"]);
    let fates = soon("the fate", broker.publish(vec![to(&routes.jobs(), 100)])).await;
    assert!(matches!(fates.as_slice(), [Err(Error::NoAnswer { .. })]), "{fates:?}");
    soon("the link to be blocked", link.wait_for(|link| matches!(link, Link::Blocked { .. }))).await.expect("watched");
    // Consuming goes on: what was delivered before and what comes now can be settled.
    assert_eq!(number(&first), 0);
    assert_eq!(soon("a settlement", first.done()).await, candor_platform::broker::Settled::Yes);
    for number in 1..50 {
        assert_eq!(finish(&mut consumer).await, number);
    }
    // Nothing piles up: each of these waits its time and has never been written.
    let many: Vec<_> = (0..200)
        .map(|each| {
            let (broker, queue) = (Arc::clone(&broker), routes.jobs());
            candor_platform::runtime::spawn(async move { broker.publish(vec![to(&queue, 1_000 + each)]).await })
        })
        .collect();
    for publishing in many {
        let fates = soon("the fate", publishing.join()).await.expect("no panic");
        assert!(matches!(fates.as_slice(), [Err(Error::NoAnswer { .. })]), "{fates:?}");
    }
    server.controlled(&["set_vm_memory_high_watermark", "0.4"]);
    soon("the link to be up", link.wait_for(Link::is_up)).await.expect("watched");
    insist(&broker, to(&routes.jobs(), 200)).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&200) {
        seen.push(finish(&mut consumer).await);
    }
    assert!(seen.iter().all(|number| [100, 200].contains(number)), "{seen:?}");
}
