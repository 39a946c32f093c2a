//! One file per subcommand; each calls the parts and nothing calls it.

mod actions;
mod completions;
mod explain;
mod new;
mod plan;
mod run;
mod schema;
mod validate;
mod verify;

use candor_platform::config::Environment;

use crate::arguments::{Arguments, Command};
use crate::failure::{Exit, Failure};

/// Carries a command out.
pub(crate) fn run(arguments: Arguments, environment: &Environment) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Run(options) => run::run(options, environment),
        Command::Validate(options) => validate::validate(&options, environment),
        Command::Plan(options) => plan::plan(&options, environment),
        Command::Explain(options) => explain::explain(&options),
        Command::Verify(options) => verify::verify(&options),
        Command::Schema => schema::schema(),
        Command::Actions(options) => actions::actions(&options),
        Command::New(options) => new::new(&options),
        Command::Completions(options) => completions::completions(&options),
    }
}
