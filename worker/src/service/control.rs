//! The worker's own queue, and what is said to all workers on it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use candor_platform::broker::Binding;
use candor_platform::{Consumer, runtime};
use candor_proto::Message;
use candor_proto::route::Queue;

use super::{AGAIN_MS, Shared};
use crate::config::Config;

/// The worker's own queue, with everything that is said to all.
pub(super) struct Private {
    queue: Queue,
    binding: Binding,
}

impl Private {
    pub(super) fn new(config: &Config) -> Self {
        let routes = &config.routes;
        let binding = Binding { exchange: routes.control(), key: String::new() };
        Self { queue: routes.private(routes.worker(&config.instance)), binding }
    }

    pub(super) async fn declare(&self, shared: &Shared) -> candor_platform::error::Result<()> {
        shared.broker.declare_private(&self.queue, std::slice::from_ref(&self.binding)).await
    }
}

/// Acts on revocations. The queue is gone with its connection, so each time it is made again.
pub(super) async fn listen(shared: Arc<Shared>, private: Private) {
    loop {
        if let Err(error) = private.declare(&shared).await {
            tracing::warn!(%error, "cannot make the worker's own queue; trying again");
            runtime::sleep(AGAIN_MS).await;
            continue;
        }
        let Some(mut consumer) = consumer_of(&shared, &private.queue.name).await else { continue };
        while let Some(delivery) = consumer.next().await {
            match &delivery.message {
                Ok(Message::Revocation(revocation)) => shared.held.revoke(revocation),
                // Nothing else is meant for a worker.
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "a message of control cannot be read");
                    shared.counters.dead.fetch_add(1, Ordering::Relaxed);
                }
            }
            // A private queue has nobody to give it to again, so how it is settled does not matter.
            let _ = delivery.done().await;
        }
        runtime::sleep(AGAIN_MS).await;
    }
}

/// A consumer of the worker's own queue; `None` after a pause, when the queue must be made again.
async fn consumer_of(shared: &Shared, queue: &str) -> Option<Box<dyn Consumer>> {
    match shared.broker.consume(queue, 1).await {
        Ok(consumer) => Some(consumer),
        Err(error) => {
            tracing::warn!(queue, %error, "cannot consume; trying again");
            runtime::sleep(AGAIN_MS).await;
            None
        }
    }
}
