//! A store without a disk, for fast tests and simulations: it survives everything but its own end.
//!
//! Keeps the same promises as the real ones, and can be rolled back or made to fail as they might.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use candor_proto::{Epoch, JobId, Millis, OwnerId, Recorded};
use uuid::Uuid;

use super::{Append, JobLine, Store};
use crate::error::{Error, Result};

/// A store in memory. Cloned, it is the same store: what a test keeps while it drops everything else.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    world: Arc<Mutex<World>>,
}

#[derive(Clone, Debug, Default)]
struct World {
    state: State,
    failing: Option<Error>,
}

/// What a store held at some moment.
#[derive(Clone, Debug, Default)]
pub struct State {
    partitions: Option<u32>,
    deployment: Option<Uuid>,
    owned: BTreeMap<u32, Partition>,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    epoch: Option<Epoch>,
    jobs: BTreeMap<JobId, Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    recorded_at: Millis,
    events: Vec<Recorded>,
    line: JobLine,
    live: bool,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it holds now.
    pub fn state(&self) -> State {
        self.lock().state.clone()
    }

    /// Holds again what it once held: a replica that lacks the newest writes took over.
    pub fn roll_back(&self, state: State) {
        self.lock().state = state;
    }

    /// From now on everything fails with this error, until it is taken away.
    pub fn fail(&self, error: Option<Error>) {
        self.lock().failing = error;
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut world = self.lock();
        match &world.failing {
            Some(error) => Err(error.clone()),
            None => work(&mut world.state),
        }
    }
}

impl State {
    fn partition(&mut self, partition: u32) -> &mut Partition {
        self.owned.entry(partition).or_default()
    }
}

impl Partition {
    fn newest(&self, partition: u32, epoch: Epoch) -> Result<()> {
        if self.epoch == Some(epoch) {
            return Ok(());
        }
        let reason = format!("its epoch is {:?}, not {epoch:?}", self.epoch);
        Err(Error::Stale { partition, reason })
    }

    fn append(&mut self, partition: u32, batch: Vec<Append>) -> Result<()> {
        let mut lengths: BTreeMap<JobId, u64> = BTreeMap::new();
        for append in &batch {
            let known = self.jobs.get(&append.job).map_or(0, |kept| kept.events.len() as u64);
            let length = lengths.entry(append.job).or_insert(known);
            let numbered = append.events.iter().zip(*length + 1..).all(|(event, seq)| event.seq == seq);
            if *length != append.expected_seq || !numbered {
                let reason = format!("the log of {} has {length} events", append.job);
                return Err(Error::Stale { partition, reason });
            }
            *length += append.events.len() as u64;
        }
        for Append { job, expected_seq: _, events, line, live } in batch {
            let recorded_at = line.created_at;
            let kept = self.jobs.entry(job).or_insert_with(|| Kept {
                recorded_at,
                events: Vec::new(),
                line: line.clone(),
                live,
            });
            kept.events.extend(events);
            kept.line = line;
            kept.live = live;
        }
        Ok(())
    }

    /// Oldest first.
    fn by_age(&self) -> Vec<(JobId, &Kept)> {
        let mut jobs: Vec<_> = self.jobs.iter().map(|(job, kept)| (*job, kept)).collect();
        jobs.sort_by_key(|(job, kept)| (kept.recorded_at, *job));
        jobs
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn partitions(&self, wanted: u32) -> Result<u32> {
        let wanted = wanted.max(1);
        self.with(|state| match *state.partitions.get_or_insert(wanted) {
            found if found == wanted => Ok(found),
            found => Err(Error::Partitions { found, wanted }),
        })
    }

    async fn deployment(&self, proposed: Option<Uuid>) -> Result<Option<Uuid>> {
        self.with(|state| {
            state.deployment = state.deployment.or(proposed);
            Ok(state.deployment)
        })
    }

    async fn claim(&self, partition: u32, owner: OwnerId) -> Result<Epoch> {
        self.with(|state| {
            let partition = state.partition(partition);
            let counter = partition.epoch.map_or(1, |epoch| epoch.counter + 1);
            Ok(*partition.epoch.insert(Epoch { counter, owner }))
        })
    }

    async fn live(&self, partition: u32) -> Result<Vec<JobId>> {
        self.with(|state| {
            let jobs = state.partition(partition).by_age();
            Ok(jobs.into_iter().filter(|(_, kept)| kept.live).map(|(job, _)| job).collect())
        })
    }

    async fn log(&self, partition: u32, job: JobId, after: u64, max: usize) -> Result<Vec<Recorded>> {
        self.with(|state| {
            let kept = state.partition(partition).jobs.get(&job);
            let after = usize::try_from(after).unwrap_or(usize::MAX);
            Ok(kept.into_iter().flat_map(|kept| kept.events.iter().skip(after).take(max)).cloned().collect())
        })
    }

    async fn append(&self, partition: u32, epoch: Epoch, batch: Vec<Append>) -> Result<()> {
        self.with(|state| {
            let kept = state.partition(partition);
            kept.newest(partition, epoch)?;
            kept.append(partition, batch)
        })
    }

    async fn confirm(&self, partition: u32, epoch: Epoch) -> Result<()> {
        self.with(|state| state.partition(partition).newest(partition, epoch))
    }

    async fn line(&self, partition: u32, job: JobId) -> Result<Option<JobLine>> {
        self.with(|state| Ok(state.partition(partition).jobs.get(&job).map(|kept| kept.line.clone())))
    }

    async fn lines(&self, partition: u32, max: usize) -> Result<Vec<JobLine>> {
        self.with(|state| {
            let jobs = state.partition(partition).by_age();
            Ok(jobs.into_iter().rev().take(max).map(|(_, kept)| kept.line.clone()).collect())
        })
    }
}
