//! Commands that need nothing but this machine.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

use crate::settings::{Flags, Place};

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
    /// A folder below which tasks may use absolute paths that they compute; may be given again
    #[arg(long, value_name = "DIR", env = "CANDOR_ALLOW_PATH")]
    pub(crate) allow_path: Vec<PathBuf>,
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
    /// A run directory, or a job of `candor up` or of services
    #[arg(value_name = "RUN_DIR|JOB")]
    pub(crate) run_dir: PathBuf,
    /// A statement, such as S3; all of them where none is named
    pub(crate) statement: Option<String>,
    /// Print as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
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
