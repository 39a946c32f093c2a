//! That nothing grows without a bound.

use candor_proto::route::Argument;

use super::*;
use crate::runtime;

/// By how much a bounded queue may overshoot when messages come one at a time.
const OVERSHOOT_MAX: u32 = 5;

pub(super) async fn a_full_queue_refuses_until_there_is_room(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let queue = like_tasks(&routes, "small", &[("x-max-length", Argument::Number(10))]);
    broker.declare(&only(queue.clone())).await.expect("the queue can be declared");
    let one = |each| broker.publish(vec![to_queue(queue.name.clone(), numbered(each), Properties::default())]);
    let mut taken = 0;
    loop {
        match soon("the fate", one(taken)).await.as_slice() {
            [Ok(())] => taken += 1,
            [Err(Error::Full { queue: name })] => break assert_eq!(*name, queue.name),
            other => panic!("{other:?}"),
        }
        assert!(taken <= 10 + OVERSHOOT_MAX, "the bound is not kept");
    }
    assert!(taken >= 10, "refused too early: {taken}");
    let mut consumer = consume(&broker, &queue.name, 1).await;
    assert_eq!(finish(&mut consumer, taken as usize).await, (0..taken).collect::<Vec<_>>(), "nothing was dropped");
    drop(consumer);
    let room = || async { matches!(one(99).await.as_slice(), [Ok(())]).then_some(()) };
    until("room", room).await;
}

pub(super) async fn at_most_the_prefetch_is_out_at_once(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    publish(&broker, &routes.jobs(), 0..5).await;
    let mut consumer = consume(&broker, &routes.jobs(), 2).await;
    let (first, second) = (next(&mut consumer).await, next(&mut consumer).await);
    assert!(quiet(consumer.next()).await, "two are out");
    assert_eq!(soon("a settlement", second.done()).await, Settled::Yes);
    let third = next(&mut consumer).await;
    assert_eq!(number(&third), 2);
    assert!(quiet(consumer.next_batch(10, 1)).await, "two are out again");
    // What is given back makes room too, and for itself.
    assert_eq!(soon("a settlement", first.again()).await, Settled::Yes);
    assert_eq!(number(&next(&mut consumer).await), 0);
    drop(third);
}

pub(super) async fn many_publishers_lose_nothing(stage: Arc<dyn BrokerStage>) {
    let (broker, routes) = declared(&stage).await;
    let publishers: Vec<_> = (0..8_u32)
        .map(|publisher| {
            let (broker, queue) = (broker.clone(), routes.jobs());
            runtime::spawn(async move {
                for batch in 0..5 {
                    let first = publisher * 1000 + batch * 50;
                    publish(&broker, &queue, first..first + 50).await;
                }
            })
        })
        .collect();
    let mut consumer = consume(&broker, &routes.jobs(), 100).await;
    let mut seen = finish(&mut consumer, 2000).await;
    for publisher in publishers {
        assert!(publisher.join().await.is_some());
    }
    for publisher in 0..8 {
        let own: Vec<u32> = seen.iter().copied().filter(|each| each / 1000 == publisher).collect();
        assert!(own.is_sorted(), "the messages of one publisher keep their order");
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 2000);
}
