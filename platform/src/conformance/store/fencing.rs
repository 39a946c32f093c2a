//! Who may write, and where.

use futures_util::future::join_all;

use super::*;
use crate::runtime;

pub(super) async fn every_claim_is_a_new_epoch(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let mut counters = Vec::new();
    for number in 1..=3 {
        let epoch = claim(&store, 5, number).await;
        assert_eq!(epoch.owner, owner(number));
        counters.push(epoch.counter);
    }
    let again = claim(&store, 5, 3).await;
    counters.push(again.counter);
    drop(store);
    stage.restart().await;
    counters.push(claim(&stage.store().await, 5, 1).await.counter);
    assert!(counters.is_sorted_by(|earlier, later| earlier < later), "{counters:?}");
}

pub(super) async fn an_old_epoch_cannot_append(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let old = claim(&store, 0, 1).await;
    append(&store, 0, old, vec![grow(job(1), 0, 2)]).await.expect("an append");
    let new = claim(&store, 0, 2).await;
    let refused = append(&store, 0, old, vec![grow(job(1), 2, 1), grow(job(2), 0, 1)]).await;
    assert!(stale(&refused), "{refused:?}");
    assert!(stale(&append(&store, 0, old, Vec::new()).await), "even an empty batch is checked");
    assert!(stale(&store.confirm(0, old).await));
    assert_eq!(log(&store, 0, job(1)).await, events(0, 2));
    assert_eq!(store.live(0).await, Ok(vec![job(1)]));
    assert_eq!(store.confirm(0, new).await, Ok(()));
    append(&store, 0, new, vec![grow(job(1), 2, 1)]).await.expect("the new owner goes on");
    drop(store);
    stage.restart().await;
    assert!(stale(&append(&stage.store().await, 0, old, vec![grow(job(1), 3, 1)]).await));
}

/// After a rollback counters repeat; owners do not.
pub(super) async fn the_same_counter_of_another_owner_cannot_append(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    let strangers = [
        Epoch { counter: epoch.counter, owner: owner(2) },
        Epoch { counter: epoch.counter + 1, owner: owner(1) },
        Epoch { counter: 0, owner: owner(1) },
    ];
    for stranger in strangers {
        assert!(stale(&append(&store, 0, stranger, vec![grow(job(1), 0, 1)]).await), "{stranger:?}");
        assert!(stale(&store.confirm(0, stranger).await), "{stranger:?}");
    }
    assert_eq!(log(&store, 0, job(1)).await, Vec::new());
    append(&store, 0, epoch, vec![grow(job(1), 0, 1)]).await.expect("the owner itself");
}

pub(super) async fn a_partition_that_nobody_claimed_takes_nothing(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    assert!(stale(&append(&store, 1, epoch, vec![grow(job(1), 0, 1)]).await));
    assert!(stale(&store.confirm(1, epoch).await));
    assert_eq!(log(&store, 1, job(1)).await, Vec::new());
}

pub(super) async fn a_wrong_length_is_refused(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    append(&store, 0, epoch, vec![grow(job(1), 0, 3)]).await.expect("an append");
    for wrong in [0, 2, 4, 1000] {
        assert!(stale(&append(&store, 0, epoch, vec![grow(job(1), wrong, 1)]).await), "{wrong}");
    }
    assert!(stale(&append(&store, 0, epoch, vec![grow(job(2), 1, 1)]).await), "a job that is unknown");
    assert_eq!(log(&store, 0, job(1)).await, events(0, 3));
    append(&store, 0, epoch, vec![grow(job(1), 3, 1)]).await.expect("the right length");
}

pub(super) async fn wrongly_numbered_events_are_refused(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    let mut wrong = grow(job(1), 0, 2);
    wrong.events = events(1, 2);
    assert!(stale(&append(&store, 0, epoch, vec![wrong]).await));
    assert_eq!(log(&store, 0, job(1)).await, Vec::new());
}

