//! The store of several machines: logs in Redis, written by scripts that check everything before they write.
//!
//! Owns when something is durable there, and how it stands with the server. Deliberately does not know what the
//! events mean.

mod batch;
mod fitness;
mod keys;
mod line;
mod marks;
mod outlook;
mod reading;
mod settings;
mod trouble;
mod watcher;

pub use settings::Settings;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use candor_proto::{Epoch, JobId, OwnerId, Recorded};
use redis::{Cmd, Script, ScriptInvocation};
use uuid::Uuid;

use self::batch::Batch;
use self::keys::Keys;
use self::line::{Line, Question};
use self::marks::Marks;
use super::{Append, JobLine, Store};
use crate::error::{Error, Result};
use crate::link::Link;
use crate::runtime;
use crate::runtime::Running;
use crate::runtime::sync::watch;

/// The format of what this build writes, and the newest that it reads.
pub const REDIS_FORMAT: u32 = 1;

/// A store in Redis. Dropped, it looks for the server no more.
pub struct RedisStore {
    line: Arc<Line>,
    watcher: Running<()>,
    keys: Keys,
    marks: Marks,
    scripts: Scripts,
    store_rollback_ms: u64,
}

struct Scripts {
    append: Script,
    claim: Script,
    confirm: Script,
    settle: Script,
}

impl RedisStore {
    /// A store at this address. The server need not be there yet: it is waited for, and what keeps it away is said
    /// in the log once for each reason. Only settings that can never work are an error.
    pub async fn connect(settings: Settings) -> Result<Self> {
        let store_rollback_ms = settings.store_rollback_ms;
        let keys = Keys::new(settings.prefix.clone());
        let line = runtime::blocking(move || Line::new(&settings)).await;
        let closed = || Error::Closed { what: "the store".to_owned() };
        let line = Arc::new(line.ok_or_else(closed)??);
        let watcher = runtime::spawn(watcher::watch(line.clone()));
        let scripts = Scripts {
            append: Script::new(include_str!("redis/append.lua")),
            claim: Script::new(include_str!("redis/claim.lua")),
            confirm: Script::new(include_str!("redis/confirm.lua")),
            settle: Script::new(include_str!("redis/settle.lua")),
        };
        Ok(Self { line, watcher, keys, marks: Marks::default(), scripts, store_rollback_ms })
    }

    /// Returns when the server is there and fit, or when it is there and a person has to mend it first.
    pub async fn ready(&self) -> Result<()> {
        self.line.outlook.ready().await
    }

