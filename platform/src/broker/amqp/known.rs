//! What this process has declared: so that declaring again is cheap, and that what was deleted is made again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use candor_proto::route::{Exchange, Lifetime, Queue};

use crate::broker::Binding;

/// A queue with its bindings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) queue: Queue,
    pub(super) bindings: Vec<Binding>,
}

/// Everything declared so far, and in which generation of the connection it was last seen to be there.
#[derive(Default)]
pub(super) struct Known(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    queues: BTreeMap<String, (Declared, Option<u64>)>,
    exchanges: BTreeMap<String, (Exchange, Option<u64>)>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether exactly this queue was declared on this connection and nothing spoke against it since.
    pub(super) fn has_queue(&self, declared: &Declared, generation: u64) -> bool {
        self.lock()
            .queues
            .get(&declared.queue.name)
            .is_some_and(|(known, seen)| known == declared && *seen == Some(generation))
    }

    /// The same for an exchange.
    pub(super) fn has_exchange(&self, exchange: &Exchange, generation: u64) -> bool {
        self.lock()
            .exchanges
            .get(&exchange.name)
            .is_some_and(|(known, seen)| known == exchange && *seen == Some(generation))
    }

    pub(super) fn add_queue(&self, declared: Declared, generation: u64) {
        self.lock().queues.insert(declared.queue.name.clone(), (declared, Some(generation)));
    }

    pub(super) fn add_exchange(&self, exchange: Exchange, generation: u64) {
        self.lock().exchanges.insert(exchange.name.clone(), (exchange, Some(generation)));
    }

    /// Whether a queue was ever declared here, also on an earlier connection.
    pub(super) fn ever(&self, queue: &str) -> bool {
        self.lock().queues.contains_key(queue)
    }

    /// A queue was seen to be missing.
    pub(super) fn doubt(&self, queue: &str) {
        if let Some((_, seen)) = self.lock().queues.get_mut(queue) {
            *seen = None;
        }
    }

    /// Everything that outlives connections, and this one queue.
    pub(super) fn with(&self, queue: &str) -> (Vec<Exchange>, Vec<Declared>) {
        let inner = self.lock();
        let wanted = |declared: &&Declared| match declared.queue.lifetime {
            Lifetime::Durable => true,
            Lifetime::Connection => declared.queue.name == queue,
        };
        let queues = inner.queues.values().map(|(declared, _)| declared).filter(wanted).cloned().collect();
        (inner.exchanges.values().map(|(exchange, _)| exchange.clone()).collect(), queues)
    }
}
