//! What the server refuses, in words that say what to do.

use candor_platform::broker::amqp::AmqpBroker;
use candor_platform::{Broker, Error, Link};
use candor_proto::route::Argument;
use candor_tests::server::RabbitMq;

use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_login_or_virtual_host_is_told_and_forgiven_once_it_is_right() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    server.controlled(&["add_user", "bob", "other"]);
    let connect = |host: &str| {
        AmqpBroker::connect(&settings(&server.url_of("bob", "swordfish", host), &routes)).expect("settings")
    };
    let place = format!("RabbitMQ at 127.0.0.1:{}", server.port());
    let error_of = async |broker: &AmqpBroker| {
        let mut link = broker.link();
        let known = |link: &Link| match link {
            Link::Down { reason } => !matches!(reason, Error::Unreachable { .. }),
            Link::Up | Link::Blocked { .. } => false,
        };
        soon("a reason", link.wait_for(known)).await.expect("it is watched");
        let error = broker.up(1).await.expect_err("it is refused");
        assert!(!format!("{error} {error:?} {broker:?}").contains("swordfish"));
        error
    };
    let broker = connect("%2f");
    let error = error_of(&broker).await;
    assert_eq!(error, Error::LoginRefused { server: place.clone(), user: "bob".into() });
    server.controlled(&["change_password", "bob", "swordfish"]);
    let mut link = broker.link();
    let entered = |link: &Link| matches!(link, Link::Down { reason: Error::NoVirtualHost { .. } });
    soon("the next reason", link.wait_for(entered)).await.expect("it is watched");
    let error = broker.up(1).await.expect_err("it may not enter");
    assert!(error.to_string().contains("rabbitmqctl set_permissions -p / bob"), "{error}");
    let elsewhere = connect("nowhere");
    let error = error_of(&elsewhere).await;
    assert!(error.to_string().contains("rabbitmqctl add_vhost nowhere"), "{error}");
    server.controlled(&["set_permissions", "-p", "/", "bob", ".*", ".*", ".*"]);
    broker.up(WAIT_MS).await.expect("all is granted");
    server.controlled(&["add_vhost", "nowhere"]);
    server.controlled(&["set_permissions", "-p", "nowhere", "bob", ".*", ".*", ".*"]);
    elsewhere.up(WAIT_MS).await.expect("all is granted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named_and_costs_nothing_else() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let owner = declared(&server, &routes).await;
    server.controlled(&["add_user", "bob", "swordfish"]);
    let permit = |configure: &str, write: &str, read: &str| {
        server.controlled(&["set_permissions", "-p", "/", "bob", configure, write, read]);
    };
    permit("^$", "^$", "^$");
    let broker = AmqpBroker::connect(&settings(&server.url_of("bob", "swordfish", "%2f"), &routes)).expect("settings");
    broker.up(WAIT_MS).await.expect("it may enter");
    let topology = routes.topology(2, &[]);
    let refused = |error: Option<Error>, what: &str| {
        let error = error.expect("it is refused");
        assert!(matches!(error, Error::NoPermission { .. }), "{error:?}");
        let text = error.to_string();
        let advice = format!("rabbitmqctl set_permissions -p / bob '^{}\\.'", routes.prefix());
        assert!(text.starts_with(&format!("no permission to {what}")) && text.contains(&advice), "{text}");
    };
    refused(broker.declare(&topology).await.err(), "declare the exchange");
    refused(broker.consume(&routes.jobs(), 1).await.err(), &format!("consume from the queue `{}`", routes.jobs()));
    let fates = broker.publish(vec![to(&routes.jobs(), 1), to(&routes.jobs(), 2)]).await;
    for fate in fates {
        refused(fate.err(), "publish to");
    }
    // What the advice grants is enough.
    let ours = format!("^{}\\.", routes.prefix());
    permit(&ours, &format!("{ours}|^amq\\.default$"), &ours);
    until("the permissions to be known", || async { broker.declare(&topology).await.ok() }).await;
    insist(&broker, to(&routes.jobs(), 3)).await;
    let mut consumer = consume(&broker, &routes.jobs(), 1).await;
    assert_eq!(finish(&mut consumer).await, 3);
    drop(owner);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_argument_that_differs_is_named_with_both_values() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let mut topology = routes.topology(1, &["default".to_owned()]);
    for queue in &mut topology.queues {
        queue.arguments.retain(|(name, _)| *name != "x-delivery-limit");
        queue.arguments.push(("x-delivery-limit", Argument::Number(77)));
    }
    topology.queues.retain(|queue| queue.name == routes.tasks("default"));
    let error = broker.declare(&topology).await.expect_err("it differs");
    let expected = format!("`{}` exists with another x-delivery-limit: 5 instead of 77", routes.tasks("default"));
    assert_eq!(error.to_string(), expected);
    assert!(!error.transient());
    insist(&broker, to(&routes.jobs(), 1)).await;
    // How a queue stands can be asked, for people.
    let standing = until("it to be counted", || async {
        broker.standing(&routes.jobs()).await.expect("an answer").filter(|standing| standing.ready == 1)
    });
    assert_eq!(standing.await.consumers, 0);
    let _consumer = consume(&broker, &routes.jobs(), 1).await;
    until("the consumer to be counted", || async {
        broker.standing(&routes.jobs()).await.expect("an answer").filter(|standing| standing.consumers == 1)
    })
    .await;
    assert_eq!(broker.standing(&routes.tasks("nobody")).await, Ok(None));
}
