//! The command line as data. Every flag `--a-b` is also `CANDOR_A_B`.

mod here;
mod jobs;
mod services;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use serde_json::json;

use crate::failure::{Code, Exit, Failure};
use crate::terminal;
pub(crate) use here::{Actions, Check, Completions, Explain, New, Plan, Run, Source, Verify};
pub(crate) use jobs::{Cancel, Doctor, Export, List, Logs, Rerun, Status, Submit, Watch};
pub(crate) use services::{Assembler, Planner, Up, Worker};

/// Runs multi-step work and says what it does not know.
#[derive(Debug, Parser)]
#[command(name = "candor", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a workflow on this machine, to its end
    Run(Run),
    /// Check a workflow and name every mistake
    Validate(Check),
    /// Show what a workflow would do: its tasks, files, secrets and risks
    Plan(Plan),
    /// Start everything in one process, for the commands below
    Up(Up),
    /// Start a planner: requests become plans
    Planner(Planner),
    /// Start an assembler: it releases tasks, records what they come to, and answers
    Assembler(Assembler),
    /// Start a worker: it carries tasks out
    Worker(Worker),
    /// Hand a workflow in to `candor up` or to services
    Submit(Submit),
    /// List jobs, the newest first
    List(List),
    /// Show how a job stands
    Status(Status),
    /// Show what a job does, as it happens
    Watch(Watch),
    /// Tell a job's story
    Logs(Logs),
    /// End a job
    Cancel(Cancel),
    /// Do an ended job again, as a new job
    Rerun(Rerun),
    /// Write a job's run directory
    Export(Export),
    /// Find what is wrong with a deployment and say what to do
    Doctor(Doctor),
    /// Show the recorded bytes behind the sentences of an answer
    Explain(Explain),
    /// Derive a run directory again from its log and refuse when any byte differs
    Verify(Verify),
    /// Print the JSON Schema of the workflow language, for editors
    Schema,
    /// List the actions that tasks can use
    Actions(Actions),
    /// Write a first workflow
    New(New),
    /// Print a completion script for a shell
    Completions(Completions),
}

impl Arguments {
    /// Whether programs read what the command prints.
    pub(crate) const fn json(&self) -> bool {
        match &self.command {
            Command::Run(options) => options.json,
            Command::Validate(options) => options.json,
            Command::Plan(options) => options.json,
            Command::Explain(options) => options.json,
            Command::Verify(options) => options.json,
            Command::Actions(options) => options.json,
            Command::Submit(options) => options.json,
            Command::List(options) => options.json,
            Command::Status(options) => options.json,
            Command::Watch(options) => options.json,
            Command::Logs(options) => options.json,
            Command::Cancel(options) => options.json,
            Command::Rerun(options) => options.json,
            Command::Export(options) => options.json,
            Command::Doctor(options) => options.json,
            Command::Up(_) | Command::Planner(_) | Command::Assembler(_) | Command::Worker(_) => false,
            Command::Schema | Command::New(_) | Command::Completions(_) => false,
        }
    }
}

impl Arguments {
    /// Whether this process serves until it is asked to end, so that what it tells of itself is a log.
    pub(crate) const fn serves(&self) -> bool {
        matches!(self.command, Command::Planner(_) | Command::Assembler(_) | Command::Worker(_))
    }
}

/// The first argument that is no text.
fn not_text() -> Option<String> {
    let broken = std::env::args_os().find(|argument| argument.to_str().is_none())?;
    Some(broken.to_string_lossy().into_owned())
}

/// Reads the command line. Help and versions go to stdout and end with 0, mistakes to stderr and end with 2; a program
/// that asked for JSON reads the mistake on stdout.
pub(crate) fn parse() -> Result<Arguments, ExitCode> {
    Arguments::try_parse().map_err(|error| {
        if !error.use_stderr() {
            terminal::lose(error.print());
            return match terminal::lost() {
                Some(failure) => {
                    terminal::report(&failure, false);
                    ExitCode::from(failure.exit.code())
                }
                None => ExitCode::SUCCESS,
            };
        }
        if let (ErrorKind::InvalidUtf8, Some(argument)) = (error.kind(), not_text()) {
            let json = std::env::args_os().any(|argument| argument == "--json");
            let message = format!("the argument `{}` is no UTF-8", argument.escape_debug());
            let advice = "name it by a path in UTF-8; a link or another name for the file will do";
            terminal::report(&Failure::usage(Code::NotUtf8, message).advice(advice), json);
            return ExitCode::from(Exit::Usage.code());
        }
        if std::env::args_os().any(|argument| argument == "--json") {
            let told = error.to_string();
            let message = told.lines().next().unwrap_or_default().trim_start_matches("error: ");
            let advice = "`candor help` shows commands and flags";
            terminal::document(&json!({"error": Failure::usage(Code::Usage, message).advice(advice).body}));
        }
        let _ = error.print();
        ExitCode::from(Exit::Usage.code())
    })
}
