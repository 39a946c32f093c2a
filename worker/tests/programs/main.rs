//! Programs of all kinds, run for real: what becomes of each, and that nothing of it is left.
//!
//! This test has a `main` of its own because supervisors are this very executable, started again.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test")]

mod artifacts;
mod bodies;
mod broker;
mod catalogue;
mod exec;
mod hostile;
mod python;
mod secrets;
mod service;
mod shell;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use candor_platform::{Clock, SystemClock, runtime};
use stage::{Case, Stage};

/// Cases at once: most of them wait for a time-out, and the machine is small.
const AT_ONCE: usize = 3;

fn main() -> ExitCode {
    if let Some(code) = candor_worker::supervisor::enter_if_asked() {
        return code;
    }
    if let Some(attempt) = std::env::args().nth(1).as_deref().and_then(|argument| argument.strip_prefix("--worker=")) {
        return stage::doomed_worker(attempt);
    }
    // Whatever escapes its supervisor becomes a child of this process, and is seen.
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let groups = [
        hostile::cases(),
        shell::cases(),
        exec::cases(),
        python::cases(),
        secrets::cases(),
        bodies::cases(),
        catalogue::cases(),
        service::cases(),
    ];
    let cases: Vec<Case> = groups
        .into_iter()
        .flatten()
        .filter(|case| wanted.is_empty() || wanted.iter().any(|word| case.name.contains(word.as_str())))
        .collect();
    if std::env::args().any(|argument| argument == "--list") {
        cases.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if runtime.block_on(all(cases)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn all(cases: Vec<Case>) -> bool {
    let total = cases.len();
    let stage = Arc::new(Stage::new());
    // One by one, a case answers for what has ended unseen too.
    let single = std::env::args().any(|argument| argument == "--single");
    let at_once = if single { 1 } else { AT_ONCE };
    let places = Arc::new(runtime::sync::Semaphore::new(at_once));
    let mut running = Vec::new();
    for case in cases {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let stage = Arc::clone(&stage);
        running.push(runtime::spawn(async move {
            let began = SystemClock.now();
            let passed = runtime::spawn((case.body)(stage)).join().await.is_some();
            let strays = stage::strays(single);
            let verdict = if passed && strays.is_empty() { "ok" } else { "FAILED" };
            println!("test {} ... {verdict} ({} ms) {}", case.name, SystemClock.now() - began, strays.join(" "));
            drop(place);
            passed && strays.is_empty()
        }));
    }
    let mut passed = 0;
    for case in running {
        passed += usize::from(case.join().await.unwrap_or(false));
    }
    let left = [stage::strays(true), stage.left_folders()].concat();
    println!("\n{passed} of {total} passed; left behind: {left:?}");
    passed == total && left.is_empty()
}
