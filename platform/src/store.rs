//! The logs of all jobs. The truth of the system; everything else is derived.

pub mod embedded;
pub mod memory;
pub mod redis;
mod seal;

use async_trait::async_trait;
use candor_proto::{Epoch, JobId, JobResult, JobState, Millis, OwnerId, Recorded};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Result;

/// Events for one job, to be appended after its `expected_seq`-th.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// Which job.
    pub job: JobId,
    /// The number of events that its log has.
    pub expected_seq: u64,
    /// What happened; numbered from `expected_seq + 1`.
    pub events: Vec<Recorded>,
    /// The line of the job in lists, as it is after these events.
    pub line: JobLine,
    /// Whether the job stays live: `false` once its answer's confirm is known.
    pub live: bool,
}

/// A job's line in lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLine {
    /// Which job.
    pub job: JobId,
    /// The workflow's name.
    pub workflow: String,
    /// How it stands.
    pub state: JobState,
    /// What it came to.
    pub result: Option<JobResult>,
    /// When it was recorded.
    pub created_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
    /// Tasks of the plan.
    pub total: u32,
    /// Tasks that succeeded.
    pub succeeded: u32,
    /// Tasks that failed.
    pub failed: u32,
    /// Tasks that run.
    pub running: u32,
}

/// The logs of all jobs, by partition.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The number of partitions: `wanted` at the first call ever, from then on what it was then.
    /// Another number later is [`crate::Error::Partitions`].
    async fn partitions(&self, wanted: u32) -> Result<u32>;

    /// The deployment's id: what was proposed first, ever. `None` while nobody has proposed one.
    async fn deployment(&self, proposed: Option<Uuid>) -> Result<Option<Uuid>>;

    /// Takes the next epoch of a partition. From now on nobody with an older one can append.
    async fn claim(&self, partition: u32, owner: OwnerId) -> Result<Epoch>;

    /// The partition's live jobs, oldest first by the time of their line; of the same time by id.
    async fn live(&self, partition: u32) -> Result<Vec<JobId>>;

    /// At most `max` events of a job's log, those after the `after`-th. Empty at its end, and for an unknown job.
    async fn log(&self, partition: u32, job: JobId, after: u64, max: usize) -> Result<Vec<Recorded>>;

    /// Appends to the logs of several jobs in one atomic, durable step.
    /// [`crate::Error::Stale`] when `epoch` is not, as a whole, the partition's newest, or a job's log
    /// does not have the expected length, or its events are numbered otherwise: then nothing at all is written.
    /// After any other error it is not known whether it happened: load the partition again.
    async fn append(&self, partition: u32, epoch: Epoch, batch: Vec<Append>) -> Result<()>;

    /// Returns when what was appended can no longer be rolled back, is there, and `epoch` is still the newest;
    /// else [`crate::Error::Stale`].
    async fn confirm(&self, partition: u32, epoch: Epoch) -> Result<()>;

    /// The line of a job; `None` for an unknown one.
    async fn line(&self, partition: u32, job: JobId) -> Result<Option<JobLine>>;

    /// The lines of a partition's jobs, newest first, at most `max`. What counts is the time in a job's first line.
    async fn lines(&self, partition: u32, max: usize) -> Result<Vec<JobLine>>;
}
