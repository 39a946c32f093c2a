//! What a service holds: a connection, as if it were to a broker elsewhere.

use async_trait::async_trait;
use candor_proto::route::{Queue, Topology};

use super::consumer::EmbeddedConsumer;
use super::queue::ConnectionId;
use super::{Depth, Shared};
use crate::broker::{Binding, Broker, Consumer, Outgoing, Standing};
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

    async fn standing(&self, queue: &str) -> Result<Option<Standing>> {
        let hub = self.hub.lock();
        hub.alive(self.id)?;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let standing = |depth: Depth| Standing { ready: number(depth.ready), consumers: number(depth.consumers) };
        Ok(hub.depth(queue).map(standing))
    }

    async fn close(&self) {
        self.disconnect();
    }
}
