//! The broker of one process: queues as values in memory.
//!
//! Owns the same promises that RabbitMQ gives: bounded queues, unsettled deliveries that come back in their
//! old place, delivery counts, dead letters, a single active consumer. Deliberately knows no bytes, and keeps
//! nothing over the end of the process: the store does that.

mod connection;
mod consumer;
mod exchange;
mod hub;
mod queue;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::connection::Connection;
use self::hub::Hub;
use super::Broker;

/// A broker within this process. Cloned, it is the same broker.
#[derive(Clone, Default)]
pub struct EmbeddedBroker {
    hub: Shared,
}

impl EmbeddedBroker {
    /// A broker without queues.
    pub fn new() -> Self {
        Self::default()
    }

    /// A connection of its own, as a process would have one. When it is closed or dropped, its consumers end,
    /// its unsettled deliveries go back and its private queues are gone, whoever still holds a delivery.
    pub fn connect(&self) -> Arc<dyn Broker> {
        Arc::new(Connection::open(self.hub.clone()))
    }

    /// How a queue stands at this moment; `None` where it is not declared. For people and tests:
    /// no part of the system may conclude anything from it.
    pub fn depth(&self, queue: &str) -> Option<Depth> {
        self.hub.lock().depth(queue)
    }
}

impl std::fmt::Debug for EmbeddedBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedBroker").finish_non_exhaustive()
    }
}

/// How a queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait.
    pub ready: usize,
    /// Deliveries that nobody has settled yet.
    pub unsettled: usize,
    /// Consumers, the waiting ones of a single-active queue among them.
    pub consumers: usize,
}

/// The one lock of the broker. Held for short, never over a wait.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Hub>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Hub> {
        // Nothing under the lock panics between two halves of a change, so a poisoned lock is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
