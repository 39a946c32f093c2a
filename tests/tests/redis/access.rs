//! Getting in: addresses, absent servers, passwords, and that no password ever shows.

use candor_platform::Error;
use candor_platform::link::Link;
use candor_platform::store::Store;
use candor_platform::store::redis::{RedisStore, Settings};

use crate::log;
use crate::stage::{Server, on_threads, owner, ready, soon, until};

/// So unlike anything else that it would be found.
const SECRET: &str = "zQ9planted7secret";

#[test]
fn an_address_that_can_never_work_is_refused_without_showing_it() {
    on_threads(async {
        let wrong = [
            "",
            "127.0.0.1",
            "http://host",
            "redis://",
            "redis://host:port",
            "redis://host/x",
            "rediss://host/#insecure",
        ];
        for url in wrong {
            let with_secret = url.replacen("://", &format!("://user:{SECRET}@"), 1);
            for url in [url.to_owned(), with_secret] {
                match RedisStore::connect(Settings::new(url.clone())).await {
                    Err(error @ Error::Unfit { .. }) => {
                        assert!(!format!("{error} {error:?}").contains(SECRET), "{error}")
                    }
                    other => panic!("{url}: {other:?}"),
                }
            }
        }
        let settings = Settings { prefix: "a{b}".to_owned(), ..Settings::new("redis://127.0.0.1") };
        assert!(matches!(RedisStore::connect(settings).await, Err(Error::Unfit { .. })));
    });
}

#[test]
fn an_absent_server_is_waited_for_and_each_reason_is_said_once() {
    log::listen();
    let Some(server) = Server::start() else { return };
    server.with(|redis| redis.kill());
    on_threads(async {
        let port = server.with(|redis| redis.port()).to_string();
        let store = RedisStore::connect(server.settings()).await.expect("settings that can work");
        let mut link = store.link();
        // A server that was just killed may still hang up on somebody.
        let absent =
            |link: &Link| matches!(link, Link::Down { reason } if reason.to_string().contains("connection refused"));
        soon("the news", link.wait_for(absent)).await.expect("the store lives");
        for _ in 0..5 {
            match soon("a refusal", store.claim(0, owner(1))).await {
                Err(error @ Error::Unreachable { .. }) => {
                    assert!(error.to_string().contains("connection refused"), "{error}");
                    assert!(candor_assembler::Error::from(error).worth_waiting(), "an owner waits for it");
                }
                other => panic!("{other:?}"),
            }
        }
        server.with(|redis| redis.restart());
        soon("the server", link.wait_for(|link| *link == Link::Up)).await.expect("the store lives");
        store.claim(0, owner(1)).await.expect("it serves");
        let waits = log::said(&[&format!("waiting for Redis at 127.0.0.1:{port}: connection refused")]);
        assert_eq!(waits.len(), 1, "{waits:#?}");
        until("the good news", async || !log::said(&[&format!("Redis at 127.0.0.1:{port} is there")]).is_empty()).await;
    });
}

#[test]
fn a_wrong_password_is_refused_in_plain_words_until_the_server_takes_it() {
    log::listen();
    let Some(server) = Server::start() else { return };
    on_threads(async {
        server.say(&["acl", "setuser", "candor", "on", ">right", "~*", "+@all"]);
        let port = server.with(|redis| redis.port());
        let url = format!("redis://candor:{SECRET}@127.0.0.1:{port}/0");
        let store = RedisStore::connect(Settings { url, ..server.settings() }).await.expect("settings that can work");
        let refused = soon("a refusal", store.ready()).await.expect_err("the password is wrong");
        assert!(matches!(refused, Error::Denied { .. }) && !refused.transient(), "{refused:?}");
        assert!(refused.to_string().contains("see to the user and the password"), "{refused}");
        server.say(&["acl", "setuser", "candor", &format!(">{SECRET}")]);
        soon("the server", store.link().wait_for(|link| *link == Link::Up)).await.expect("the store lives");
        store.claim(0, owner(1)).await.expect("it serves");
        // A user that may do too little.
        server.say(&["acl", "setuser", "candor", "-evalsha", "-eval"]);
        let refused = store.claim(0, owner(1)).await.expect_err("it may not");
        assert!(matches!(refused, Error::Denied { .. }) && refused.to_string().contains("ACL SETUSER"), "{refused:?}");
        let shown = format!("{refused} {refused:?} {store:?} {:?}", *store.link().borrow());
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(log::said(&[&port.to_string()]).len() > 1, "something was said");
        assert_eq!(log::said(&[SECRET]), Vec::<String>::new());
    });
}

#[test]
fn a_missing_password_is_refused_in_plain_words() {
    let Some(server) = Server::start() else { return };
    on_threads(async {
        server.say(&["config", "set", "requirepass", "right"]);
        let store = RedisStore::connect(server.settings()).await.expect("settings that can work");
        let refused = soon("a refusal", store.ready()).await.expect_err("a password is missing");
        assert!(matches!(refused, Error::Denied { .. }), "{refused:?}");
        let port = server.with(|redis| redis.port());
        ready(Settings::new(format!("redis://:right@127.0.0.1:{port}"))).await;
    });
}

#[test]
fn settings_do_not_show_a_password() {
    let shown = format!("{:?}", Settings::new(format!("redis://user:{SECRET}@host")));
    assert!(!shown.contains(SECRET), "{shown}");
}
