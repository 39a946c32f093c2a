//! TLS with an authority of our own.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use candor_platform::broker::amqp::{AmqpBroker, AmqpSettings};
use candor_platform::{Broker, Error, Link};
use candor_tests::server::RabbitMq;

use crate::stage::*;

/// Makes an authority and a certificate for 127.0.0.1; `false` where `openssl` is not installed.
fn certificates(folder: &Path) -> bool {
    let run = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
        output.is_ok_and(|output| {
            assert!(output.status.success(), "{}", candor_tests::both(&output));
            true
        })
    };
    std::fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1\n").expect("a file");
    run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority")
        && run("req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=test-server")
        && run("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_trusted_by_its_authority_and_not_without() {
    let folder = tempfile::tempdir().expect("a folder");
    if !certificates(folder.path()) {
        eprintln!("left out: openssl is not installed");
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let lines = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\nssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false\n",
        file("ca.pem"),
        file("server.pem"),
        file("server.key")
    );
    let Some(server) = RabbitMq::start(&lines) else { return };
    let routes = routes();
    let with = |url: &str| AmqpSettings { ca_file: Some(file("ca.pem").into()), ..settings(url, &routes) };
    let url = format!("amqps://guest:guest@127.0.0.1:{port}/%2f");
    let broker = AmqpBroker::connect(&with(&url)).expect("settings");
    broker.up(WAIT_MS).await.expect("it is trusted");
    broker.declare(&routes.topology(1, &[])).await.expect("the usual queues");
    insist(&broker, to(&routes.jobs(), 1)).await;
    let mut consumer = consume(&broker, &routes.jobs(), 1).await;
    assert_eq!(finish(&mut consumer).await, 1);

    let by_name = url.replace("127.0.0.1", "localhost");
    let plain_port = url.replace(&port.to_string(), &server.port().to_string());
    let refusals = [
        (settings(&url, &routes), "authority that nobody here trusts"),
        (with(&by_name), "not valid for name"),
        (with(&plain_port), "does not speak TLS"),
    ];
    for (settings, words) in refusals {
        let broker = AmqpBroker::connect(&settings).expect("settings");
        let mut link = broker.link();
        let untrusted = |link: &Link| matches!(link, Link::Down { reason: Error::Untrusted { .. } });
        soon("a reason", link.wait_for(untrusted)).await.expect("it is watched");
        let error = broker.up(1).await.expect_err("it is not trusted").to_string();
        assert!(error.contains(words), "{error}");
    }
    let plain = AmqpBroker::connect(&settings(&url.replace("amqps", "amqp"), &routes)).expect("settings");
    eprintln!("amqp:// to the TLS port: {}", plain.up(3_000).await.expect_err("it speaks TLS"));
}

#[test]
fn a_file_that_has_no_authority_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let routes = routes();
    let wrong = folder.path().join("wrong.pem");
    std::fs::write(&wrong, "no certificate").expect("a file");
    for path in [wrong, folder.path().join("missing.pem")] {
        let settings = AmqpSettings { ca_file: Some(path.clone()), ..settings("amqps://guest@127.0.0.1/", &routes) };
        let error = AmqpBroker::connect(&settings).expect_err("it cannot work");
        assert!(matches!(&error, Error::Setting { what, .. } if what.contains(&path.display().to_string())), "{error}");
    }
}
