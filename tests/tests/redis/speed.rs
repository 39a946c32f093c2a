//! Large appends are one step. What they took is printed for who asks (`--nocapture`).

use std::sync::Arc;
use std::time::Instant;

use candor_platform::runtime;
use candor_platform::store::{Append, Store};

use crate::stage::{Server, grow, job, length, on_threads, owner};

#[test]
fn ten_thousand_events_and_five_hundred_jobs_are_one_step() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = Arc::new(server.store().await);
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        #[expect(clippy::disallowed_methods, reason = "it is measured and printed, and nothing depends on it")]
        let began = Instant::now;
        let start = began();
        store.append(0, epoch, vec![grow(1, 0, 10_000)]).await.expect("an append");
        eprintln!("10,000 events of one job: {:?}", start.elapsed());
        let start = began();
        let wide: Vec<Append> = (1..=512).map(|each| grow(1_000 + each, 0, 20)).collect();
        store.append(0, epoch, wide).await.expect("an append");
        eprintln!("20 events of each of 512 jobs: {:?}", start.elapsed());
        let start = began();
        for turn in 0..500 {
            store.append(0, epoch, vec![grow(2, turn, 1)]).await.expect("an append");
        }
        eprintln!("500 appends of an event, one after the other: {:?}", start.elapsed());
        let start = began();
        for _ in 0..500 {
            store.line(0, job(2)).await.expect("a line");
        }
        eprintln!("500 lines, one after the other: {:?}", start.elapsed());
        let start = began();
        let owners = (1..=8).map(|partition| {
            let store = store.clone();
            runtime::spawn(async move {
                let epoch = store.claim(partition, owner(1)).await.expect("a claim");
                for turn in 0..200 {
                    store.append(partition, epoch, vec![grow(1, turn * 10, 10)]).await.expect("an append");
                }
            })
        });
        for owner in owners.collect::<Vec<_>>() {
            owner.join().await.expect("it ends well");
        }
        eprintln!("200 appends of ten events in each of 8 partitions at once: {:?}", start.elapsed());
        let start = began();
        assert_eq!(length(&*store, 1).await, 10_000);
        eprintln!("10,000 events read and checked: {:?}", start.elapsed());
        let start = began();
        assert_eq!(store.lines(0, 10_000).await.map(|lines| lines.len()), Ok(514));
        eprintln!("514 lines: {:?}", start.elapsed());
        assert_eq!(store.log(0, job(1_512), 19, 10).await.map(|log| log.len()), Ok(1));
    });
}
