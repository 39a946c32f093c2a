//! Anything that can be done to a store, in any order, against the simple one in memory.
//!
//! Knows no real store: whoever has one brings it, and the tests of other crates include this file too.

use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::Error;
use candor_platform::runtime;
use candor_platform::store::memory::MemoryStore;
use candor_platform::store::{Append, JobLine, Store};
use candor_proto::{Epoch, Event, JobId, JobState, OwnerId, Recorded};
use proptest::prelude::*;
use uuid::Uuid;

/// A real store, empty at first.
#[async_trait]
pub(crate) trait Real: Send + Sync {
    /// Opens it.
    async fn open(&self) -> Arc<dyn Store>;

    /// Closes it, as whoever holds it might be restarted. Nobody has it open any more.
    async fn close(&self);
}

/// Something for one job.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    job: u8,
    /// How far beside the right length.
    beside: i8,
    events: u8,
    misnumbered: bool,
    live: bool,
    created_at: u8,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Partitions(u8),
    Claim {
        partition: u8,
        owner: u8,
    },
    /// With one of the epochs that were given out, the newest first, or one that was not.
    Append {
        partition: u8,
        epoch: u8,
        batch: Vec<Piece>,
    },
    Confirm {
        partition: u8,
        epoch: u8,
    },
    Reopen,
}

fn piece() -> impl Strategy<Value = Piece> {
    let beside = prop_oneof![12 => Just(0_i8), 1 => -2..3_i8];
    (0..4_u8, beside, 0..200_u8, prop::bool::weighted(0.03), prop::bool::weighted(0.7), 0..3_u8).prop_map(
        |(job, beside, events, misnumbered, live, created_at)| Piece {
            job,
            beside,
            events,
            misnumbered,
            live,
            created_at,
        },
    )
}

/// One thing that can be done.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let epoch = || prop_oneof![6 => Just(0_u8), 1 => 1..4_u8];
    prop_oneof![
        1 => (0..3_u8).prop_map(Step::Partitions),
        3 => (0..2_u8, 0..3_u8).prop_map(|(partition, owner)| Step::Claim { partition, owner }),
        10 => (0..2_u8, epoch(), prop::collection::vec(piece(), 0..4))
            .prop_map(|(partition, epoch, batch)| Step::Append { partition, epoch, batch }),
        1 => (0..2_u8, epoch()).prop_map(|(partition, epoch)| Step::Confirm { partition, epoch }),
        2 => Just(Step::Reopen),
    ]
}

fn job(number: u8) -> JobId {
    JobId::from_uuid(Uuid::from_u128(number.into()))
}

/// Turns a piece into an append that fits, or not, what the store holds.
fn append(piece: &Piece, length: u64) -> Append {
    let expected_seq = length.saturating_add_signed(piece.beside.into());
    let shift = u64::from(piece.misnumbered);
    let events = (1..=u64::from(piece.events))
        .map(|each| Recorded { seq: expected_seq + each + shift, at: each, event: Event::BudgetSpent })
        .collect();
    let line = JobLine {
        job: job(piece.job),
        workflow: format!("after {expected_seq}"),
        state: JobState::InProgress,
        result: None,
        created_at: piece.created_at.into(),
        ended_at: None,
        total: piece.events.into(),
        succeeded: 0,
        failed: 0,
        running: 0,
    };
    Append { job: job(piece.job), expected_seq, events, line, live: piece.live }
}

/// The same refusal may be worded differently.
fn sort<T>(result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|error| match error {
        Error::Stale { partition, .. } => format!("stale {partition}"),
        other => other.to_string(),
    })
}

async fn same_everywhere(real: &dyn Store, memory: &MemoryStore) {
    for partition in 0..2 {
        assert_eq!(real.live(partition).await, memory.live(partition).await);
        for max in [0, 1, 2, 10] {
            assert_eq!(real.lines(partition, max).await, memory.lines(partition, max).await);
        }
        for number in 0..4 {
            assert_eq!(real.line(partition, job(number)).await, memory.line(partition, job(number)).await);
            for (after, max) in [(0, usize::MAX), (1, 3), (127, 2), (128, 200), (500, 1)] {
                let read = real.log(partition, job(number), after, max).await;
                assert_eq!(read, memory.log(partition, job(number), after, max).await);
            }
        }
    }
}

/// Does all of it, with a bound, and compares.
pub(crate) fn run(real: &dyn Real, steps: Vec<Step>) {
    runtime::start().expect("threads").block_on(async {
        assert!(runtime::timeout(120_000, compare(real, steps)).await.is_some(), "it hangs");
    });
}

async fn compare(real: &dyn Real, steps: Vec<Step>) {
    let mut store = real.open().await;
    let memory = MemoryStore::new();
    let mut epochs: [Vec<Epoch>; 2] = [Vec::new(), Vec::new()];
    for step in steps {
        match step {
            Step::Partitions(wanted) => {
                assert_eq!(store.partitions(wanted.into()).await, memory.partitions(wanted.into()).await);
            }
            Step::Claim { partition, owner } => {
                let owner = OwnerId::from_uuid(Uuid::from_u128(owner.into()));
                let epoch = store.claim(partition.into(), owner).await.expect("a claim");
                assert_eq!(memory.claim(partition.into(), owner).await, Ok(epoch));
                epochs[usize::from(partition)].insert(0, epoch);
            }
            Step::Append { partition, epoch, batch } => {
                let epoch = pick(&epochs[usize::from(partition)], epoch);
                let mut appends = Vec::new();
                for piece in &batch {
                    let log = memory.log(partition.into(), job(piece.job), 0, usize::MAX).await.expect("a log");
                    let before: u64 = appends
                        .iter()
                        .filter(|earlier: &&Append| earlier.job == job(piece.job))
                        .map(|earlier| earlier.events.len() as u64)
                        .sum();
                    appends.push(append(piece, log.len() as u64 + before));
                }
                let appended = sort(store.append(partition.into(), epoch, appends.clone()).await);
                assert_eq!(appended, sort(memory.append(partition.into(), epoch, appends).await));
            }
            Step::Confirm { partition, epoch } => {
                let epoch = pick(&epochs[usize::from(partition)], epoch);
                let confirmed = sort(store.confirm(partition.into(), epoch).await);
                assert_eq!(confirmed, sort(memory.confirm(partition.into(), epoch).await));
            }
            Step::Reopen => {
                drop(store);
                real.close().await;
                store = real.open().await;
            }
        }
    }
    same_everywhere(&*store, &memory).await;
    drop(store);
    real.close().await;
    same_everywhere(&*real.open().await, &memory).await;
}

fn pick(epochs: &[Epoch], index: u8) -> Epoch {
    let unknown = Epoch { counter: 1, owner: OwnerId::from_uuid(Uuid::max()) };
    epochs.get(usize::from(index)).copied().unwrap_or(unknown)
}
