//! What a service does when something is missing or wrong at its start.

use std::io::{Read, Write};
use std::net::TcpStream;

use candor_tests::server::{RabbitMq, Redis, until};
use candor_tests::services::Deployment;

use crate::{end, start, submit};

/// What a health check answers: its status and body.
fn asked(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned()))
}

#[test]
fn a_service_waits_for_servers_that_are_not_there_and_says_so() {
    let (Some(mut rabbitmq), Some(mut redis)) = (RabbitMq::start(""), Redis::start()) else { return };
    rabbitmq.kill();
    redis.kill();
    let mut deployment = Deployment::over(&rabbitmq.url(), &redis.url());
    let port = candor_tests::server::free_port();
    let health = format!("127.0.0.1:{port}");
    let assembler = deployment.begin(&["assembler", "--health-addr", &health]);
    deployment.said(assembler, "waiting for RabbitMQ");
    until("it to live", || asked(port, "/livez").is_some_and(|(status, _)| status == 200));
    let (status, body) = asked(port, "/readyz").expect("an answer");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("127.0.0.1"), "{body}");
    let listed = deployment.run(&["list", "--json"]);
    candor_tests::ended(&listed, 5);
    redis.restart();
    rabbitmq.restart();
    deployment.said(assembler, "assembler ready");
    until("it to be ready", || asked(port, "/readyz").is_some_and(|(status, _)| status == 200));
    start(&mut deployment, 1, 0, 1);
    let job = submit(&deployment, "name: w\ntasks:\n  - { id: a, run: echo hi }\n");
    assert_eq!(end(&deployment, &job)["result"], "complete");
    // What is asked to end takes nothing new, ends what it has, and exits without a word of error.
    for place in 0..3 {
        assert!(deployment.drain(place).success());
    }
    assert!(!deployment.logs().contains("ERROR"), "{}", deployment.logs());
}

/// Starts a role that must refuse to, and gives what it said.
fn refused(deployment: &mut Deployment, role: &[&str], code: i32) -> String {
    let place = deployment.begin(role);
    let status = deployment.wait(place);
    assert_eq!(status.code(), Some(code), "{}", deployment.log(place));
    deployment.log(place)
}

#[test]
fn what_a_person_must_mend_is_said_with_what_to_do() {
    let (Some(rabbitmq), Some(redis)) = (RabbitMq::start(""), Redis::start()) else { return };
    let mut deployment = Deployment::over(&rabbitmq.url(), &redis.url());
    start(&mut deployment, 0, 1, 0);
    let said = refused(&mut deployment, &["assembler", "--partitions", "8"], 5);
    assert!(said.contains("16 partitions, not 8") && said.contains("--partitions"), "{said}");
    let said = refused(&mut deployment, &["worker", "--partitions", "8"], 2);
    assert!(said.contains("more than 8 partitions"), "{said}");

    let mut wrong = Deployment::over(&rabbitmq.url_of("guest", "planted-password", "%2f"), &redis.url());
    let said = refused(&mut wrong, &["planner"], 5);
    assert!(said.contains("user `guest`") && !said.contains("planted-password"), "{said}");
    let mut wrong = Deployment::over(&rabbitmq.url_of("guest", "guest", "nowhere"), &redis.url());
    let said = refused(&mut wrong, &["worker"], 5);
    assert!(said.contains("nowhere"), "{said}");

    let Some(careless) = Redis::start_with(&["--appendonly", "no"]) else { return };
    let mut wrong = Deployment::over(&rabbitmq.url(), &careless.url());
    let said = refused(&mut wrong, &["assembler"], 5);
    assert!(said.contains("appendonly yes"), "{said}");

    let mut every = Deployment::over("http://nowhere", &redis.url());
    every.set("CANDOR_GRACE", "soon");
    let said = refused(&mut every, &["worker", "--concurrency", "many"], 2);
    assert!(said.contains("grace") && said.contains("concurrency"), "{said}");
}

#[test]
fn a_folder_for_artifacts_that_is_not_shared_is_noticed() {
    let Some((amqp, redis)) = candor_tests::services::shared() else { return };
    let mut deployment = Deployment::over(&amqp, &redis);
    start(&mut deployment, 1, 1, 0);
    let elsewhere = candor_tests::home();
    deployment.set("CANDOR_ARTIFACTS", candor_tests::shown(elsewhere.path()));
    let said = refused(&mut deployment, &["assembler"], 5);
    assert!(said.contains("not the one that deployment") && said.contains("mount or name the same place"), "{said}");
    // A worker does not reach the store: it waits until an assembler was there, and says so.
    let worker = deployment.begin(&["worker"]);
    deployment.said(worker, "no assembler has written there yet");
}
