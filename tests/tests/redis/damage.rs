//! What somebody else did to what lies in Redis.

use candor_platform::Error;
use candor_platform::store::Store;

use crate::stage::{Server, grow, job, on_threads, owner};

const TAG: &str = "{candor:0}";

fn damaged<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::Damaged { .. })), "{result:?}");
}

#[test]
fn a_damaged_entry_is_not_taken_for_what_was_written() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = server.store().await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        store.append(0, epoch, vec![grow(1, 0, 3), grow(2, 0, 3)]).await.expect("an append");
        let (one, two) = (job(1).uuid().to_string(), job(2).uuid().to_string());
        let log = |name: &str| format!("{TAG}:log:{name}");
        // An event of another job has a seal of its own, but not of this place.
        server.with(|redis| {
            redis.control(&[
                "eval",
                "redis.call('LSET', KEYS[1], 1, redis.call('LINDEX', KEYS[2], 1))",
                "2",
                &log(&one),
                &log(&two),
            ])
        });
        damaged(store.log(0, job(1), 0, 10).await);
        assert_eq!(store.log(0, job(1), 0, 1).await.map(|log| log.len()), Ok(1), "what is whole can be read");
        server.say(&["lset", &log(&two), "0", "nonsense"]);
        damaged(store.log(0, job(2), 0, 10).await);
        server.say(&["hset", &format!("{TAG}:lines"), &one, "nonsense"]);
        damaged(store.line(0, job(1)).await);
        damaged(store.lines(0, 10).await);
        server.say(&["hdel", &format!("{TAG}:lines"), &one]);
        damaged(store.lines(0, 10).await);
        server.say(&["zadd", &format!("{TAG}:live"), "0", "nonsense"]);
        damaged(store.live(0).await);
    });
}

#[test]
fn an_append_to_keys_of_another_kind_is_refused_before_anything_is_written() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = server.store().await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        let one = job(1).uuid().to_string();
        let keys = ["live", "jobs", "lines", "places"].map(|name| format!("{TAG}:{name}"));
        for key in keys.into_iter().chain([format!("{TAG}:log:{one}")]) {
            server.say(&["set", &key, "of another kind"]);
            damaged(store.append(0, epoch, vec![grow(2, 0, 1), grow(1, 0, 1)]).await);
            server.say(&["del", &key]);
            assert_eq!(store.log(0, job(2), 0, 10).await, Ok(Vec::new()), "{key}");
            assert_eq!(store.lines(0, 10).await, Ok(Vec::new()), "{key}");
        }
        server.say(&["set", &format!("{TAG}:tick"), "nonsense"]);
        damaged(store.append(0, epoch, vec![grow(1, 0, 1)]).await);
        damaged(store.confirm(0, epoch).await);
        server.say(&["set", &format!("{TAG}:epoch"), "nonsense"]);
        damaged(store.claim(0, owner(2)).await);
    });
}

#[test]
fn what_a_newer_build_wrote_is_not_touched() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        let store = server.store().await;
        assert_eq!(store.partitions(4).await, Ok(4));
        server.say(&["hset", "{candor}:facts", "format", "7"]);
        match store.partitions(4).await {
            Err(Error::Newer { found: 7, known: 1, .. }) => {}
            other => panic!("{other:?}"),
        }
    });
}
