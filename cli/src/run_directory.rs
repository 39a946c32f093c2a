//! A job's run directory: a projection of its log that people archive and `verify` derives again.
//!
//! `events.jsonl` is the log, `summary.json` and `answer.json` follow from it, `run.log` and `report.md` tell
//! it to people, `artifacts/` holds the bodies. While the job runs, `state/` holds what a resumption needs.

mod claim;
mod create;
mod events;
mod plain;
mod project;
mod report;
mod story;
mod verify;

pub(crate) use claim::{Claimed, Unfinished};
pub(crate) use create::{REQUEST, RunDirectory};
pub(crate) use project::project;
pub(crate) use story::Story;
pub(crate) use verify::{OtherWording, Refuted, Verified, known_format, named_files, verify};

/// The format of a run directory; `verify` reads every one ever released.
pub(crate) const FORMAT: u32 = 1;
/// Who writes run directories.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The files that people and programs read.
pub(crate) const EVENTS: &str = "events.jsonl";
/// The job's state.
pub(crate) const SUMMARY: &str = "summary.json";
/// The job's answer.
pub(crate) const ANSWER: &str = "answer.json";
/// The story.
pub(crate) const LOG: &str = "run.log";
/// What a manager would forward.
pub(crate) const REPORT: &str = "report.md";
/// The bodies.
pub(crate) const ARTIFACTS: &str = "artifacts";
/// What a resumption needs; gone once the answer stands.
pub(crate) const STATE: &str = "state";
