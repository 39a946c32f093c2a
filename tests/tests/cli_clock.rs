//! Somebody sets the machine's clock while a run is under way.

use std::process::Command;

use candor_tests::process::Started;
use candor_tests::{command, home, shown, write};

/// A clock that jumps by so many seconds as soon as a file is there.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    int r = syscall(SYS_clock_gettime, id, t);
    const char *flag = getenv("CLOCK_FLAG"), *step = getenv("CLOCK_STEP");
    if (id == CLOCK_REALTIME && flag && step && access(flag, F_OK) == 0) t->tv_sec += atol(step);
    return r;
}
"#;

/// A task with a time limit that is under way at the jump, and one that is tried again after it.
const WORKFLOW: &str = r#"name: steps
inputs: { go: { type: string, required: true } }
tasks:
  - { id: long, timeout: 60s, run: "while [ ! -e ${{ inputs.go }} ]; do sleep 0.05; done; sleep 2; printf 1" }
  - id: again
    retry: { max_attempts: 2, delay: 1s, backoff: constant }
    run: while [ ! -e ${{ inputs.go }} ]; do sleep 0.05; done; test "$CANDOR_ATTEMPT" = 2
"#;

#[test]
fn a_clock_that_is_set_neither_ends_an_attempt_nor_holds_a_retry_up() {
    let home = home();
    let (source, library) = (write(home.path(), "clock.c", CLOCK), home.path().join("clock.so"));
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o", shown(&library), shown(&source)]).status();
    if !built.is_ok_and(|status| status.success()) {
        println!("left out: there is no C compiler");
        return;
    }
    write(home.path(), "w.yaml", WORKFLOW);
    for step in ["7200", "-7200"] {
        let (flag, go) = (home.path().join(format!("flag{step}")), home.path().join(format!("go{step}")));
        let go_input = format!("go={}", shown(&go));
        let mut command = command(home.path(), &["run", "w.yaml", "-i", &go_input, "--json"]);
        command.env("LD_PRELOAD", &library).env("CLOCK_FLAG", &flag).env("CLOCK_STEP", step);
        let mut started = Started::of(&mut command);
        started.until("running");
        started.until("running");
        std::fs::write(&flag, "").expect("a file can be written");
        std::fs::write(&go, "").expect("a file can be written");
        let ended = started.ended();
        assert_eq!(ended.status.code(), Some(0), "{step}: {}", ended.stderr);
        assert!(!ended.stderr.contains("timeout"), "{step}: {}", ended.stderr);
    }
}