pub(super) async fn a_batch_is_written_whole_or_not_at_all(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    append(&store, 0, epoch, vec![grow(job(1), 0, 1), grow(job(2), 0, 1)]).await.expect("an append");
    let mut ending = grow(job(1), 1, 1);
    ending.live = false;
    ending.line.succeeded = 99;
    let batch = vec![ending, grow(job(3), 0, 5), grow(job(2), 7, 1), grow(job(4), 0, 1)];
    assert!(stale(&append(&store, 0, epoch, batch).await));
    for restarted in [false, true] {
        let store = if restarted { stage.store().await } else { store.clone() };
        assert_eq!(log(&store, 0, job(1)).await, events(0, 1));
        assert_eq!(log(&store, 0, job(3)).await, Vec::new());
        assert_eq!(log(&store, 0, job(4)).await, Vec::new());
        assert_eq!(store.live(0).await, Ok(vec![job(1), job(2)]));
        assert_eq!(store.line(0, job(1)).await, Ok(Some(line(job(1), 1))));
        assert_eq!(store.lines(0, 10).await.map(|lines| lines.len()), Ok(2));
        if restarted {
            break;
        }
    }
    drop(store);
    stage.restart().await;
    let store = stage.store().await;
    assert_eq!(log(&store, 0, job(1)).await, events(0, 1));
    assert_eq!(store.live(0).await, Ok(vec![job(1), job(2)]));
}

pub(super) async fn of_many_claims_at_once_one_is_the_newest(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let claims = (1..=20).map(|number| {
        let store = store.clone();
        runtime::spawn(async move { claim(&store, 0, number).await }).join()
    });
    let epochs: Vec<Epoch> = join_all(claims).await.into_iter().map(|epoch| epoch.expect("a claim")).collect();
    let mut counters: Vec<u64> = epochs.iter().map(|epoch| epoch.counter).collect();
    counters.sort_unstable();
    counters.dedup();
    assert_eq!(counters.len(), 20, "no counter is given out twice");
    let newest = counters.last().copied();
    for epoch in epochs {
        let appended = append(&store, 0, epoch, vec![grow(job(1), 0, 1)]).await;
        match appended {
            Ok(()) => assert_eq!(Some(epoch.counter), newest),
            Err(error) => assert!(stale(&Err(error)) && Some(epoch.counter) != newest, "{epoch:?}"),
        }
    }
}

pub(super) async fn of_two_appends_at_one_place_one_is_written(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    for place in 0..20 {
        let racers = (0..4).map(|_| {
            let store = store.clone();
            runtime::spawn(async move { append(&store, 0, epoch, vec![grow(job(1), place, 1)]).await }).join()
        });
        let results: Vec<_> = join_all(racers).await.into_iter().map(|result| result.expect("a fate")).collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().all(|result| result.is_ok() || stale(result)), "{results:?}");
    }
    assert_eq!(log(&store, 0, job(1)).await, events(0, 20));
}

/// An owner need not wait for one append before it sends the next.
pub(super) async fn appends_at_once_for_many_jobs_are_all_written(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    let writers = (1..=12).map(|number| {
        let store = store.clone();
        runtime::spawn(async move {
            for turn in 0..10 {
                append(&store, 0, epoch, vec![grow(job(number), turn * 3, 3)]).await.expect("an append");
                assert_eq!(store.confirm(0, epoch).await, Ok(()));
            }
        })
        .join()
    });
    assert!(join_all(writers).await.iter().all(Option::is_some));
    for number in 1..=12 {
        assert_eq!(log(&store, 0, job(number)).await, events(0, 30));
    }
}

pub(super) async fn nothing_is_appended_behind_a_claim(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let mut length = 0;
    for round in 0..10 {
        let old = claim(&store, 0, round * 2 + 1).await;
        let (writing, from) = (store.clone(), length);
        let writer = runtime::spawn(async move {
            let mut written = from;
            loop {
                match append(&writing, 0, old, vec![grow(job(1), written, 1)]).await {
                    Ok(()) => written += 1,
                    Err(Error::Stale { .. }) => return written,
                    Err(other) => panic!("{other}"),
                }
                runtime::sleep(1).await;
            }
        });
        runtime::sleep(5).await;
        claim(&store, 0, round * 2 + 2).await;
        let seen = log(&store, 0, job(1)).await.len() as u64;
        length = soon("the writer's end", writer.join()).await.expect("the writer");
        assert_eq!(seen, length, "after the claim nothing more was appended");
    }
    assert_eq!(log(&store, 0, job(1)).await, events(0, length));
}
