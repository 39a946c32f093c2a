//! What the author of an action writes: a name, and `run`.
//!
//! An action answers with one of four words: [`Outcome::Done`], [`Outcome::Retry`], [`Outcome::Fail`],
//! [`Outcome::Cancelled`]. Queues, leases and retries are somebody else's business.

pub mod exec;
pub mod installed;
pub mod noop;
pub mod python;
pub mod shell;

pub mod csv;
pub mod file;
pub mod output;
mod process;

mod halt;
mod with;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use candor_platform::runtime::sync::Notify;
use candor_platform::{Artifacts, Clock};
use candor_proto::plan::{Limits, PlanFile};
use candor_proto::{AttemptId, JobId, Millis, Outcome, ValueType};
use serde_json::Value;

use crate::secrets::Masks;

pub use halt::Halt;
pub use process::Processes;

/// Something that a task can use.
#[async_trait]
pub trait Action: Send + Sync + 'static {
    /// Its name, as in `uses` and in the catalogue.
    fn name(&self) -> &str;

    /// Runs one attempt. `with` is resolved: no expressions are left in it.
    async fn run(&self, context: &Context, with: Value) -> Outcome;
}

/// What an attempt may know of the world.
#[derive(Clone)]
pub struct Context {
    /// The job, for `CANDOR_JOB`.
    pub job: JobId,
    /// The try.
    pub attempt: AttemptId,
    /// The task's name, for `CANDOR_TASK`.
    pub task: String,
    /// 1, 2, …, for `CANDOR_ATTEMPT`.
    pub number: u32,
    /// Stable over attempts.
    pub idempotency_key: String,
    /// The attempt's environment, with secrets put in.
    pub env: BTreeMap<String, String>,
    /// The plan's files by relative path.
    pub files: Arc<BTreeMap<String, PlanFile>>,
    /// Outputs that the task declares.
    pub outputs: BTreeMap<String, ValueType>,
    /// What it may use.
    pub limits: Limits,
    /// When it must have ended.
    pub deadline: Millis,
    /// How much time it has in all, in milliseconds: what the task declares.
    pub timeout_ms: Millis,
    /// Set when it must end at once: a time-out, a revocation, a drain.
    pub stop: Stop,
    /// A fresh folder of this attempt's own. `out/` below it becomes file values.
    pub directory: PathBuf,
    /// Parents of absolute paths that may be read; `None` allows all.
    pub allow_paths: Option<Arc<Vec<PathBuf>>>,
    /// Bodies. What is stored there through this has no secret in it.
    pub artifacts: Arc<dyn Artifacts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Secrets that it got. The worker masks what is stored and the outcome; an action only what it writes in a form of its own.
    pub masks: Masks,
    /// What the attempt has used so far; the action adds to it.
    pub usage: Arc<Used>,
}

/// Says that an attempt must end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Word>);

#[derive(Debug, Default)]
struct Word {
    given: AtomicBool,
    told: Notify,
}

impl Stop {
    /// From now on it must.
    pub fn set(&self) {
        self.0.given.store(true, Ordering::Release);
        self.0.told.notify_waiters();
    }

    /// Whether it must. Long loops ask every few thousand rows.
    pub fn is_set(&self) -> bool {
        self.0.given.load(Ordering::Acquire)
    }

    /// Waits until it must. May be dropped while waiting.
    pub async fn wait(&self) {
        let mut told = std::pin::pin!(self.0.told.notified());
        // Heard from here on, so that a word between the look and the wait is not lost.
        told.as_mut().enable();
        if !self.is_set() {
            told.await;
        }
    }
}

/// What an attempt has used.
#[derive(Debug, Default)]
pub struct Used {
    /// Processor time of its processes, in milliseconds.
    pub cpu_ms: AtomicU64,
    /// The largest resident set of any of its processes, in bytes.
    pub max_rss_bytes: AtomicU64,
}
