//! Servers that may lose what they acknowledge are refused, with the line to change, until somebody changes it.

use candor_platform::Error;
use candor_platform::link::Link;
use candor_platform::store::Store;
use candor_platform::store::redis::{RedisStore, Settings};

use crate::log;
use crate::stage::{Server, grow, on_threads, owner, patiently, ready, soon, until};

const DURABLE: [&str; 6] = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];

/// A store whose server is refused, and why.
async fn refused(settings: Settings) -> (RedisStore, String) {
    let store = RedisStore::connect(settings).await.expect("settings that can work");
    match soon("a refusal", store.ready()).await {
        Err(Error::Unfit { reason, .. }) => {
            assert!(matches!(store.claim(0, owner(1)).await, Err(Error::Unfit { .. })), "calls are refused too");
            (store, reason)
        }
        other => panic!("{other:?}"),
    }
}

fn says(reason: &str, words: &[&str]) {
    assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
}

#[test]
fn a_server_that_keeps_nothing_is_refused_until_it_is_told_to() {
    let Some(server) = Server::start_with(&["--save", ""]) else { return };
    on_threads(async {
        let (store, reason) = refused(server.settings()).await;
        says(&reason, &["`appendonly` is `no`", "`appendonly yes` into redis.conf", "`CONFIG SET appendonly yes`"]);
        server.say(&["config", "set", "appendonly", "yes"]);
        soon("the store", store.link().wait_for(|link| *link == Link::Up)).await.expect("it is mended");
        store.claim(0, owner(1)).await.expect("it serves");
    });
}

#[test]
fn every_setting_that_loses_jobs_is_named_at_once() {
    let wrong = [
        "--appendonly",
        "yes",
        "--appendfsync",
        "no",
        "--maxmemory-policy",
        "allkeys-lru",
        "--no-appendfsync-on-rewrite",
        "yes",
    ];
    let Some(server) = Server::start_with(&wrong) else { return };
    on_threads(async {
        let (_store, reason) = refused(server.settings()).await;
        says(&reason, &["`appendfsync always`", "`maxmemory-policy noeviction`", "`no-appendfsync-on-rewrite no`"]);
    });
}

#[test]
fn a_person_may_take_the_risk_and_is_warned() {
    log::listen();
    let Some(server) = Server::start_with(&["--save", ""]) else { return };
    on_threads(async {
        let store = ready(Settings { strict: false, ..server.settings() }).await;
        store.claim(0, owner(1)).await.expect("it serves");
        let port = server.with(|redis| redis.port()).to_string();
        until("a warning", async || !log::said(&["WARN", &port, "`appendonly` is `no`"]).is_empty()).await;
    });
}

#[test]
fn syncing_once_a_second_is_accepted_with_a_recommendation() {
    log::listen();
    let Some(server) = Server::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"]) else { return };
    on_threads(async {
        let _store = server.store().await;
        let port = server.with(|redis| redis.port()).to_string();
        until("a recommendation", async || !log::said(&["WARN", &port, "CONFIG SET appendfsync always"]).is_empty())
            .await;
        assert_eq!(log::said(&["INFO", &port, "appendfsync everysec", "version 7"]).len(), 1, "it says what it found");
    });
}

#[test]
fn a_server_that_hides_its_settings_is_refused_unless_told_otherwise() {
    let Some(server) = Server::start_with(&DURABLE) else { return };
    on_threads(async {
        server.say(&["acl", "setuser", "candor", "on", ">word", "~*", "+@all", "-config"]);
        let port = server.with(|redis| redis.port());
        let settings = Settings { url: format!("redis://candor:word@127.0.0.1:{port}"), ..server.settings() };
        let (_store, reason) = refused(settings.clone()).await;
        says(&reason, &["does not show its settings", "+config|get"]);
        let store = ready(Settings { strict: false, store_rollback_ms: 1, ..settings }).await;
        let epoch = store.claim(0, owner(1)).await.expect("it serves");
        assert_eq!(store.confirm(0, epoch).await, Ok(()));
    });
}

#[test]
fn a_replica_is_refused_even_where_risks_are_taken() {
    let Some(primary) = Server::start() else { return };
    let port = primary.with(|redis| redis.port()).to_string();
    let place = format!("127.0.0.1 {port}");
    let Some(server) = Server::start_with(&[DURABLE.as_slice(), &["--replicaof", &place]].concat()) else { return };
    on_threads(async {
        let (store, reason) = refused(Settings { strict: false, ..server.settings() }).await;
        says(&reason, &["read-only replica", &format!("127.0.0.1:{port}"), "REPLICAOF NO ONE"]);
        server.say(&["replicaof", "no", "one"]);
        soon("the store", store.link().wait_for(|link| *link == Link::Up)).await.expect("it is mended");
        store.claim(0, owner(1)).await.expect("it serves");
    });
}

#[test]
fn a_server_that_becomes_a_replica_takes_nothing_and_is_noticed() {
    let (Some(server), Some(other)) = (Server::start(), Server::start()) else { return };
    on_threads(async {
        let store = server.store().await;
        let epoch = store.claim(0, owner(1)).await.expect("a claim");
        store.append(0, epoch, vec![grow(1, 0, 1)]).await.expect("an append");
        let port = other.with(|redis| redis.port()).to_string();
        // What the other one holds replaces what this one held; here only the refusal counts.
        server.say(&["replicaof", "127.0.0.1", &port]);
        let refused = store.append(0, epoch, vec![grow(1, 1, 1)]).await;
        assert!(refused.is_err(), "a replica took something");
        assert!(store.confirm(0, epoch).await.is_err(), "a replica confirmed something");
        let down = |link: &Link| matches!(link, Link::Down { reason } if reason.to_string().contains("replica"));
        soon("the news", store.link().wait_for(down)).await.expect("the store lives");
        server.say(&["replicaof", "no", "one"]);
        soon("the news", store.link().wait_for(|link| *link == Link::Up)).await.expect("it is mended");
        patiently(|| store.claim(0, owner(1))).await.expect("it serves");
    });
}

#[test]
fn a_server_that_comes_back_with_other_settings_is_checked_again() {
    let Some(server) = Server::start_with(&DURABLE) else { return };
    on_threads(async {
        let store = server.store().await;
        store.claim(0, owner(1)).await.expect("it serves");
        server.say(&["config", "set", "maxmemory-policy", "allkeys-random"]);
        let down =
            |link: &Link| matches!(link, Link::Down { reason } if reason.to_string().contains("maxmemory-policy"));
        soon("the news", store.link().wait_for(down)).await.expect("the store lives");
        server.restarted();
        soon("the news", store.link().wait_for(|link| *link == Link::Up)).await.expect("its file says otherwise");
    });
}
