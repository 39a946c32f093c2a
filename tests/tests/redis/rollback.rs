//! A server that lost its newest writes: a replica without them took over, or an older copy was put back.

use std::path::Path;
use std::process::Command;

use candor_platform::Error;
use candor_platform::store::Store;

use crate::log;
use crate::stage::{Server, grow, length, on_threads, owner, patiently};

/// Where Redis keeps what it does.
const FILES: &str = "appendonlydir";
/// Where a copy of that lies.
const COPY: &str = "aside";

fn copy(home: &Path, from: &str, to: &str) {
    let copied = Command::new("cp").args(["-r", from, to]).current_dir(home).status();
    assert!(copied.expect("cp is there").success());
}

fn stale<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::Stale { .. })), "{result:?}");
}

impl Server {
    /// Puts a copy of everything aside.
    fn keep(&self) {
        self.with(|redis| {
            redis.kill();
            copy(&redis.home(), FILES, COPY);
            redis.restart();
        });
    }

    /// Puts that copy back: whatever was written since is lost.
    fn roll_back(&self) {
        self.with(|redis| {
            redis.kill();
            std::fs::remove_dir_all(redis.home().join(FILES)).expect("it is there");
            copy(&redis.home(), COPY, FILES);
            redis.restart();
        });
    }
}

#[test]
fn of_two_owners_with_the_same_counter_the_one_of_the_lost_past_is_refused() {
    log::listen();
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let (past, present) = (server.store().await, server.store().await);
        let first = past.claim(0, owner(1)).await.expect("a claim");
        past.append(0, first, vec![grow(1, 0, 3)]).await.expect("an append");
        server.keep();
        let lost = patiently(|| past.claim(0, owner(2))).await.expect("a claim");
        past.append(0, lost, vec![grow(1, 3, 3)]).await.expect("an append");
        server.roll_back();
        let newest = patiently(|| present.claim(0, owner(3))).await.expect("a claim");
        assert_eq!(newest.counter, lost.counter, "counters repeat");
        stale(patiently(|| past.append(0, lost, vec![grow(1, 3, 1)])).await);
        stale(past.confirm(0, lost).await);
        present.append(0, newest, vec![grow(1, 3, 1)]).await.expect("the newest goes on");
        assert_eq!(length(&present, 1).await, 4);
        // The one that remembers says so when it takes the partition again.
        past.claim(0, owner(2)).await.expect("a claim");
        server.roll_back();
        patiently(|| past.claim(0, owner(2))).await.expect("a claim");
        let port = server.with(|redis| redis.port()).to_string();
        assert_eq!(log::said(&["ERROR", &port, "lost what it had acknowledged"]).len(), 1);
    });
}

#[test]
fn what_was_lost_is_not_confirmed_although_the_epoch_is_still_the_newest() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = server.store().await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        store.append(0, epoch, vec![grow(1, 0, 3)]).await.expect("an append");
        server.keep();
        patiently(|| store.append(0, epoch, vec![grow(1, 3, 3)])).await.expect("an append");
        assert_eq!(store.confirm(0, epoch).await, Ok(()));
        server.roll_back();
        stale(patiently(|| store.confirm(0, epoch)).await);
        stale(store.append(0, epoch, vec![grow(2, 0, 1)]).await);
        let again = store.claim(0, owner(1)).await.expect("a claim");
        assert_eq!(length(&store, 1).await, 3);
        store.append(0, again, vec![grow(1, 3, 1)]).await.expect("it goes on from what is there");
        assert_eq!(store.confirm(0, again).await, Ok(()));
    });
}
