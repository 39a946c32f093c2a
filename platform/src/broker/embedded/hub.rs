//! All queues, exchanges and connections, and what happens between them. Synchronous; one lock is around it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::task::Waker;

use candor_proto::route::{self, Lifetime, Topology};

use super::Depth;
use super::exchange::{Exchange, equivalent};
use super::queue::{Body, ConnectionId, ConsumerId, Queue, Sight, Tag};
use crate::broker::{Binding, Fate, Outgoing, Settled, Target};
use crate::error::{Error, Result};

/// Names a queue; never used again, so that a late settlement cannot hit a namesake.
pub(super) type QueueId = u64;

/// Everything the broker knows.
#[derive(Default)]
pub(super) struct Hub {
    last_id: u64,
    names: HashMap<String, QueueId>,
    queues: HashMap<QueueId, Queue>,
    exchanges: HashMap<String, Exchange>,
    connections: BTreeSet<ConnectionId>,
    /// Queues with dead messages that have nowhere to go yet.
    stranding: BTreeSet<QueueId>,
}

impl Hub {
    pub(super) fn connect(&mut self) -> ConnectionId {
        let id = self.fresh();
        self.connections.insert(id);
        id
    }

    fn fresh(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn depth(&self, queue: &str) -> Option<Depth> {
        Some(self.queues.get(self.names.get(queue)?)?.depth())
    }

    pub(super) fn alive(&self, connection: ConnectionId) -> Result<()> {
        let open = self.connections.contains(&connection);
        if open { Ok(()) } else { Err(Error::Closed { what: "the connection to the broker".to_owned() }) }
    }

    pub(super) fn declare(&mut self, connection: ConnectionId, topology: &Topology) -> Result<Vec<Waker>> {
        self.alive(connection)?;
        for exchange in &topology.exchanges {
            let known = self.exchanges.entry(exchange.name.clone()).or_insert_with(|| Exchange::new(exchange.kind));
            if known.kind != exchange.kind {
                return Err(Error::Inequivalent {
                    name: exchange.name.clone(),
                    argument: "type".to_owned(),
                    found: format!("{:?}", known.kind),
                    wanted: format!("{:?}", exchange.kind),
                });
            }
        }
        for queue in &topology.queues {
            let owner = match queue.lifetime {
                Lifetime::Durable => None,
                Lifetime::Connection => Some(connection),
            };
            self.declare_queue(queue, owner)?;
        }
        Ok(self.unstrand())
    }

    pub(super) fn declare_private(
        &mut self,
        connection: ConnectionId,
        queue: &route::Queue,
        bindings: &[Binding],
    ) -> Result<Vec<Waker>> {
        self.alive(connection)?;
        if let Some(missing) = bindings.iter().find(|binding| !self.exchanges.contains_key(&binding.exchange)) {
            return Err(Error::NoExchange { exchange: missing.exchange.clone() });
        }
        self.declare_queue(queue, Some(connection))?;
        for binding in bindings {
            if let Some(exchange) = self.exchanges.get_mut(&binding.exchange) {
                exchange.bind(&binding.key, &queue.name);
            }
        }
        Ok(self.unstrand())
    }

    fn declare_queue(&mut self, wanted: &route::Queue, owner: Option<ConnectionId>) -> Result<()> {
        if let Some(known) = self.names.get(&wanted.name).and_then(|id| self.queues.get(id)) {
            equivalent(&known.declared, wanted)?;
            return owned(known, owner);
        }
        let id = self.fresh();
        self.names.insert(wanted.name.clone(), id);
        self.queues.insert(id, Queue::new(wanted.clone(), owner));
        Ok(())
    }

    pub(super) fn publish(
        &mut self,
        connection: ConnectionId,
        batch: Vec<Outgoing>,
        wakers: &mut Vec<Waker>,
    ) -> Vec<Result<()>> {
        let mut touched: Vec<QueueId> = Vec::new();
        let mut results = Vec::with_capacity(batch.len());
        for outgoing in batch {
            results.push(match self.alive(connection) {
                Ok(()) => self.route(outgoing, &mut touched),
                Err(error) => Err(error),
            });
        }
        for id in touched {
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.call(wakers);
            }
        }
        results
    }

    fn route(&mut self, outgoing: Outgoing, touched: &mut Vec<QueueId>) -> Result<()> {
        let Outgoing { target, message, properties } = outgoing;
        let body = Arc::new(Body { message, properties });
        let mut reached = Ok(());
        match target {
            Target::Queue(name) => {
                let Some(id) = self.names.get(&name).copied() else {
                    return Err(Error::Unroutable { target: name });
                };
                reached = self.push(id, body, touched);
            }
            Target::Exchange { name, key } => {
                let Some(exchange) = self.exchanges.get(&name) else {
                    return Err(Error::NoExchange { exchange: name });
                };
                let ids: Vec<QueueId> =
                    exchange.reaches(&key).into_iter().filter_map(|queue| self.names.get(queue).copied()).collect();
                // As with RabbitMQ one full queue refuses the publish, but the others have the message.
                for id in ids {
                    reached = reached.and(self.push(id, body.clone(), touched));
                }
            }
        }
        reached
    }

