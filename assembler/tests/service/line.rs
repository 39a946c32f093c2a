//! A broker whose connection can break: whatever hangs on it ends, and the next call has a new one.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use candor_platform::broker::embedded::EmbeddedBroker;
use candor_platform::broker::{Binding, Outgoing, Standing};
use candor_platform::error::Result;
use candor_platform::{Broker, Consumer};
use candor_proto::route::{Queue, Topology};

pub(crate) struct Line {
    hub: EmbeddedBroker,
    connection: Mutex<Arc<dyn Broker>>,
}

impl Line {
    pub(crate) fn new(hub: &EmbeddedBroker) -> Self {
        Self { hub: hub.clone(), connection: Mutex::new(hub.connect()) }
    }

    /// The connection breaks; there is another one at once.
    pub(crate) async fn break_off(&self) {
        let before = std::mem::replace(&mut *self.connection.lock().unwrap(), self.hub.connect());
        before.close().await;
    }

    fn now(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.connection.lock().unwrap())
    }
}

#[async_trait]
impl Broker for Line {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.now().declare(topology).await
    }

    async fn declare_private(&self, queue: &Queue, bindings: &[Binding]) -> Result<()> {
        self.now().declare_private(queue, bindings).await
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<()>> {
        self.now().publish(batch).await
    }

    async fn consume(&self, queue: &str, prefetch: u32) -> Result<Box<dyn Consumer>> {
        self.now().consume(queue, prefetch).await
    }

    async fn standing(&self, queue: &str) -> Result<Option<Standing>> {
        self.now().standing(queue).await
    }

    async fn close(&self) {
        self.now().close().await;
    }
}
