//! Reading: lists, lines and logs, in pieces that no server notices.

use candor_proto::codec::{Encoding, read};
use candor_proto::{JobId, Recorded};
use redis::cmd;
use serde::de::DeserializeOwned;

use super::RedisStore;
use super::batch::KIND;
use super::keys;
use crate::error::Result;
use crate::store::JobLine;
use crate::store::seal::{line_place, log_place, opened};

/// Events read at once: few enough for one answer, however large they are.
const EVENTS_PER_READ: usize = 1_000;
/// Lines read at once.
const LINES_PER_READ: usize = 1_000;

impl RedisStore {
    pub(super) async fn live_jobs(&self, partition: u32) -> Result<Vec<JobId>> {
        let key = self.keys.partition(partition).live();
        let places: Vec<String> = self.command(cmd("ZRANGE").arg(key).arg(0).arg(-1)).await?;
        self.jobs_at(&places)
    }

    pub(super) async fn events(&self, partition: u32, job: JobId, after: u64, max: usize) -> Result<Vec<Recorded>> {
        let key = self.keys.partition(partition).log(job);
        let mut events: Vec<Recorded> = Vec::new();
        // A list counts by signed numbers, and nothing is that long.
        let Ok(after) = i64::try_from(after) else { return Ok(events) };
        while events.len() < max {
            let wanted = (max - events.len()).min(EVENTS_PER_READ);
            let first = after.saturating_add_unsigned(events.len() as u64);
            let last = first.saturating_add_unsigned(wanted as u64 - 1);
            let found: Vec<Vec<u8>> = self.command(cmd("LRANGE").arg(&key).arg(first).arg(last)).await?;
            let count = found.len();
            for (seq, sealed) in (first.unsigned_abs().saturating_add(1)..).zip(found) {
                let name = || format!("event {seq} of {job}");
                let event: Recorded = self.unseal(&log_place(partition, job, seq), &sealed, name)?;
                if event.seq != seq {
                    return Err(self.damaged(format!("{} is numbered {}", name(), event.seq)));
                }
                events.push(event);
            }
            if count < wanted {
                break;
            }
        }
        Ok(events)
    }

    pub(super) async fn line_of(&self, partition: u32, job: JobId) -> Result<Option<JobLine>> {
        let key = self.keys.partition(partition).lines();
        let found: Option<Vec<u8>> = self.command(cmd("HGET").arg(key).arg(keys::name(job))).await?;
        found.map(|sealed| self.unseal_line(partition, job, &sealed)).transpose()
    }

    pub(super) async fn newest_lines(&self, partition: u32, max: usize) -> Result<Vec<JobLine>> {
        let keys = self.keys.partition(partition);
        let mut lines = Vec::new();
        let Some(last) = max.checked_sub(1) else { return Ok(lines) };
        let last = i64::try_from(last).unwrap_or(i64::MAX);
        let places: Vec<String> = self.command(cmd("ZRANGE").arg(keys.jobs()).arg(0).arg(last).arg("REV")).await?;
        for jobs in self.jobs_at(&places)?.chunks(LINES_PER_READ) {
            let names: Vec<String> = jobs.iter().map(|job| keys::name(*job)).collect();
            let found: Vec<Option<Vec<u8>>> = self.command(cmd("HMGET").arg(keys.lines()).arg(names)).await?;
            for (job, sealed) in jobs.iter().zip(found) {
                let sealed = sealed.ok_or_else(|| self.damaged(format!("the line of {job} is missing")))?;
                lines.push(self.unseal_line(partition, *job, &sealed)?);
            }
        }
        Ok(lines)
    }

    fn jobs_at(&self, places: &[String]) -> Result<Vec<JobId>> {
        let job = |place: &String| keys::job_at(place).ok_or_else(|| self.damaged(format!("`{place}` is no place")));
        places.iter().map(job).collect()
    }

    fn unseal_line(&self, partition: u32, job: JobId, sealed: &[u8]) -> Result<JobLine> {
        self.unseal(&line_place(partition, job), sealed, || format!("the line of {job}"))
    }

    fn unseal<T: DeserializeOwned>(&self, place: &[u8], sealed: &[u8], name: impl Fn() -> String) -> Result<T> {
        let body = opened(place, sealed).ok_or_else(|| self.damaged(format!("{} is not what was written", name())))?;
        read(body, Encoding::MessagePack, KIND).map_err(|error| self.damaged(format!("{}: {error}", name())))
    }
}
