//! What an assembler counts instead of acting upon.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counted since the start, over all partitions.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages that were dealt with before: the broker delivers twice.
    pub known: AtomicU64,
    /// Messages that fit nothing that is recorded.
    pub illegal: AtomicU64,
    /// Messages that nobody can read.
    pub dead: AtomicU64,
    /// Replies that nobody takes. The log has what they said.
    pub unanswered: AtomicU64,
    /// Jobs in memory at this moment.
    pub jobs: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// One partition's part of [`Counters::jobs`]; gone with its memory.
pub(super) struct JobsInMemory {
    counters: Arc<Counters>,
    counted: u64,
}

impl JobsInMemory {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { counters, counted: 0 }
    }

    pub(super) fn are(&mut self, jobs: usize) {
        let jobs = u64::try_from(jobs).unwrap_or(u64::MAX);
        // The difference wraps around where there are fewer than before, and the sum is right again.
        self.counters.jobs.fetch_add(jobs.wrapping_sub(self.counted), Ordering::Relaxed);
        self.counted = jobs;
    }
}

impl Drop for JobsInMemory {
    fn drop(&mut self) {
        self.are(0);
    }
}