    /// How it stands with the server.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.line.outlook.link()
    }

    async fn command<T: redis::FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        self.line.ask(Question::Command(command)).await
    }

    /// Runs a script of ours and gives back what it says after `ok`.
    async fn script(&self, partition: u32, script: &ScriptInvocation<'_>) -> Result<Vec<String>> {
        let said: Vec<String> = self.line.ask(Question::Script(script)).await?;
        let mut said = said.into_iter();
        let verdict = said.next().unwrap_or_default();
        let rest: Vec<String> = said.collect();
        let text = |at: usize| rest.get(at).map(String::as_str).unwrap_or_default();
        let stale = |reason: String| Err(Error::Stale { partition, reason });
        match verdict.as_str() {
            "ok" => Ok(rest),
            "epoch" if text(0).is_empty() => stale("it has no epoch at all".to_owned()),
            "epoch" => stale(format!("its epoch is `{}`, which is not ours", text(0))),
            "length" => stale(format!("the log of {} has {} events", text(0), text(1))),
            // Said loudly by the claim that follows.
            "behind" => stale(format!("it is back at {} appends: what came after is lost", text(0))),
            "damaged" => Err(self.damaged(format!("{} of partition {partition}", text(0)))),
            other => Err(self.damaged(format!("a script said `{other}`"))),
        }
    }

    fn damaged(&self, reason: String) -> Error {
        Error::Damaged { what: self.line.what().to_owned(), reason }
    }

    fn number<T: std::str::FromStr>(&self, text: Option<&String>) -> Result<T> {
        let number = text.and_then(|text| text.parse().ok());
        number.ok_or_else(|| self.damaged(format!("`{}` is no number", text.map_or("", String::as_str))))
    }

    /// Writes a fact of the whole store unless there is one, and says what it is.
    async fn settle(&self, name: &str, value: &str) -> Result<String> {
        self.readable().await?;
        let mut call = self.scripts.settle.prepare_invoke();
        call.key(self.keys.facts()).arg(REDIS_FORMAT).arg(name).arg(value);
        let said = self.script(0, &call).await?;
        said.into_iter().next().ok_or_else(|| self.damaged(format!("the store has no {name}")))
    }

    /// Refuses what a newer build wrote.
    async fn readable(&self) -> Result<()> {
        let format: Option<String> = self.command(redis::cmd("HGET").arg(self.keys.facts()).arg("format")).await?;
        let Some(format) = format else { return Ok(()) };
        match self.number(Some(&format))? {
            found if found > REDIS_FORMAT => {
                Err(Error::Newer { what: format!("the store in {}", self.line.what()), found, known: REDIS_FORMAT })
            }
            _ => Ok(()),
        }
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisStore").field("at", &self.line.what()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn partitions(&self, wanted: u32) -> Result<u32> {
        let wanted = wanted.max(1);
        let found = self.settle("partitions", &wanted.to_string()).await?;
        match self.number(Some(&found))? {
            found if found == wanted => Ok(found),
            found => Err(Error::Partitions { found, wanted }),
        }
    }

    async fn deployment(&self, proposed: Option<Uuid>) -> Result<Option<Uuid>> {
        let found: Option<String> = match proposed {
            Some(proposed) => Some(self.settle("deployment", &proposed.to_string()).await?),
            None => self.command(redis::cmd("HGET").arg(self.keys.facts()).arg("deployment")).await?,
        };
        let parsed = found.map(|found| found.parse().map_err(|_| self.damaged(format!("`{found}` is no id"))));
        parsed.transpose()
    }

    async fn claim(&self, partition: u32, owner: OwnerId) -> Result<Epoch> {
        let keys = self.keys.partition(partition);
        let before = self.marks.of(partition);
        let mut call = self.scripts.claim.prepare_invoke();
        call.key(keys.epoch()).key(keys.tick()).arg(owner.uuid().to_string());
        let said = self.script(partition, &call).await?;
        let epoch = Epoch { counter: self.number(said.first())?, owner };
        if self.marks.claimed(partition, before, epoch, self.number(said.get(1))?) {
            tracing::error!(
                partition,
                epoch = epoch.counter,
                "{} lost what it had acknowledged; jobs go on from what it still has",
                self.line.what()
            );
        }
        self.line.outlook.unblocked();
        Ok(epoch)
    }

    async fn live(&self, partition: u32) -> Result<Vec<JobId>> {
        self.live_jobs(partition).await
    }

    async fn log(&self, partition: u32, job: JobId, after: u64, max: usize) -> Result<Vec<Recorded>> {
        self.events(partition, job, after, max).await
    }

    async fn append(&self, partition: u32, epoch: Epoch, batch: Vec<Append>) -> Result<()> {
        let batch = Batch::new(partition, batch)?;
        let floor = self.marks.floor(partition, epoch);
        let call = batch.call(&self.scripts.append, &self.keys.partition(partition), epoch, floor);
        let said = self.script(partition, &call).await?;
        self.marks.appended(partition, epoch, self.number(said.first())?);
        self.line.outlook.unblocked();
        Ok(())
    }

    async fn confirm(&self, partition: u32, epoch: Epoch) -> Result<()> {
        let floor = self.marks.floor(partition, epoch);
        let written = self.marks.written(partition);
        if let Some(written) = written.filter(|_| !self.line.durable()) {
            runtime::sleep(self.store_rollback_ms.saturating_sub(written.elapsed_ms())).await;
        }
        // Only now: a rollback while we waited must be seen.
        let keys = self.keys.partition(partition);
        let mut call = self.scripts.confirm.prepare_invoke();
        call.key(keys.epoch()).key(keys.tick()).arg(keys::epoch(epoch)).arg(floor);
        self.script(partition, &call).await.map(drop)
    }

    async fn line(&self, partition: u32, job: JobId) -> Result<Option<JobLine>> {
        self.line_of(partition, job).await
    }

    async fn lines(&self, partition: u32, max: usize) -> Result<Vec<JobLine>> {
        self.newest_lines(partition, max).await
    }
}
