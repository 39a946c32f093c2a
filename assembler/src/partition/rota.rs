//! Whose turn it is: jobs with something to release, round-robin by priority and fairness key.
//!
//! A higher priority goes first. Within one priority the keys take turns, and within a key its jobs,
//! so that a job of 100,000 tasks does not keep a job of four waiting.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use candor_proto::plan::Priority;
use candor_proto::{Job, JobId};

/// Where a job sits.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    priority: Priority,
    key: Arc<str>,
}

impl Seat {
    /// The seat of a job with this fairness key.
    pub(super) fn of(job: &Job, key: String) -> Self {
        let priority = job.accepted().map(|accepted| accepted.priority).unwrap_or_default();
        Self { priority, key: key.into() }
    }
}

/// Jobs by pool, priority and key.
#[derive(Debug, Default)]
pub(super) struct Rota {
    pools: HashMap<String, Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    waiting: HashSet<JobId>,
    rings: BTreeMap<Reverse<Priority>, Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    keys: VecDeque<Arc<str>>,
    jobs: HashMap<Arc<str>, VecDeque<JobId>>,
}

impl Rota {
    /// The job has something to release in this pool. Joining twice is joining once.
    pub(super) fn join(&mut self, pool: &str, seat: &Seat, job: JobId) {
        if !self.pools.contains_key(pool) {
            self.pools.insert(pool.to_owned(), Queues::default());
        }
        let Some(queues) = self.pools.get_mut(pool) else { return };
        if !queues.waiting.insert(job) {
            return;
        }
        let ring = queues.rings.entry(Reverse(seat.priority)).or_default();
        let jobs = ring.jobs.entry(Arc::clone(&seat.key)).or_default();
        if jobs.is_empty() {
            ring.keys.push_back(Arc::clone(&seat.key));
        }
        jobs.push_back(job);
    }

    /// Takes the job whose turn it is in this pool out of the rota; one with more to release joins again behind the others.
    pub(super) fn take(&mut self, pool: &str) -> Option<JobId> {
        let queues = self.pools.get_mut(pool)?;
        loop {
            let mut entry = queues.rings.first_entry()?;
            let ring = entry.get_mut();
            let Some(key) = ring.keys.pop_front() else {
                entry.remove();
                continue;
            };
            let Some(jobs) = ring.jobs.get_mut(&key) else { continue };
            let job = jobs.pop_front();
            if jobs.is_empty() {
                ring.jobs.remove(&key);
            } else {
                ring.keys.push_back(key);
            }
            if let Some(job) = job {
                queues.waiting.remove(&job);
                return Some(job);
            }
        }
    }

    /// The pools in which somebody waits.
    pub(super) fn pools(&self) -> Vec<String> {
        self.pools.iter().filter(|(_, queues)| !queues.waiting.is_empty()).map(|(pool, _)| pool.clone()).collect()
    }
}
