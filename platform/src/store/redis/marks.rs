//! How far this process knows each partition to have come, so that a server that lost something is found out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use candor_proto::Epoch;

use crate::runtime::Moment;

/// How far a partition had come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// The newest epoch that was given to us.
    epoch: Option<Epoch>,
    /// Appends that were acknowledged to anybody, as far as we know.
    tick: u64,
    /// When we last wrote.
    written: Option<Moment>,
}

/// The marks of all partitions.
#[derive(Debug, Default)]
pub(super) struct Marks(Mutex<HashMap<u32, Mark>>);

impl Marks {
    fn with<T>(&self, partition: u32, work: impl FnOnce(&mut Mark) -> T) -> T {
        work(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(partition).or_default())
    }

    /// What is known now, to be compared with what a claim finds.
    pub(super) fn of(&self, partition: u32) -> Mark {
        self.with(partition, |mark| *mark)
    }

    /// The least tick that must be there while this epoch is the newest.
    pub(super) fn floor(&self, partition: u32, epoch: Epoch) -> u64 {
        self.with(partition, |mark| if mark.epoch == Some(epoch) { mark.tick } else { 0 })
    }

    /// When this process last wrote to the partition.
    pub(super) fn written(&self, partition: u32) -> Option<Moment> {
        self.with(partition, |mark| mark.written)
    }

    /// An epoch was given to us. Says whether the server has lost something since `before`.
    pub(super) fn claimed(&self, partition: u32, before: Mark, epoch: Epoch, tick: u64) -> bool {
        let known = before.epoch.map_or(0, |known| known.counter);
        let lost = epoch.counter <= known || tick < before.tick;
        self.with(partition, |mark| {
            // Claims at once may be answered in any order.
            if lost || mark.epoch.is_none_or(|newest| newest.counter < epoch.counter) {
                *mark = Mark { epoch: Some(epoch), tick, written: Some(Moment::now()) };
            }
        });
        lost
    }

    /// An append was acknowledged.
    pub(super) fn appended(&self, partition: u32, epoch: Epoch, tick: u64) {
        self.with(partition, |mark| {
            mark.written = Some(Moment::now());
            if mark.epoch == Some(epoch) {
                mark.tick = mark.tick.max(tick);
            }
        });
    }
}
