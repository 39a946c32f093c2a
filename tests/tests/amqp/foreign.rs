//! What strangers send: requests by hand, and things that no client of ours would write.

use candor_platform::broker::{Binding, Settled};
use candor_platform::{Broker, Delivery};
use candor_proto::Message;
use candor_proto::route::Routes;
use candor_tests::server::RabbitMq;

use crate::stage::*;
use crate::stranger::{Stranger, long, short};

const CONTENT_TYPE: u16 = 0x8000;
const HEADERS: u16 = 0x2000;
const CORRELATION_ID: u16 = 0x0400;
const REPLY_TO: u16 = 0x0200;
const TYPE: u16 = 0x0020;

type Judge = fn(&Delivery);
/// What it is, its flags, its properties, its body, and what must come of it.
type Case = (&'static str, u16, Vec<u8>, Vec<u8>, Judge);

fn is_request(delivery: &Delivery) {
    match &delivery.message {
        Ok(Message::JobRequest(request)) => assert_eq!(request.request.as_deref(), Some("count")),
        other => panic!("{other:?}"),
    }
}

fn is_refused(delivery: &Delivery) {
    assert!(delivery.message.is_err(), "{:?}", delivery.message);
}

fn is_too_large(delivery: &Delivery) {
    assert!(matches!(delivery.message, Err(candor_proto::Error::TooLarge { .. })));
}

fn messages() -> Vec<Case> {
    let json = || b"{\"request\": \"count\"}".to_vec();
    let nested = {
        let mut table = Vec::new();
        for _ in 0..3_000 {
            table = [&short(b"k")[..], b"F", &long(&table)].concat();
        }
        long(&table)
    };
    let typed = |kind: &[u8]| short(kind);
    vec![
        ("bare JSON", 0, Vec::new(), json(), is_request),
        ("JSON by its type", CONTENT_TYPE, short(b"Application/JSON; charset=utf-8"), json(), is_request),
        ("JSON under a wrong type", CONTENT_TYPE, short(b"text/plain"), json(), is_request),
        ("MessagePack", CONTENT_TYPE, short(b"application/msgpack"), b"\x81\xa7request\xa5count".to_vec(), is_request),
        ("JSON called MessagePack", CONTENT_TYPE, short(b"application/msgpack"), json(), is_refused),
        ("an empty body", 0, Vec::new(), Vec::new(), is_refused),
        ("garbage", 0, Vec::new(), vec![0xC1, 0xFF, 0x00], is_refused),
        ("broken JSON", 0, Vec::new(), b"{\"request\": ".to_vec(), is_refused),
        ("a wrong field", 0, Vec::new(), b"{\"request\": 5}".to_vec(), is_refused),
        ("an unknown type", TYPE, typed(b"job.request.v9"), json(), is_refused),
        ("an empty type", TYPE, typed(b""), json(), is_request),
        ("a type that is no text", TYPE, typed(b"\xFF\xFE"), json(), is_refused),
        (
            "an id that is no text",
            CORRELATION_ID | REPLY_TO,
            [short(&[0xC3; 255]), short(b"r\xE2\x82")].concat(),
            json(),
            is_request,
        ),
        (
            "a header that is no text",
            HEADERS,
            long(&[&short(b"\xFF")[..], b"S", &long(b"\xFF")].concat()),
            json(),
            is_request,
        ),
        ("headers without a bottom", HEADERS, nested, json(), is_request),
        ("a byte too many", 0, Vec::new(), vec![b'x'; 1024 * 1024 + 1], is_too_large),
        ("far too much", 0, Vec::new(), vec![b'{'; 20 * 1024 * 1024], is_too_large),
        ("bare JSON at last", 0, Vec::new(), json(), is_request),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_stranger_sends_is_a_request_or_a_refusal_and_never_the_end() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let mut consumer = consume(&broker, &routes.jobs(), 4).await;
    let (port, queue) = (server.port(), routes.jobs());
    let sent = beside(move || {
        let mut stranger = Stranger::connect(port);
        for (_, flags, properties, body, _) in messages() {
            stranger.publish(b"", queue.as_bytes(), flags, &properties, &body);
        }
    });
    let sending = candor_platform::runtime::spawn(sent);
    for (what, flags, _, _, judge) in messages() {
        let delivery = next(&mut consumer).await;
        eprintln!("{what}: {:.200}", format!("{:?}", delivery.message));
        judge(&delivery);
        assert_eq!(delivery.redelivered, 0, "{what}: no connection was lost over it");
        let form = delivery.properties.content_type.clone().expect("how it was read");
        assert!(["application/json", "application/msgpack"].contains(&form.as_str()), "{form}");
        if flags & CORRELATION_ID != 0 {
            assert_eq!(delivery.properties.correlation_id, Some("?".repeat(255)));
            assert_eq!(delivery.properties.reply_to.as_deref(), Some("r??"));
            // What came back from a stranger can be sent.
            let properties = delivery.properties.clone();
            let fates = broker.publish(vec![candor_platform::broker::to_queue(routes.dead(), numbered(1), properties)]);
            assert_eq!(fates.await, vec![Ok(())]);
        }
        let settled = if delivery.message.is_ok() { delivery.done().await } else { delivery.dead().await };
        assert_eq!(settled, Settled::Yes);
    }
    assert!(sending.join().await.is_some());
    dead_letters(&broker, &routes).await;
}

/// What was refused lies with the dead letters, and can be read there as often as is wanted.
async fn dead_letters(broker: &std::sync::Arc<candor_platform::broker::amqp::AmqpBroker>, routes: &Routes) {
    let refused = messages().iter().filter(|(.., judge)| *judge as usize != is_request as Judge as usize).count();
    let mut dead = consume(broker, &routes.dead(), 100).await;
    for _ in 0..=refused {
        let delivery = next(&mut dead).await;
        assert_eq!(delivery.done().await, Settled::Yes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routing_key_that_is_no_text_does_no_harm() {
    let Some(server) = RabbitMq::start("") else { return };
    let routes = routes();
    let broker = declared(&server, &routes).await;
    let private = routes.private(routes.worker("w1"));
    let everything = Binding { exchange: routes.events(), key: "#".to_owned() };
    broker.declare_private(&private, &[everything]).await.expect("a private queue");
    let mut consumer = consume(&broker, &private.name, 4).await;
    let (port, exchange) = (server.port(), routes.events());
    beside(move || {
        let mut stranger = Stranger::connect(port);
        stranger.publish(exchange.as_bytes(), b"job.\xFF.x", 0, &[], b"{}");
    })
    .await;
    let delivery = next(&mut consumer).await;
    assert!(delivery.message.is_err());
    assert_eq!(delivery.dead().await, Settled::Yes, "a private queue has no dead letters: it is dropped");
    insist(&broker, to(&private.name, 3)).await;
    assert_eq!(finish(&mut consumer).await, 3);
}
