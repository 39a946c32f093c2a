//! What keeps partitions from their work, for whoever wants to know.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use candor_platform::runtime::sync::watch;

use crate::error::Error;

/// What a partition is doing when it meets trouble. Each ends for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// Owning: consuming, loading, deciding, appending.
    Owning,
    /// Publishing what was decided.
    Publishing,
}

/// The troubles of all partitions. Cloned, they are the same.
#[derive(Clone)]
pub(super) struct Troubles {
    present: Arc<Mutex<BTreeMap<(u32, Doing), Error>>>,
    shown: watch::Sender<Option<Error>>,
}

impl Troubles {
    pub(super) fn new() -> Self {
        Self { present: Arc::default(), shown: watch::Sender::new(None) }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Option<Error>> {
        self.shown.subscribe()
    }

    /// This keeps the partition from what it was doing.
    /// Whether that is news: the same trouble that goes on is worth one word.
    pub(super) fn met(&self, partition: u32, doing: Doing, error: Error) -> bool {
        let mut news = false;
        self.change(|present| {
            news = present.get(&(partition, doing)) != Some(&error);
            present.insert((partition, doing), error);
            true
        });
        news
    }

    /// Nothing does any more.
    pub(super) fn over(&self, partition: u32, doing: Doing) {
        self.change(|present| present.remove(&(partition, doing)).is_some());
    }

    /// Shows one of them, first of all one that waiting does not end.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<(u32, Doing), Error>) -> bool) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if change(&mut present) {
            let worst = present.values().min_by_key(|error| error.worth_waiting());
            self.shown.send_replace(worst.cloned());
        }
    }
}
