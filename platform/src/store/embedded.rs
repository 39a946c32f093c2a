//! The store of one machine: one file, written by a thread of its own.
//!
//! Owns when something is durable: whatever waits is committed together, and acknowledged only after the
//! file is synced. Deliberately does not know what the events mean.

mod file;
mod tables;
mod thread;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use candor_proto::{Epoch, JobId, OwnerId, Recorded};
use redb::StorageBackend;
use uuid::Uuid;

use self::file::Opener;
use self::tables::Prepared;
use self::thread::{Read, Reply, Request, Write};
use super::{Append, JobLine, Store};
use crate::error::{Error, Result};
use crate::runtime;
use crate::runtime::sync::{mpsc, oneshot};

/// Requests that wait for the thread before callers must wait themselves: several batches of every partition.
pub const REQUESTS_MAX: usize = 1024;

/// How long between two tries to open a store that another process still has, in milliseconds.
const RETRY_MS: u64 = 20;

/// The format of the file that this build writes, and the newest that it reads.
pub const STORE_FORMAT: u32 = 1;

/// A store in one file of this machine. Dropped, it finishes what was asked of it and lets the file go.
#[derive(Debug)]
pub struct EmbeddedStore {
    requests: mpsc::Sender<Request>,
    ended: oneshot::Receiver<()>,
    what: String,
}

impl EmbeddedStore {
    /// Opens the store in this file, which is made where it is missing.
    /// [`Error::InUse`] at once when another process has it open.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::start(Opener::file(path.into())).await
    }

    /// Opens the store in this file; waits up to `wait_ms` for another process that is about to end.
    pub async fn open_waiting(path: impl AsRef<Path>, wait_ms: u64) -> Result<Self> {
        let mut waited_ms = 0;
        loop {
            match Self::open(path.as_ref()).await {
                // Only waiting counts: opening itself may take long after a crash.
                Err(Error::InUse { .. }) if waited_ms < wait_ms => {
                    runtime::sleep(RETRY_MS).await;
                    waited_ms += RETRY_MS;
                }
                opened => return opened,
            }
        }
    }

    /// Opens a store whose bytes lie elsewhere: what a test needs to make a disk fail.
    pub async fn open_on<B, F>(name: &str, backend: F) -> Result<Self>
    where
        B: StorageBackend,
        F: Fn() -> std::io::Result<B> + Send + 'static,
    {
        Self::start(Opener::backend(name, backend)).await
    }

    async fn start(opener: Opener) -> Result<Self> {
        let what = opener.what().to_owned();
        let (requests, waiting) = mpsc::channel(REQUESTS_MAX);
        let (opened_sender, opened) = oneshot::channel();
        let (ended_sender, ended) = oneshot::channel::<()>();
        let work = move || {
            thread::run(&opener, waiting, opened_sender);
            drop(ended_sender);
        };
        runtime::thread("store", work).map_err(|error| Error::io(format!("starting the thread of {what}"), &error))?;
        match opened.await {
            Ok(Ok(())) => Ok(Self { requests, ended, what }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::Damaged { what, reason: "opening it failed in an unforeseen way".to_owned() }),
        }
    }

    /// Lets the file go; returns when another process can open it.
    pub async fn close(self) {
        let Self { requests, ended, what: _ } = self;
        drop(requests);
        // The sender is dropped without a value at the thread's end: that is the news.
        let (Ok(()) | Err(_)) = ended.await;
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request + Send) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let closed = || Error::Closed { what: self.what.clone() };
        self.requests.send(request(reply)).await.map_err(|_| closed())?;
        // The thread answers whatever it takes, unless the library under it failed on a damaged file.
        let unforeseen =
            || Error::Damaged { what: self.what.clone(), reason: "using it failed in an unforeseen way".into() };
        answer.await.unwrap_or_else(|_| Err(unforeseen()))
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn partitions(&self, wanted: u32) -> Result<u32> {
        self.ask(|reply| Request::Write(Write::Partitions { wanted, reply })).await
    }

    async fn deployment(&self, proposed: Option<Uuid>) -> Result<Option<Uuid>> {
        self.ask(|reply| Request::Write(Write::Deployment { proposed, reply })).await
    }

    async fn claim(&self, partition: u32, owner: OwnerId) -> Result<Epoch> {
        self.ask(|reply| Request::Write(Write::Claim { partition, owner, reply })).await
    }

    async fn live(&self, partition: u32) -> Result<Vec<JobId>> {
        self.ask(|reply| Request::Read(Read::Live { partition, reply })).await
    }

    async fn log(&self, partition: u32, job: JobId, after: u64, max: usize) -> Result<Vec<Recorded>> {
        self.ask(|reply| Request::Read(Read::Log { partition, job, after, max, reply })).await
    }

    async fn append(&self, partition: u32, epoch: Epoch, batch: Vec<Append>) -> Result<()> {
        let batch = batch.iter().map(|append| Prepared::new(partition, append)).collect::<Result<Vec<_>>>()?;
        self.ask(|reply| Request::Write(Write::Append { partition, epoch, batch, reply })).await
    }

    async fn confirm(&self, partition: u32, epoch: Epoch) -> Result<()> {
        // An append is acknowledged when it is durable, so only the epoch is left to be checked.
        self.ask(|reply| Request::Read(Read::Confirm { partition, epoch, reply })).await
    }

    async fn line(&self, partition: u32, job: JobId) -> Result<Option<JobLine>> {
        self.ask(|reply| Request::Read(Read::Line { partition, job, reply })).await
    }

    async fn lines(&self, partition: u32, max: usize) -> Result<Vec<JobLine>> {
        self.ask(|reply| Request::Read(Read::Lines { partition, max, reply })).await
    }
}