    fn push(&mut self, id: QueueId, body: Arc<Body>, touched: &mut Vec<QueueId>) -> Result<()> {
        let Some(queue) = self.queues.get_mut(&id) else { return Ok(()) };
        queue.push(body)?;
        if touched.last() != Some(&id) && !touched.contains(&id) {
            touched.push(id);
        }
        Ok(())
    }

    pub(super) fn consume(
        &mut self,
        connection: ConnectionId,
        name: &str,
        prefetch: u32,
    ) -> Result<(QueueId, ConsumerId)> {
        self.alive(connection)?;
        let Some(id) = self.names.get(name).copied() else {
            return Err(Error::NoQueue { queue: name.to_owned() });
        };
        let consumer = self.fresh();
        let Some(queue) = self.queues.get_mut(&id) else {
            return Err(Error::NoQueue { queue: name.to_owned() });
        };
        if queue.owner.is_some() {
            owned(queue, Some(connection))?;
        }
        queue.register(consumer, connection, prefetch);
        Ok((id, consumer))
    }

    pub(super) fn queue(&mut self, id: QueueId) -> Option<&mut Queue> {
        self.queues.get_mut(&id)
    }

    /// What a consumer may take now; that of a queue that is gone has ended.
    pub(super) fn sight(&self, queue: QueueId, consumer: ConsumerId) -> Sight {
        self.queues.get(&queue).map_or(Sight::Ended, |queue| queue.sight(consumer))
    }

    /// To be called when a queue may have got room or work.
    pub(super) fn stir(&mut self, id: QueueId, wakers: &mut Vec<Waker>) {
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.call(wakers);
        }
        if !self.stranding.is_empty() {
            wakers.extend(self.unstrand());
        }
    }

    pub(super) fn settle(&mut self, id: QueueId, tag: Tag, fate: &Fate, wakers: &mut Vec<Waker>) -> Settled {
        let Some(dead) = self.queues.get_mut(&id).and_then(|queue| queue.settle(tag, fate)) else {
            return Settled::TooLate;
        };
        self.bury(id, dead);
        self.stir(id, wakers);
        Settled::Yes
    }

    pub(super) fn unregister(&mut self, id: QueueId, consumer: ConsumerId, returning: bool, wakers: &mut Vec<Waker>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let dead = queue.unregister(consumer, returning, wakers);
        self.bury(id, dead);
        self.stir(id, wakers);
    }

    /// Ends a connection with everything that was its own.
    pub(super) fn disconnect(&mut self, connection: ConnectionId, wakers: &mut Vec<Waker>) {
        if !self.connections.remove(&connection) {
            return;
        }
        let ids: Vec<QueueId> = self.queues.keys().copied().collect();
        for id in ids {
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            if queue.owner == Some(connection) {
                self.remove(id, wakers);
                continue;
            }
            let dead = queue.leave(connection, wakers);
            self.bury(id, dead);
            self.stir(id, wakers);
        }
    }

    fn remove(&mut self, id: QueueId, wakers: &mut Vec<Waker>) {
        let Some(queue) = self.queues.remove(&id) else { return };
        self.names.remove(&queue.declared.name);
        self.stranding.remove(&id);
        for exchange in self.exchanges.values_mut() {
            exchange.unbind(&queue.declared.name);
        }
        queue.abandon(wakers);
    }

    /// Hands dead messages to the queue's dead letters; where that is full or missing they wait.
    fn bury(&mut self, id: QueueId, dead: impl IntoIterator<Item = Arc<Body>>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        for body in dead {
            if queue.dead_letters.is_some() {
                queue.strand(body);
                self.stranding.insert(id);
            } else {
                tracing::warn!(queue = queue.declared.name, kind = body.message.kind(), "message dropped as dead");
            }
        }
    }

    fn unstrand(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for id in std::mem::take(&mut self.stranding) {
            let Some(mut waiting) = self.queues.get_mut(&id).map(|queue| std::mem::take(queue.stranded())) else {
                continue;
            };
            let target = self.queues.get(&id).and_then(|queue| queue.dead_letters.as_ref());
            let target = target.and_then(|name| self.names.get(name).copied());
            if let Some(grave) = target.and_then(|target| self.queues.get_mut(&target)) {
                while let Some(body) = waiting.front() {
                    if grave.push(body.clone()).is_err() {
                        break;
                    }
                    waiting.pop_front();
                }
                grave.call(&mut wakers);
            }
            if !waiting.is_empty()
                && let Some(queue) = self.queues.get_mut(&id)
            {
                *queue.stranded() = waiting;
                self.stranding.insert(id);
            }
        }
        wakers
    }
}

/// Refuses a queue that belongs to another connection.
fn owned(queue: &Queue, wanted: Option<ConnectionId>) -> Result<()> {
    if queue.owner == wanted {
        return Ok(());
    }
    let spoken = |owner: Option<ConnectionId>| if owner.is_some() { "another connection" } else { "everybody" };
    Err(Error::Inequivalent {
        name: queue.declared.name.clone(),
        argument: "owner".to_owned(),
        found: spoken(queue.owner).to_owned(),
        wanted: if wanted.is_some() { "this connection" } else { "everybody" }.to_owned(),
    })
}
