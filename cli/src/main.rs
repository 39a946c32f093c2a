//! The `candor` binary: reads the command line, calls the parts, and ends with the documented code.

mod arguments;
mod await_answer;
mod command;
mod connections;
mod conversation;
mod deployment;
mod directive;
mod engine;
mod failure;
mod gather;
mod progress;
mod run_directory;
mod settings;
mod terminal;
mod waiting;

use std::process::ExitCode;

use candor_platform::config::Environment;
use candor_platform::telemetry::Telemetry;

use crate::failure::{Code, Failure};

/// What is told where `CANDOR_LOG` says nothing: by a command, and by a service. What the AMQP library says of a
/// connection, we say ourselves, once and with what to do.
const LOG_LEVEL: (&str, &str) = ("warn,lapin=off", "info,lapin=off");

fn main() -> ExitCode {
    // An attempt's supervisor is this binary again; it must not read a command line or start a runtime.
    if let Some(code) = candor_worker::supervisor::enter_if_asked() {
        return code;
    }
    let environment = Environment::read();
    let arguments = match arguments::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let json = arguments.json();
    let level = if arguments.serves() { LOG_LEVEL.1 } else { LOG_LEVEL.0 };
    let ended = logs(&environment, level).and_then(|()| command::run(arguments, &environment));
    let ended = ended.and_then(|exit| terminal::lost().map_or(Ok(exit), Err));
    match ended {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            terminal::report(&failure, json);
            ExitCode::from(terminal::lost().map_or(failure.exit, |lost| lost.exit).code())
        }
    }
}

/// Begins to tell on stderr what goes wrong inside; `CANDOR_LOG` asks for more.
fn logs(environment: &Environment, level: &str) -> Result<(), Failure> {
    let telemetry = Telemetry::of(environment, level).map_err(|problem| {
        Failure::usage(Code::Settings, problem.to_string())
            .advice(problem.advice.unwrap_or_else(|| "give the variable another value, or take it away".to_owned()))
    })?;
    telemetry.start().map_err(|error| Failure::internal(error.to_string()))
}
