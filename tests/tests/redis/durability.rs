//! When what was appended may leave the system.

use candor_platform::store::Store;
use candor_platform::store::redis::Settings;
use candor_platform::{Error, runtime};

use crate::stage::{Server, grow, on_threads, owner, ready, soon};

/// Longer than any test takes.
const FOR_EVER_MS: u64 = 3_600_000;

#[test]
fn where_every_append_is_synced_a_confirm_does_not_wait() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = ready(Settings { store_rollback_ms: FOR_EVER_MS, ..server.settings() }).await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        store.append(0, epoch, vec![grow(1, 0, 3)]).await.expect("an append");
        assert_eq!(soon("a confirm", store.confirm(0, epoch)).await, Ok(()));
    });
}

#[test]
fn where_syncing_comes_later_a_confirm_waits_and_looks_only_then() {
    let Some(server) = Server::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"]) else { return };
    on_threads(async {
        let store = ready(Settings { store_rollback_ms: 8_000, ..server.settings() }).await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        store.append(0, epoch, vec![grow(1, 0, 3)]).await.expect("an append");
        let mut confirming = std::pin::pin!(store.confirm(0, epoch));
        assert!(runtime::timeout(500, &mut confirming).await.is_none(), "it waits");
        // Somebody else takes the partition while it waits: had it looked at once, it would not know.
        let other = server.store().await;
        let newer = other.claim(0, owner(2)).await.expect("a claim");
        let refused = soon("a confirm", confirming).await;
        assert!(matches!(refused, Err(Error::Stale { .. })), "{refused:?}");
        drop(other);
        let waiting = ready(Settings { store_rollback_ms: 1, ..server.settings() }).await;
        assert_eq!(soon("a confirm", waiting.confirm(0, newer)).await, Ok(()));
    });
}

#[test]
fn a_fresh_owner_waits_too_because_what_it_read_may_be_as_young() {
    let Some(server) = Server::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"]) else { return };
    on_threads(async {
        let store = ready(Settings { store_rollback_ms: FOR_EVER_MS, ..server.settings() }).await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        assert!(runtime::timeout(500, store.confirm(0, epoch)).await.is_none(), "it waits");
    });
}
