//! What a service holds: a connection, as if it were to a broker elsewhere.

use async_trait::async_trait;
use candor_proto::route::{Queue, Topology};

use super::Shared;
use super::consumer::EmbeddedConsumer;
use super::queue::ConnectionId;
use crate::broker::{Binding, Broker, Consumer, Depth, Outgoing};
use crate::error::Result;

/// One connection to the embedded broker.
pub(super) struct Connection {
    hub: Shared,
    id: ConnectionId,
}

impl Connection {
    pub(super) fn open(hub: Shared) -> Self {
        let id = hub.lock().connect();
        Self { hub, id }
    }

    fn disconnect(&self) {
        let mut wakers = Vec::new();
        self.hub.lock().disconnect(self.id, &mut wakers);
        wakers.into_iter().for_each(std::task::Waker::wake);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.disconnect();
    }
}

#[async_trait]
impl Broker for Connection {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        let wakers = self.hub.lock().declare(self.id, topology)?;
        wakers.into_iter().for_each(std::task::Waker::wake);
        Ok(())
    }

    async fn declare_private(&self, queue: &Queue, bindings: &[Binding]) -> Result<()> {
        let wakers = self.hub.lock().declare_private(self.id, queue, bindings)?;
        wakers.into_iter().for_each(std::task::Waker::wake);
        Ok(())
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<()>> {
        let mut wakers = Vec::new();
        let results = self.hub.lock().publish(self.id, batch, &mut wakers);
        wakers.into_iter().for_each(std::task::Waker::wake);
        results
    }

    async fn consume(&self, queue: &str, prefetch: u32) -> Result<Box<dyn Consumer>> {
        let (queue, consumer) = self.hub.lock().consume(self.id, queue, prefetch)?;
        Ok(Box::new(EmbeddedConsumer::new(self.hub.clone(), queue, consumer)))
    }

    async fn depth(&self, queue: &str) -> Result<Option<Depth>> {
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let depth = self.hub.lock().depth(queue);
        Ok(depth.map(|depth| Depth { messages: count(depth.ready), consumers: count(depth.consumers) }))
    }

    async fn close(&self) {
        self.disconnect();
    }
}
