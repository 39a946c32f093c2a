//! What becomes of appends when the server dies, stops, forgets its scripts or has no room.

use std::sync::Arc;

use candor_platform::link::Link;
use candor_platform::store::Store;
use candor_platform::store::redis::Settings;
use candor_platform::{Error, runtime};

use crate::stage::{Server, grow, job, length, on_threads, owner, patiently, ready, soon, until};

/// How long an answer may take where a test waits for none: longer than a disk that others use too.
const ANSWER_MS: u64 = 1_500;

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = server.store().await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        for turn in 0..20 {
            store.append(0, epoch, vec![grow(1, turn * 10, 10)]).await.expect("an append");
        }
        server.restarted();
        until("the log", async || patiently(|| store.log(0, job(1), 0, 1)).await.is_ok()).await;
        assert_eq!(length(&store, 1).await, 200);
        assert_eq!(patiently(|| store.confirm(0, epoch)).await, Ok(()));
    });
}

/// Appends one event after the other as an owner does: whatever is not clear is read again.
async fn write_on(store: Arc<dyn Store>, partition: u32, until: u64) {
    let number = u128::from(partition) + 1;
    loop {
        let epoch = patiently(|| store.claim(partition, owner(number))).await.expect("a claim");
        let log = patiently(|| store.log(partition, job(number), 0, usize::MAX)).await.expect("a log");
        let mut length = log.len() as u64;
        while length < until {
            match store.append(partition, epoch, vec![grow(number, length, 1)]).await {
                Ok(()) => length += 1,
                Err(error) if error.transient() => break,
                Err(error) => panic!("{error}"),
            }
        }
        if length == until {
            return;
        }
    }
}

#[test]
fn kills_under_load_lose_nothing_and_repeat_nothing() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store: Arc<dyn Store> = Arc::new(server.store().await);
        let writers: Vec<_> = (0..4).map(|each| runtime::spawn(write_on(store.clone(), each, 600))).collect();
        for past in [100, 250, 400] {
            until("some appends", async || {
                patiently(|| store.log(0, job(1), past, 1)).await.is_ok_and(|log| !log.is_empty())
            })
            .await;
            server.restarted();
        }
        for writer in writers {
            soon("a writer", writer.join()).await.expect("a writer ends well");
        }
        for each in 0..4_u32 {
            let log = store.log(each, job(u128::from(each) + 1), 0, usize::MAX).await.expect("a log");
            assert!(log.iter().map(|event| event.seq).eq(1..=600), "no event is missing, and none is there twice");
        }
    });
}

#[test]
fn an_append_that_nobody_answers_happened_whole_or_not_at_all() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = ready(Settings { response_ms: ANSWER_MS, ..server.settings() }).await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        store.append(0, epoch, vec![grow(1, 0, 100)]).await.expect("an append");
        server.say(&["client", "pause", "6000", "write"]);
        let unclear = soon("an append", store.append(0, epoch, vec![grow(1, 100, 100), grow(2, 0, 5)])).await;
        assert_eq!(unclear, Err(Error::NoAnswer { ms: ANSWER_MS }));
        let next = patiently(|| store.claim(0, owner(1))).await.expect("a claim");
        let now = length(&store, 1).await;
        assert_eq!((now == 200, now == 100), (length(&store, 2).await == 5, length(&store, 2).await == 0));
        store.append(0, next, vec![grow(1, now, 1)]).await.expect("it goes on from there");
    });
}

#[test]
fn a_server_that_stops_and_wakes_is_waited_for() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = ready(Settings { response_ms: ANSWER_MS, connect_ms: ANSWER_MS, ..server.settings() }).await;
        let mut link = store.link();
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        store.append(0, epoch, vec![grow(1, 0, 1)]).await.expect("an append");
        server.with(|redis| redis.signal("STOP"));
        let unclear = soon("an append", store.append(0, epoch, vec![grow(1, 1, 1)])).await;
        assert!(unclear.as_ref().is_err_and(Error::transient), "{unclear:?}");
        let down = soon("the news", link.wait_for(|link| matches!(link, Link::Down { .. }))).await;
        assert!(
            matches!(&*down.expect("the store lives"), Link::Down { reason } if reason.to_string().contains("no answer")
            || reason.to_string().contains("no connection"))
        );
        server.with(|redis| redis.signal("CONT"));
        soon("the news", link.wait_for(|link| *link == Link::Up)).await.expect("the store lives");
        let now = length(&store, 1).await;
        assert!((1..=2).contains(&now));
        store.append(0, epoch, vec![grow(1, now, 1)]).await.expect("it goes on from there");
    });
}

#[test]
fn a_server_that_forgets_its_scripts_gets_them_again() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = server.store().await;
        for turn in 0..3 {
            assert_eq!(server.say(&["script", "flush"]), "OK");
            let epoch = store.claim(0, owner(1)).await.expect("a claim");
            assert_eq!(server.say(&["script", "flush"]), "OK");
            store.append(0, epoch, vec![grow(1, turn, 1)]).await.expect("an append");
            assert_eq!(server.say(&["script", "flush"]), "OK");
            store.confirm(0, epoch).await.expect("a confirm");
        }
        assert_eq!(length(&store, 1).await, 3);
    });
}

/// Something makes the server refuse writes, and goes away again.
fn no_room(wrong: &[&str], right: &[&str], code: &str) {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = server.store().await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        store.append(0, epoch, vec![grow(1, 0, 10)]).await.expect("an append");
        server.say(wrong);
        match store.append(0, epoch, vec![grow(2, 0, 1), grow(1, 10, 10)]).await {
            Err(error @ Error::NoRoom { .. }) => {
                assert!(error.transient() && error.to_string().contains(code), "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(&*store.link().borrow(), Link::Blocked { reason } if reason.contains(code)));
        assert_eq!((length(&store, 1).await, length(&store, 2).await), (10, 0), "nothing of it was written");
        server.say(right);
        store.append(0, epoch, vec![grow(2, 0, 1), grow(1, 10, 10)]).await.expect("there is room");
        assert_eq!(*store.link().borrow(), Link::Up);
    });
}

#[test]
fn a_server_without_memory_takes_nothing_more_and_loses_nothing() {
    no_room(&["config", "set", "maxmemory", "1mb"], &["config", "set", "maxmemory", "0"], "OOM");
}

#[test]
fn a_server_that_misses_its_replicas_takes_nothing_more_and_loses_nothing() {
    let setting = "min-replicas-to-write";
    no_room(&["config", "set", setting, "1"], &["config", "set", setting, "0"], "NOREPLICAS");
}
