//! The command line as data. Every flag `--a-b` is also `CANDOR_A_B`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use serde_json::json;

use crate::failure::{Code, Exit, Failure};
use crate::terminal;

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

/// A workflow and its inputs.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// The workflow, a YAML or JSON file
    #[arg(value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// An input; `k=@file` reads its value from a file
    #[arg(short = 'i', long = "input", value_name = "KEY=VALUE", env = "CANDOR_INPUT")]
    pub(crate) input: Vec<String>,
    /// A JSON or YAML file with inputs by name
    #[arg(long, value_name = "FILE", env = "CANDOR_INPUTS")]
    pub(crate) inputs: Option<PathBuf>,
    /// A folder with declarations of installed actions
    #[arg(long, value_name = "DIR", env = "CANDOR_ACTIONS_DIR")]
    pub(crate) actions_dir: Option<PathBuf>,
}

/// `candor run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Where run directories are made
    #[arg(long, value_name = "DIR", default_value = "runs", env = "CANDOR_RUNS_DIR")]
    pub(crate) runs_dir: PathBuf,
    /// Where attempts get their working directories
    #[arg(long, value_name = "DIR", env = "CANDOR_WORK_DIR")]
    pub(crate) work_dir: Option<PathBuf>,
    /// A folder with one file per secret
    #[arg(long, value_name = "DIR", env = "CANDOR_SECRETS_DIR")]
    pub(crate) secrets_dir: Option<PathBuf>,
    /// Attempts at once; the number of cores where nothing is said
    #[arg(long, value_name = "N", env = "CANDOR_CONCURRENCY", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) concurrency: Option<u32>,
    /// Print the answer as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    /// Do not ask for confirmation of a plan that the planner made
    #[arg(long, env = "CANDOR_YES", value_parser = FalseyValueParser::new())]
    pub(crate) yes: bool,
    /// Go on with an interrupted run
    #[arg(long, value_name = "RUN_DIR", env = "CANDOR_RESUME", conflicts_with_all = ["workflow", "input", "inputs"])]
    pub(crate) resume: Option<PathBuf>,
}

/// `candor validate`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print diagnostics as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
}

/// `candor plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print the plan as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new(), conflicts_with = "dot")]
    pub(crate) json: bool,
    /// Print the graph in the language of Graphviz
    #[arg(long, env = "CANDOR_DOT", value_parser = FalseyValueParser::new())]
    pub(crate) dot: bool,
}

/// `candor explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The run directory
    pub(crate) run_dir: PathBuf,
    /// A statement, such as S3; all of them where none is named
    pub(crate) statement: Option<String>,
    /// Print as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
}

/// `candor verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The run directory
    pub(crate) run_dir: PathBuf,
    /// The digest that the answer must have
    #[arg(long, value_name = "SHA256", env = "CANDOR_DIGEST")]
    pub(crate) digest: Option<String>,
    /// Print as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
}

/// `candor actions`.
#[derive(Debug, Args)]
pub(crate) struct Actions {
    /// One action, with its parameters and outputs
    pub(crate) name: Option<String>,
    /// A folder with declarations of installed actions
    #[arg(long, value_name = "DIR", env = "CANDOR_ACTIONS_DIR")]
    pub(crate) actions_dir: Option<PathBuf>,
    /// Print as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    /// Write the pages of the documentation into this folder
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) pages: Option<PathBuf>,
}

/// `candor new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The file to write
    #[arg(default_value = "workflow.yaml")]
    pub(crate) file: PathBuf,
}

/// `candor completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
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
            Command::Schema | Command::New(_) | Command::Completions(_) => false,
        }
    }
}

/// Reads the command line. Help and versions go to stdout and end with 0, mistakes to stderr and end with 2; a program
/// that asked for JSON reads the mistake on stdout.
pub(crate) fn parse() -> Result<Arguments, ExitCode> {
    Arguments::try_parse().map_err(|error| {
        if !error.use_stderr() {
            // A terminal that went away is no reason for another error.
            let _ = error.print();
            return ExitCode::SUCCESS;
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
