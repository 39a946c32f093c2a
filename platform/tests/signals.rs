//! The first signal drains a service, the second ends it.

#![expect(clippy::expect_used, reason = "helpers of a test may panic")]

use std::process::Command;

use candor_platform::runtime;
use candor_platform::service::{Drain, Phase};

/// Sends a signal to this process.
fn send(signal: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", std::process::id())]).status();
    assert!(sent.expect("a shell").success());
}

#[tokio::test]
async fn the_first_signal_drains_and_the_second_ends() {
    let (switch, drain) = Drain::new();
    let (sender, mut told) = runtime::sync::mpsc::channel(10);
    let listening =
        switch.on_signals(move |phase| assert!(sender.try_send(phase).is_ok())).expect("signals can be had");
    assert_eq!(drain.phase(), Phase::Running);
    send("INT");
    runtime::timeout(30_000, drain.draining()).await.expect("it drains");
    assert_eq!(told.recv().await, Some(Phase::Draining));
    send("TERM");
    runtime::timeout(30_000, drain.stopping()).await.expect("it ends");
    assert_eq!(told.recv().await, Some(Phase::Stopping));
    listening.abort();
}
