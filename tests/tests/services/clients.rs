//! Clients in other languages, which know nothing but AMQP.

use std::path::PathBuf;
use std::process::Command;

use candor_tests::{both, ended, printed, project, shown};

use crate::running;

/// A program of another language that `tests/run` set up; `None` where it is left out.
fn tool(variable: &str, what: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("CANDOR_TEST_EVERYTHING").is_none(), "{what} is needed and {variable} names none");
        eprintln!("left out: {what}; `tests/run` sets it up");
    }
    found
}

fn client(command: &mut Command, deployment: &candor_tests::services::Deployment) {
    let output = command
        .arg(project().join("examples/clients/job-request.json"))
        .env("CANDOR_AMQP_URL", deployment.get("CANDOR_AMQP_URL"))
        .env("CANDOR_PREFIX", deployment.get("CANDOR_PREFIX"))
        .output()
        .expect("it can be started");
    ended(&output, 0);
    assert_eq!(printed(&output)["outputs"]["said"], "9 words\n", "{}", both(&output));
}

#[test]
fn a_client_in_python_gets_its_answer() {
    let Some(python) = tool("CANDOR_TEST_PYTHON", "Python with pika") else { return };
    let Some(deployment) = running(1, 1, 1) else { return };
    client(Command::new(python).arg(project().join("examples/clients/submit.py")), &deployment);
}

#[test]
fn a_client_in_javascript_gets_its_answer() {
    let Some(modules) = tool("CANDOR_TEST_NODE_MODULES", "Node with amqplib") else { return };
    let Some(deployment) = running(1, 1, 1) else { return };
    // A module is looked for beside the program, so the program goes beside the modules.
    let program = modules.parent().expect("a folder").join("submit.mjs");
    std::fs::copy(project().join("examples/clients/submit.mjs"), &program).expect("a file can be copied");
    client(Command::new("node").arg(shown(&program)), &deployment);
}

#[test]
fn strangers_that_misbehave_are_told_and_harm_nobody() {
    let Some(python) = tool("CANDOR_TEST_PYTHON", "Python with pika") else { return };
    let Some(deployment) = running(1, 2, 2) else { return };
    let output = Command::new(python)
        .arg(project().join("tests/tests/services/stranger.py"))
        .env("CANDOR_AMQP_URL", deployment.get("CANDOR_AMQP_URL"))
        .env("CANDOR_PREFIX", deployment.get("CANDOR_PREFIX"))
        .output()
        .expect("it can be started");
    ended(&output, 0);
    let logs = deployment.logs();
    assert!(!logs.contains("panicked"), "{logs}");
}
