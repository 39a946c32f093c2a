//! What a worker holds at this moment, and what it has seen lately.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use candor_platform::runtime::sync::watch;
use candor_proto::message::Revocation;
use candor_proto::{AttemptId, JobId, Millis};

use crate::classify::Halted;
use crate::executor::Brake;
use crate::limits::SEEN_MAX;

/// The attempts of a worker.
#[derive(Debug)]
pub(super) struct Held {
    state: Mutex<State>,
    count: watch::Sender<usize>,
}

#[derive(Debug)]
struct State {
    running: HashMap<AttemptId, Attempt>,
    seen: Recent<AttemptId>,
    revoked_attempts: Recent<AttemptId>,
    revoked_jobs: Recent<JobId>,
}

#[derive(Debug)]
struct Attempt {
    job: JobId,
    since: Millis,
    brake: Brake,
}

impl Held {
    pub(super) fn new() -> Self {
        let state = State {
            running: HashMap::new(),
            seen: Recent::new(SEEN_MAX),
            revoked_attempts: Recent::new(SEEN_MAX),
            revoked_jobs: Recent::new(SEEN_MAX),
        };
        Self { state: Mutex::new(state), count: watch::Sender::new(0) }
    }

    /// Takes an attempt on; `None` when it has been seen before.
    pub(super) fn take(&self, job: JobId, attempt: AttemptId, now: Millis) -> Option<Brake> {
        let mut state = self.lock();
        if !state.seen.insert(attempt) {
            return None;
        }
        let brake = Brake::default();
        if state.revoked_attempts.contains(&attempt) || state.revoked_jobs.contains(&job) {
            brake.pull(Halted::Revoked);
        }
        state.running.insert(attempt, Attempt { job, since: now, brake: brake.clone() });
        self.count.send_replace(state.running.len());
        Some(brake)
    }

    /// Lets an attempt go. One that was given back may come again.
    pub(super) fn release(&self, attempt: AttemptId, given_back: bool) {
        let mut state = self.lock();
        state.running.remove(&attempt);
        if given_back {
            state.seen.remove(&attempt);
        }
        self.count.send_replace(state.running.len());
    }

    /// Stops what is revoked, now or when it comes.
    pub(super) fn revoke(&self, revocation: &Revocation) {
        let mut state = self.lock();
        if revocation.attempts.is_empty() {
            state.revoked_jobs.insert(revocation.job);
        }
        for attempt in &revocation.attempts {
            state.revoked_attempts.insert(*attempt);
        }
        let meant = |id: &AttemptId| revocation.attempts.is_empty() || revocation.attempts.contains(id);
        for (id, attempt) in &state.running {
            if attempt.job == revocation.job && meant(id) {
                attempt.brake.pull(Halted::Revoked);
            }
        }
    }

    /// Stops everything, because the worker ends.
    pub(super) fn halt_all(&self) {
        self.lock().running.values().for_each(|attempt| attempt.brake.pull(Halted::Draining));
    }

    /// The attempts held for at least `ms` by now, by partition.
    pub(super) fn held_for(&self, ms: u64, now: Millis, partitions: u32) -> BTreeMap<u32, Vec<(JobId, AttemptId)>> {
        let mut found: BTreeMap<u32, Vec<_>> = BTreeMap::new();
        for (id, attempt) in &self.lock().running {
            if now.saturating_sub(attempt.since) >= ms {
                found.entry(attempt.job.partition(partitions)).or_default().push((attempt.job, *id));
            }
        }
        found.values_mut().for_each(|attempts| attempts.sort());
        found
    }

    /// Waits until nothing is held.
    pub(super) async fn empty(&self) {
        // The sender is ours, so this cannot end early.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The newest of many values; the oldest are forgotten.
#[derive(Debug)]
struct Recent<T> {
    known: HashSet<T>,
    order: VecDeque<T>,
    max: usize,
}

impl<T: Copy + Eq + Hash> Recent<T> {
    fn new(max: usize) -> Self {
        Self { known: HashSet::new(), order: VecDeque::new(), max }
    }

    /// Whether it was new.
    fn insert(&mut self, value: T) -> bool {
        if !self.known.insert(value) {
            return false;
        }
        self.order.push_back(value);
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    fn contains(&self, value: &T) -> bool {
        self.known.contains(value)
    }

    fn remove(&mut self, value: &T) {
        if self.known.remove(value) {
            self.order.retain(|other| other != value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn ids() -> (JobId, AttemptId) {
        (JobId::from_uuid(Uuid::new_v4()), AttemptId::from_uuid(Uuid::new_v4()))
    }

    #[test]
    fn an_attempt_is_taken_once_unless_it_was_given_back() {
        let held = Held::new();
        let (job, attempt) = ids();
        assert!(held.take(job, attempt, 0).is_some());
        assert!(held.take(job, attempt, 0).is_none());
        held.release(attempt, false);
        assert!(held.take(job, attempt, 0).is_none());
        held.release(attempt, true);
        assert!(held.take(job, attempt, 0).is_some());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut recent = Recent::new(2);
        for value in [1, 2, 3, 3, 2] {
            recent.insert(value);
        }
        assert!(!recent.contains(&1) && recent.contains(&2) && recent.contains(&3));
        assert!(recent.insert(1));
    }

    #[test]
    fn a_revocation_stops_what_it_means_also_when_it_comes_first() {
        let held = Held::new();
        let ((job, one), (_, two)) = (ids(), ids());
        let (first, second) = (held.take(job, one, 0).unwrap(), held.take(job, two, 0).unwrap());
        held.revoke(&Revocation { job, attempts: vec![one] });
        assert_eq!((first.why(), second.why()), (Some(Halted::Revoked), None));
        held.revoke(&Revocation { job, attempts: vec![] });
        assert_eq!(second.why(), Some(Halted::Revoked));
        assert_eq!(held.take(job, ids().1, 0).unwrap().why(), Some(Halted::Revoked));
    }

    #[test]
    fn only_what_is_held_long_is_said_by_partition() {
        let held = Held::new();
        let ((job, old), (other, young)) = (ids(), ids());
        held.take(job, old, 1_000);
        held.take(other, young, 5_000);
        assert_eq!(held.held_for(5_000, 6_000, 16), BTreeMap::from([(job.partition(16), vec![(job, old)])]));
    }
}
