//! The private servers that other tests stand on: they come up, come back, and leave nothing behind.

use candor_tests::process::survivors;
use candor_tests::server::{RabbitMq, Redis};

#[test]
fn a_private_rabbitmq_survives_a_kill_and_leaves_nothing_behind() {
    let Some(mut server) = RabbitMq::start("") else { return };
    server.controlled(&["add_vhost", "kept"]);
    server.kill();
    server.restart();
    assert!(server.controlled(&["list_vhosts"]).contains("kept"));
    let home = server.home().to_str().expect("a plain path").to_owned();
    drop(server);
    assert_eq!(survivors(&home), Vec::<String>::new());
}

#[test]
fn a_private_redis_survives_a_kill_and_leaves_nothing_behind() {
    let Some(mut server) = Redis::start() else { return };
    assert!(server.control(&["set", "kept", "yes"]).status.success());
    server.kill();
    server.restart();
    assert_eq!(String::from_utf8_lossy(&server.control(&["get", "kept"]).stdout).trim(), "yes");
    let home = server.home().to_str().expect("a plain path").to_owned();
    drop(server);
    assert_eq!(survivors(&home), Vec::<String>::new());
}
