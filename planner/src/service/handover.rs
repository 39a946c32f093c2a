//! Plans that wait for "recorded", one of each job at a time.
//!
//! What the assembler says names only the job. So a second request for the same job waits until the first one's
//! plan is recorded: else one word would let go of both, or of the wrong one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candor_platform::runtime::sync::{Mutex as Turns, Notify, OwnedMutexGuard};
use candor_proto::JobId;

/// All plans that are being handed over.
#[derive(Default)]
pub(super) struct Handovers {
    lines: Mutex<HashMap<JobId, Line>>,
}

/// Those of one job.
#[derive(Default)]
struct Line {
    turn: Arc<Turns<()>>,
    /// What the one whose turn it is waits for.
    recorded: Arc<Notify>,
    /// Requests of this job, the one whose turn it is among them.
    requests: usize,
}

/// A request's place in its job's line. Dropped, the next one has its turn.
pub(super) struct Handover<'a> {
    handovers: &'a Handovers,
    job: JobId,
    recorded: Arc<Notify>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Handovers {
    /// Waits until no other request of this job is being handed over.
    pub(super) async fn begin(&self, job: JobId) -> Handover<'_> {
        let turn = {
            let mut lines = self.lines();
            let line = lines.entry(job).or_default();
            line.requests += 1;
            Arc::clone(&line.turn)
        };
        // From here on the place is given up when this is dropped, waiting or not.
        let mut handover = Handover { handovers: self, job, recorded: Arc::default(), turn: None };
        handover.turn = Some(turn.lock_owned().await);
        if let Some(line) = self.lines().get_mut(&job) {
            // What was said about the one before must not count for this one.
            line.recorded = Arc::clone(&handover.recorded);
        }
        handover
    }

    /// The assembler has recorded a plan of this job.
    pub(super) fn recorded(&self, job: JobId) {
        if let Some(line) = self.lines().get(&job) {
            line.recorded.notify_one();
        }
    }

    /// Jobs with requests under way.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.lines().len()
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<JobId, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handover<'_> {
    /// Waits until the assembler has said so.
    pub(super) async fn recorded(&self) {
        self.recorded.notified().await;
    }
}

impl Drop for Handover<'_> {
    fn drop(&mut self) {
        let mut lines = self.handovers.lines();
        if let Some(line) = lines.get_mut(&self.job) {
            line.requests -= 1;
            if line.requests == 0 {
                lines.remove(&self.job);
            }
        }
        drop(lines);
        self.turn = None;
    }
}

#[cfg(test)]
mod tests {
    use candor_platform::runtime;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_word_lets_go_of_one_request_and_the_next_has_its_turn() {
        let (handovers, job) = (Handovers::default(), JobId::from_key("", "one"));
        let first = handovers.begin(job).await;
        let mut second = std::pin::pin!(handovers.begin(job));
        assert!(runtime::timeout(1, &mut second).await.is_none(), "the second waits");
        handovers.recorded(job);
        first.recorded().await;
        handovers.recorded(job);
        drop(first);
        let second = second.await;
        assert!(runtime::timeout(1, second.recorded()).await.is_none(), "a late word about the first is not for it");
        handovers.recorded(job);
        second.recorded().await;
        drop(second);
        assert_eq!(handovers.len(), 0, "nothing is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_keeps_no_place() {
        let (handovers, job) = (Handovers::default(), JobId::from_key("", "one"));
        let first = handovers.begin(job).await;
        assert!(runtime::timeout(1, handovers.begin(job)).await.is_none());
        drop(first);
        assert_eq!(handovers.len(), 0);
    }
}
