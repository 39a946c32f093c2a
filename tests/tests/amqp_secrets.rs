//! No credential of RabbitMQ is ever told: not in a log at any level, not in an error, not in a debug form.
//!
//! A process of its own, because the log belongs to the process.

use std::io::Write;
use std::sync::{Arc, Mutex};

use candor_platform::broker::amqp::{AmqpBroker, AmqpSettings, SCHEMES};
use candor_platform::broker::{Properties, to_queue};
use candor_platform::telemetry::{Format, Telemetry};
use candor_platform::{Broker, Link, ServerUrl};
use candor_proto::Message;
use candor_proto::message::JobRequest;
use candor_tests::server::RabbitMq;
use tracing_subscriber::util::SubscriberInitExt;

const PASSWORD: &str = "swordfish-0815";

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_never_told() {
    let Some(mut server) = RabbitMq::start("") else { return };
    let kept = Kept::default();
    let writer = kept.clone();
    let told = Telemetry { filter: "trace,lapin=trace,lapin::frames=trace".to_owned(), format: Format::Text };
    told.subscriber(move || writer.clone()).try_init().expect("the first of this process");
    server.controlled(&["add_user", "alice", PASSWORD]);
    server.controlled(&["set_permissions", "-p", "/", "alice", ".*", ".*", ".*"]);
    let mut shown = Vec::new();
    let mut connect = |password: &str| {
        let text = server.url_of("alice", password, "%2f");
        let url = ServerUrl::parse("--amqp-url", &text, &SCHEMES).expect("a URL");
        let settings = AmqpSettings::new(url);
        shown.push(format!("{settings:?} {}", settings.url));
        AmqpBroker::connect(&settings).expect("settings")
    };
    let (broker, refused) = (connect(PASSWORD), connect(&format!("{PASSWORD}x")));
    broker.up(60_000).await.expect("it may enter");
    let routes = candor_proto::route::Routes::default();
    broker.declare(&routes.topology(1, &[])).await.expect("the usual queues");
    // Returned messages and bodies are nobody's business either.
    let request = JobRequest { request: Some(PASSWORD.to_owned()), ..JobRequest::default() };
    let request = Message::JobRequest(Box::new(request));
    let sent = |queue: &str| to_queue(queue, request.clone(), Properties::default());
    let fates = broker.publish(vec![sent(&routes.jobs()), sent("nowhere")]).await;
    assert_eq!(fates.iter().filter(|fate| fate.is_ok()).count(), 1);
    shown.push(format!("{fates:?} {broker:?}"));
    let mut consumer = broker.consume(&routes.jobs(), 1).await.expect("a consumer");
    drop(consumer.next().await);
    let mut link = refused.link();
    let named = |link: &Link| matches!(link, Link::Down { reason } if !reason.transient());
    shown.push(format!("{:?}", *link.wait_for(named).await.expect("it is watched")));
    server.kill();
    let mut link = broker.link();
    shown.push(format!("{:?}", *link.wait_for(|link| !link.is_up()).await.expect("it is watched")));
    shown.push(format!("{:?}", broker.up(1).await));
    broker.close().await;
    let text = String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned();
    assert!(text.contains("connected to RabbitMQ at 127.0.0.1") && text.contains("waiting for RabbitMQ at"), "{text}");
    // The client library would have written the login as numbers.
    let numbers: Vec<String> = PASSWORD.bytes().map(|byte| byte.to_string()).collect();
    for text in shown.iter().chain([&text]) {
        assert!(!text.contains(PASSWORD) && !text.contains(&numbers.join(", ")), "{text}");
    }
}
