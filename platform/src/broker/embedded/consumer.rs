//! Waiting for deliveries, and settling them.
//!
//! Nothing is taken from the queue before the call that hands it out returns, so a call that is dropped
//! while it waits has nothing to lose.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use futures_util::future::{self, BoxFuture};

use super::Shared;
use super::hub::QueueId;
use super::queue::{ConsumerId, Entry, Sight, Tag};
use crate::broker::{Consumer, Delivery, Fate, Settle, Settled};
use crate::runtime;

/// A consumer of one queue.
pub(super) struct EmbeddedConsumer {
    hub: Shared,
    queue: QueueId,
    id: ConsumerId,
    cancelled: bool,
}

impl EmbeddedConsumer {
    pub(super) fn new(hub: Shared, queue: QueueId, id: ConsumerId) -> Self {
        Self { hub, queue, id, cancelled: false }
    }

    fn wait(&self, wants: usize) -> Wait<'_> {
        Wait { consumer: self, wants, asleep: false }
    }

    /// Takes at most `max` of what is there now; `None` once the consumer has ended.
    fn take(&self, max: usize, mut out: impl FnMut(Tag, Entry)) -> Option<usize> {
        let mut wakers = Vec::new();
        let mut hub = self.hub.lock();
        let count = match hub.sight(self.queue, self.id) {
            Sight::Ready(some) => some.min(max),
            Sight::Wait => return Some(0),
            Sight::Ended => return None,
        };
        if let Some(queue) = hub.queue(self.queue) {
            for (tag, entry) in (0..count).map_while(|_| queue.take(self.id)) {
                out(tag, entry);
            }
        }
        hub.stir(self.queue, &mut wakers);
        drop(hub);
        wakers.into_iter().for_each(Waker::wake);
        Some(count)
    }

    fn delivery(&self, tag: Tag, entry: &Entry) -> Delivery {
        let settle = EmbeddedSettle { hub: self.hub.clone(), queue: self.queue, tag };
        // The queue keeps its own until it is settled: the delivery may be held by somebody whose connection dies.
        let (message, properties) = (entry.body.message.clone(), entry.body.properties.clone());
        Delivery::new(Ok(message), properties, entry.deliveries, Box::new(settle))
    }

    fn unregister(&self, returning: bool) {
        let mut wakers = Vec::new();
        self.hub.lock().unregister(self.queue, self.id, returning, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        if !self.cancelled {
            self.unregister(true);
        }
    }
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            let mut taken = None;
            self.take(1, |tag, entry| taken = Some((tag, entry)))?;
            if let Some((tag, entry)) = taken {
                return Some(self.delivery(tag, &entry));
            }
            self.wait(1).await;
        }
    }

    async fn next_batch(&mut self, max: usize, linger_ms: u64) -> Vec<Delivery> {
        let max = max.max(1);
        loop {
            if !self.wait(1).await {
                return Vec::new();
            }
            if linger_ms > 0 && max > 1 {
                // What comes meanwhile stays in the queue; the time being over is as good as a full batch.
                let _full = runtime::timeout(linger_ms, self.wait(max)).await;
            }
            let mut taken = Vec::new();
            if self.take(max, |tag, entry| taken.push((tag, entry))).is_none() {
                return Vec::new();
            }
            // Another consumer of the queue may have been faster.
            if !taken.is_empty() {
                return taken.iter().map(|(tag, entry)| self.delivery(*tag, entry)).collect();
            }
        }
    }

    async fn cancel(&mut self) {
        if !std::mem::replace(&mut self.cancelled, true) {
            self.unregister(false);
        }
    }
}

/// Waits until `wants` messages may be taken, or as many as the prefetch leaves; `false` once the consumer has ended.
struct Wait<'a> {
    consumer: &'a EmbeddedConsumer,
    wants: usize,
    asleep: bool,
}

impl Future for Wait<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let EmbeddedConsumer { hub, queue, id, .. } = self.consumer;
        let mut hub = hub.lock();
        let Some(queue) = hub.queue(*queue) else { return Poll::Ready(false) };
        let enough = match queue.sight(*id) {
            Sight::Ended => return Poll::Ready(false),
            Sight::Ready(some) => queue.enough(*id, some, self.wants),
            Sight::Wait => false,
        };
        if enough {
            queue.quiet(*id);
        } else {
            queue.sleep(*id, self.wants, context.waker());
        }
        drop(hub);
        self.asleep = !enough;
        if enough { Poll::Ready(true) } else { Poll::Pending }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.asleep {
            // It may be the one that was woken for a message: whoever else sleeps must be told instead.
            let mut wakers = Vec::new();
            if let Some(queue) = self.consumer.hub.lock().queue(self.consumer.queue) {
                queue.quiet(self.consumer.id);
                queue.call(&mut wakers);
            }
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

/// Settles one delivery.
struct EmbeddedSettle {
    hub: Shared,
    queue: QueueId,
    tag: Tag,
}

impl EmbeddedSettle {
    fn now(&self, fate: &Fate) -> Settled {
        let mut wakers = Vec::new();
        let settled = self.hub.lock().settle(self.queue, self.tag, fate, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        settled
    }
}

impl Settle for EmbeddedSettle {
    fn settle(self: Box<Self>, fate: Fate) -> BoxFuture<'static, Settled> {
        Box::pin(future::ready(self.now(&fate)))
    }

    fn abandon(self: Box<Self>) {
        // Too late means that it is back already.
        let (Settled::Yes | Settled::TooLate) = self.now(&Fate::Again);
    }
}
