//! The binary says what it is and ends with the documented codes.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends where it stands")]

use std::process::{Command, Output};

fn candor(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_candor")).args(arguments).output();
    output.expect("the binary can be started")
}

#[test]
fn help_and_version_are_data_and_end_with_0() {
    for (arguments, wanted) in
        [(["--help"], "says what it does not know"), (["--version"], "candor 0."), (["help"], "--version")]
    {
        let output = candor(&arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(wanted), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_nothing_to_stdout() {
    for arguments in
        [&[] as &[&str], &["fly"], &["run", "--fly"], &["run", "--concurrency", "0", "a.yaml"], &["explain"]]
    {
        let output = candor(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
