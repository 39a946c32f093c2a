//! One file per subcommand; each calls the parts and nothing calls it.

mod actions;
mod cancel;
mod completions;
mod doctor;
mod explain;
mod export;
mod list;
mod logs;
mod new;
mod plan;
mod rerun;
mod run;
mod schema;
mod services;
mod status;
mod submit;
mod up;
mod validate;
mod verify;
mod watch;

use candor_platform::config::Environment;
use candor_platform::runtime;

use crate::arguments::{Arguments, Command};
use crate::failure::{Code, Exit, Failure};

/// Carries a command out.
pub(crate) fn run(arguments: Arguments, environment: &Environment) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Run(options) => run::run(options, environment),
        Command::Validate(options) => validate::validate(&options, environment),
        Command::Plan(options) => plan::plan(&options, environment),
        Command::Up(options) => running(up::up(&options, environment)),
        Command::Planner(options) => running(services::planner(&options, environment)),
        Command::Assembler(options) => running(services::assembler(&options, environment)),
        Command::Worker(options) => running(services::worker(&options, environment)),
        Command::Submit(options) => running(submit::submit(&options, environment)),
        Command::List(options) => running(list::list(&options, environment)),
        Command::Status(options) => running(status::status(&options, environment)),
        Command::Watch(options) => running(watch::watch(&options, environment)),
        Command::Logs(options) => running(logs::logs(&options, environment)),
        Command::Cancel(options) => running(cancel::cancel(&options, environment)),
        Command::Rerun(options) => running(rerun::rerun(&options, environment)),
        Command::Export(options) => running(export::export(&options, environment)),
        Command::Doctor(options) => running(doctor::doctor(&options, environment)),
        Command::Explain(options) => running(explain::explain(&options, environment)),
        Command::Verify(options) => verify::verify(&options),
        Command::Schema => schema::schema(),
        Command::Actions(options) => actions::actions(&options),
        Command::New(options) => new::new(&options),
        Command::Completions(options) => completions::completions(&options),
    }
}

/// Runs a command that waits.
fn running<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime::start()
        .map_err(|error| Failure::store(Code::NotStarted, format!("could not start threads: {error}")))?;
    let ended = runtime.block_on(command);
    // Whatever still blocks a thread is not waited for: everything that counts is recorded.
    runtime.shutdown_background();
    ended
}
