//! `candor completions`: a script that completes commands and flags.

use clap::CommandFactory;

use crate::arguments::{Arguments, Completions};
use crate::failure::{Exit, Failure};
use crate::terminal;

/// Prints the script for a shell.
pub(crate) fn completions(options: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "candor", &mut script);
    terminal::data(&String::from_utf8_lossy(&script));
    Ok(Exit::Complete)
}
