//! What commands speak to: services over RabbitMQ and Redis, `candor up` through its socket, or a store that nobody serves.
//!
//! One trait, so that a command is written once. Owns reading and sending; deliberately decides nothing about a job.

mod direct;
mod open;
mod socket;
mod stored;

use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::Artifacts;
use candor_platform::broker::{Properties, Standing};
use candor_platform::store::JobLine;
use candor_proto::route::Routes;
use candor_proto::{Job, JobId, Message, Millis, Recorded};

use crate::failure::{Code, Failure};
pub(crate) use direct::{Accepted, Direct};
pub(crate) use open::{BODIES, STORE, open};
pub(crate) use socket::serve;

/// Events read at once.
pub(crate) const PAGE_EVENTS: usize = 4_096;

/// A message that came to a mailbox.
#[derive(Debug)]
pub(crate) struct Letter {
    /// What came, or why it cannot be read.
    pub(crate) message: Result<Message, candor_proto::Error>,
}

/// Messages that come in.
#[async_trait]
pub(crate) trait Letters: Send {
    /// The next ones: waits for the first, then takes at most `max` of those that come within `linger_ms`.
    /// Empty once nothing can come any more. May be dropped while waiting without losing anything.
    async fn next_batch(&mut self, max: usize, linger_ms: u64) -> Vec<Letter>;
}

/// Where replies come to.
pub(crate) struct Mailbox {
    /// Its queue, for `reply_to`.
    pub(crate) address: String,
    /// What comes.
    pub(crate) letters: Box<dyn Letters>,
}

/// A deployment as commands see it.
#[async_trait]
pub(crate) trait Deployment: Send + Sync {
    /// The names of its queues.
    fn routes(&self) -> &Routes;

    /// Its partitions.
    fn partitions(&self) -> u32;

    /// Its bodies; an error says what is missing.
    async fn artifacts(&self) -> Result<Arc<dyn Artifacts>, Failure>;

    /// A mailbox of this process.
    async fn mailbox(&self) -> Result<Mailbox, Failure>;

    /// The progress of a job from now on.
    async fn notices(&self, job: JobId) -> Result<Box<dyn Letters>, Failure>;

    /// Puts a message into a queue; returns once it can no longer be lost.
    async fn send(&self, queue: String, message: Message, properties: Properties) -> Result<(), Failure>;

    /// The line of a job; `None` for one that is not recorded.
    async fn line(&self, job: JobId) -> Result<Option<JobLine>, Failure>;

    /// The newest jobs of all partitions, at most `max`.
    async fn lines(&self, max: usize) -> Result<Vec<JobLine>, Failure>;

    /// Events of a job after the `after`-th; empty at its end.
    async fn page(&self, job: JobId, after: u64) -> Result<Vec<Recorded>, Failure>;

    /// How a queue stands; `None` where there is none.
    async fn standing(&self, queue: &str) -> Result<Option<Standing>, Failure>;
}

/// The whole log of a job.
pub(crate) async fn log(deployment: &dyn Deployment, job: JobId) -> Result<Vec<Recorded>, Failure> {
    let mut log: Vec<Recorded> = Vec::new();
    loop {
        let page = deployment.page(job, log.last().map_or(0, |recorded| recorded.seq)).await?;
        if page.is_empty() {
            return Ok(log);
        }
        log.extend(page);
    }
}

/// A job as it stands, with its log.
///
/// # Errors
///
/// Also when no such job is recorded.
pub(crate) async fn job(deployment: &dyn Deployment, id: JobId) -> Result<(Job, Vec<Recorded>), Failure> {
    let log = log(deployment, id).await?;
    if log.is_empty() {
        return Err(unknown(id));
    }
    let mut job = Job::new(id);
    log.iter().for_each(|recorded| job.evolve(recorded));
    Ok((job, log))
}

/// No such job is recorded.
pub(crate) fn unknown(id: JobId) -> Failure {
    Failure::usage(Code::UnknownJob, format!("no job {id} is recorded"))
        .advice("`candor list` shows the jobs; one that was submitted a moment ago may not be recorded yet")
}

/// How long a submitted job may stay unrecorded before it counts as unknown, in milliseconds.
const UNRECORDED_MS: Millis = 3_600_000;

/// Whether a job that is not recorded may have been submitted lately: an id of version 7 says when it was made.
pub(crate) fn may_be_under_way(id: JobId, now: Millis) -> bool {
    id.uuid().get_timestamp().is_some_and(|made_at| {
        let (seconds, nanos) = made_at.to_unix();
        let made_at = seconds.saturating_mul(1_000).saturating_add(u64::from(nanos / 1_000_000));
        made_at.abs_diff(now) <= UNRECORDED_MS
    })
}

/// The id that somebody typed.
pub(crate) fn id(text: &str) -> Result<JobId, Failure> {
    text.parse().map_err(|error: candor_proto::Error| {
        Failure::usage(Code::JobForm, error.to_string())
            .advice("give the id that `candor submit` or `candor list` printed")
    })
}
