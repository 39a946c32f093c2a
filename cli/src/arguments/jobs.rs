//! Commands about the jobs of a deployment.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::Source;
use crate::settings::{Flags, Place};

/// `candor submit`.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Wait for the end; the exit code is the job's
    #[arg(long, env = "CANDOR_WAIT", value_parser = FalseyValueParser::new())]
    pub(crate) wait: bool,
    /// The same key and the same workflow mean the same job, however often it is submitted
    #[arg(long, value_name = "KEY", env = "CANDOR_IDEMPOTENCY_KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Where the run directory is made at the end of a wait
    #[arg(long, value_name = "DIR", default_value = "runs", env = "CANDOR_RUNS_DIR")]
    pub(crate) runs_dir: PathBuf,
    /// Print as JSON; with --wait the answer
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    /// Do not ask for confirmation of a plan that the planner made
    #[arg(long, env = "CANDOR_YES", value_parser = FalseyValueParser::new())]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
}

/// `candor list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only jobs in this state, such as in_progress; may be given again
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Vec<String>,
    /// Only jobs with this result, such as failed; may be given again
    #[arg(long, value_name = "RESULT")]
    pub(crate) result: Vec<String>,
    /// Only jobs of this workflow
    #[arg(long, value_name = "NAME")]
    pub(crate) workflow: Option<String>,
    /// Jobs at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    /// Print as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
}

/// `candor status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The job
    pub(crate) job: String,
    /// End with the job's exit code
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Print the summary of this moment as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
}

/// `candor watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The job
    pub(crate) job: String,
    /// Print one JSON object for everything that happens
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
}

/// `candor logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The job
    pub(crate) job: String,
    /// Go on until the job has ended
    #[arg(long, short = 'f', env = "CANDOR_FOLLOW", value_parser = FalseyValueParser::new())]
    pub(crate) follow: bool,
    /// Print one event as JSON a line
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
}

/// `candor cancel`.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The job
    pub(crate) job: String,
    /// Print as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
}

/// `candor rerun`.
#[derive(Debug, Args)]
pub(crate) struct Rerun {
    /// The job that has ended
    pub(crate) job: String,
    /// Do this task and everything that depends on it again; keep the other results
    #[arg(long, value_name = "TASK", conflicts_with = "failed")]
    pub(crate) from: Option<String>,
    /// Do again what failed and what depends on it; keep the other results
    #[arg(long)]
    pub(crate) failed: bool,
    /// Wait for the end; the exit code is the new job's
    #[arg(long, env = "CANDOR_WAIT", value_parser = FalseyValueParser::new())]
    pub(crate) wait: bool,
    /// Where the run directory is made at the end of a wait
    #[arg(long, value_name = "DIR", default_value = "runs", env = "CANDOR_RUNS_DIR")]
    pub(crate) runs_dir: PathBuf,
    /// Print as JSON; with --wait the answer
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
}

/// `candor export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The job
    pub(crate) job: String,
    /// Where the run directory is made
    #[arg(long, value_name = "DIR", default_value = "runs", env = "CANDOR_RUNS_DIR")]
    pub(crate) runs_dir: PathBuf,
    /// Print as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
}

/// `candor doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print as JSON
    #[arg(long, env = "CANDOR_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
}
