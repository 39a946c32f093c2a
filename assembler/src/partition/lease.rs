//! How long a released attempt may stay silent.
//!
//! Kept in memory only: a new owner starts all leases afresh. An expired lease means that the same
//! attempt is published again, and doubles, so that a pool without workers does not fill its queue.

use std::collections::{BTreeSet, HashMap};

use candor_proto::{AttemptId, JobId, Millis, Node};

/// The leases of all attempts that are out.
#[derive(Debug, Default)]
pub struct Leases {
    length_ms: u64,
    by_attempt: HashMap<AttemptId, Lease>,
    by_end: BTreeSet<(Millis, AttemptId)>,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    job: JobId,
    node: Node,
    length_ms: u64,
    end: Millis,
}

impl Leases {
    /// No leases yet; each will begin with this length, at least a millisecond: one without length never ends.
    pub fn new(length_ms: u64) -> Self {
        Self { length_ms: length_ms.max(1), ..Self::default() }
    }

    /// An attempt was released.
    pub fn begin(&mut self, job: JobId, node: Node, attempt: AttemptId, now: Millis) {
        let lease = Lease { job, node, length_ms: self.length_ms, end: now.saturating_add(self.length_ms) };
        self.put(attempt, lease);
    }

    /// A worker holds the attempt: its lease begins anew.
    pub fn extend(&mut self, attempt: AttemptId, now: Millis) {
        if let Some(lease) = self.by_attempt.get(&attempt).copied() {
            self.put(attempt, Lease { end: now.saturating_add(lease.length_ms), ..lease });
        }
    }

    /// The attempt ended.
    pub fn end(&mut self, attempt: AttemptId) {
        if let Some(lease) = self.by_attempt.remove(&attempt) {
            self.by_end.remove(&(lease.end, attempt));
        }
    }

    /// The job ended.
    pub fn forget(&mut self, job: JobId) {
        let attempts: Vec<_> =
            self.by_attempt.iter().filter(|(_, lease)| lease.job == job).map(|(id, _)| *id).collect();
        for attempt in attempts {
            self.end(attempt);
        }
    }

    /// When the first lease is over.
    pub fn next_due(&self) -> Option<Millis> {
        self.by_end.first().map(|(end, _)| *end)
    }

    /// An attempt whose lease is over; its lease is doubled and begins anew.
    pub fn take_expired(&mut self, now: Millis) -> Option<(JobId, Node, AttemptId)> {
        let (_, attempt) = self.by_end.first().copied().filter(|(end, _)| *end <= now)?;
        let lease = self.by_attempt.get(&attempt).copied()?;
        let length_ms = lease.length_ms.saturating_mul(2);
        self.put(attempt, Lease { length_ms, end: now.saturating_add(length_ms), ..lease });
        Some((lease.job, lease.node, attempt))
    }

    fn put(&mut self, attempt: AttemptId, lease: Lease) {
        if let Some(before) = self.by_attempt.insert(attempt, lease) {
            self.by_end.remove(&(before.end, attempt));
        }
        self.by_end.insert((lease.end, attempt));
    }
}
