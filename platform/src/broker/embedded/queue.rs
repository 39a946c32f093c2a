//! One queue: what waits, what is out, and who consumes. Synchronous; the hub's lock is around it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use candor_proto::Message;
use candor_proto::route;

use super::Depth;
use super::exchange::argument_text;
use crate::broker::{Fate, Properties};
use crate::error::Error;

/// Names a connection of this broker.
pub(super) type ConnectionId = u64;
/// Names a consumer; grows in the order of registration.
pub(super) type ConsumerId = u64;
/// Names an unsettled delivery.
pub(super) type Tag = u64;

/// What a queue holds. Shared, because a fan-out puts one message into many queues and an unsettled one stays here.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) message: Message,
    pub(super) properties: Properties,
}

/// A message in its queue.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its place: the queue is always sorted by this, so what returns finds its old place.
    place: u64,
    /// Deliveries so far.
    pub(super) deliveries: u32,
    pub(super) body: Arc<Body>,
}

struct Unsettled {
    consumer: ConsumerId,
    connection: ConnectionId,
    entry: Entry,
}

struct Slot {
    connection: ConnectionId,
    prefetch: usize,
    unsettled: usize,
    /// How many messages it wants to see before it is woken.
    wants: usize,
    /// There exactly while it is among the sleepers.
    waker: Option<Waker>,
}

/// How a consumer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// As many messages as it may take now.
    Ready(usize),
    /// There is nothing for it.
    Wait,
    /// It is no consumer any more.
    Ended,
}

/// One queue.
pub(super) struct Queue {
    pub(super) declared: route::Queue,
    /// The connection that it ends with.
    pub(super) owner: Option<ConnectionId>,
    pub(super) dead_letters: Option<String>,
    bound: usize,
    delivery_limit: Option<u32>,
    single_active: bool,
    next_place: u64,
    next_tag: Tag,
    ready: VecDeque<Entry>,
    unsettled: HashMap<Tag, Unsettled>,
    /// Dead, but the queue of dead letters is full or not declared: at least once means that they wait here.
    stranded: VecDeque<Arc<Body>>,
    consumers: BTreeMap<ConsumerId, Slot>,
    /// Consumers that sleep, the one that sleeps longest first.
    sleeping: VecDeque<ConsumerId>,
}

impl Queue {
    pub(super) fn new(declared: route::Queue, owner: Option<ConnectionId>) -> Self {
        let number = |name| declared.number(name);
        Self {
            bound: number("x-max-length").and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX),
            delivery_limit: number("x-delivery-limit").and_then(|n| u32::try_from(n).ok()),
            single_active: declared.single_active(),
            // Only the default exchange, whose name is empty, is used for dead letters.
            dead_letters: argument_text(&declared, "x-dead-letter-routing-key"),
            declared,
            owner,
            next_place: 0,
            next_tag: 0,
            ready: VecDeque::new(),
            unsettled: HashMap::new(),
            stranded: VecDeque::new(),
            consumers: BTreeMap::new(),
            sleeping: VecDeque::new(),
        }
    }

    pub(super) fn depth(&self) -> Depth {
        Depth { ready: self.ready.len(), unsettled: self.unsettled.len(), consumers: self.consumers.len() }
    }

    /// Puts a message at the end, or says that there is no room.
    pub(super) fn push(&mut self, body: Arc<Body>) -> Result<(), Error> {
        if self.ready.len() + self.stranded.len() >= self.bound {
            return Err(Error::Full { queue: self.declared.name.clone() });
        }
        let place = self.next_place;
        self.next_place += 1;
        self.ready.push_back(Entry { place, deliveries: 0, body });
        Ok(())
    }

    pub(super) fn register(&mut self, id: ConsumerId, connection: ConnectionId, prefetch: u32) {
        let prefetch = usize::try_from(prefetch.max(1)).unwrap_or(usize::MAX);
        let slot = Slot { connection, prefetch, unsettled: 0, wants: 1, waker: None };
        self.consumers.insert(id, slot);
    }

    /// What this consumer may do now.
    pub(super) fn sight(&self, id: ConsumerId) -> Sight {
        let Some(slot) = self.consumers.get(&id) else { return Sight::Ended };
        let active = !self.single_active || self.consumers.keys().next() == Some(&id);
        let room = slot.prefetch.saturating_sub(slot.unsettled);
        match if active { room.min(self.ready.len()) } else { 0 } {
            0 => Sight::Wait,
            some => Sight::Ready(some),
        }
    }

    /// Whether so many messages are as many as a consumer wants, or as its prefetch leaves room for.
    pub(super) fn enough(&self, id: ConsumerId, some: usize, wants: usize) -> bool {
        self.consumers.get(&id).is_none_or(|slot| some >= wants.min(slot.prefetch.saturating_sub(slot.unsettled)))
    }

    /// Remembers whom to wake once `wants` messages are there, or anything else changes for it.
    pub(super) fn sleep(&mut self, id: ConsumerId, wants: usize, waker: &Waker) {
        let Some(slot) = self.consumers.get_mut(&id) else { return };
        slot.wants = wants;
        match &mut slot.waker {
            Some(known) => known.clone_from(waker),
            none => {
                *none = Some(waker.clone());
                self.sleeping.push_back(id);
            }
        }
    }

    /// The consumer does not wait any more.
    pub(super) fn quiet(&mut self, id: ConsumerId) {
        if let Some(slot) = self.consumers.get_mut(&id)
            && slot.waker.take().is_some()
        {
            self.sleeping.retain(|sleeper| *sleeper != id);
        }
    }

    /// Takes one message for a consumer that [`Queue::sight`] allows it.
    pub(super) fn take(&mut self, id: ConsumerId) -> Option<(Tag, Entry)> {
        let slot = self.consumers.get_mut(&id)?;
        let entry = self.ready.pop_front()?;
        slot.unsettled += 1;
        let connection = slot.connection;
        let tag = self.next_tag;
        self.next_tag += 1;
        self.unsettled.insert(tag, Unsettled { consumer: id, connection, entry: entry.clone() });
        Some((tag, entry))
    }

    /// Wakes as many sleepers as there is work for.
    pub(super) fn call(&mut self, wakers: &mut Vec<Waker>) {
        if self.sleeping.is_empty() {
            return;
        }
        let mut left = self.ready.len();
        let mut passed = VecDeque::new();
        while left > 0
            && let Some(id) = self.sleeping.pop_front()
        {
            let enough = match self.sight(id) {
                Sight::Ready(some) => {
                    let wants = self.consumers.get(&id).map_or(0, |slot| slot.wants);
                    self.enough(id, some, wants)
                }
                Sight::Wait => false,
                Sight::Ended => true,
            };
            match self.consumers.get_mut(&id) {
                Some(slot) if enough => {
                    left = left.saturating_sub(slot.wants);
                    wakers.extend(slot.waker.take());
                }
                Some(_) => passed.push_back(id),
                None => {}
            }
        }
        passed.append(&mut self.sleeping);
        self.sleeping = passed;
    }

    /// Settles a delivery; `None` when it is no longer out. Whoever is dead comes back with it.
    pub(super) fn settle(&mut self, tag: Tag, fate: &Fate) -> Option<Option<Arc<Body>>> {
        let Unsettled { consumer, entry, .. } = self.unsettled.remove(&tag)?;
        if let Some(slot) = self.consumers.get_mut(&consumer) {
            slot.unsettled -= 1;
        }
        Some(match fate {
            Fate::Done => None,
            Fate::Dead => Some(entry.body),
            Fate::Again => self.give_back(entry),
        })
    }

    /// Puts a message back into its old place, or gives it out as dead when it came back too often.
    fn give_back(&mut self, mut entry: Entry) -> Option<Arc<Body>> {
        entry.deliveries = entry.deliveries.saturating_add(1);
        if self.delivery_limit.is_some_and(|limit| entry.deliveries > limit) {
            return Some(entry.body);
        }
        let index = self.ready.partition_point(|other| other.place < entry.place);
        self.ready.insert(index, entry);
        None
    }

    /// Removes a consumer; with `returning`, what it has not settled goes back. Gives out the dead.
    pub(super) fn unregister(&mut self, id: ConsumerId, returning: bool, wakers: &mut Vec<Waker>) -> Vec<Arc<Body>> {
        self.quiet_with(id, wakers);
        self.consumers.remove(&id);
        if returning { self.return_where(|out| out.consumer == id) } else { Vec::new() }
    }

    /// Removes all consumers of a connection; what it has not settled goes back. Gives out the dead.
    pub(super) fn leave(&mut self, connection: ConnectionId, wakers: &mut Vec<Waker>) -> Vec<Arc<Body>> {
        let leaving: Vec<ConsumerId> =
            self.consumers.iter().filter(|(_, slot)| slot.connection == connection).map(|(id, _)| *id).collect();
        for id in leaving {
            self.quiet_with(id, wakers);
            self.consumers.remove(&id);
        }
        self.return_where(|out| out.connection == connection)
    }

    fn quiet_with(&mut self, id: ConsumerId, wakers: &mut Vec<Waker>) {
        wakers.extend(self.consumers.get(&id).and_then(|slot| slot.waker.clone()));
        self.quiet(id);
    }

    fn return_where(&mut self, wanted: impl Fn(&Unsettled) -> bool) -> Vec<Arc<Body>> {
        let mut tags: Vec<Tag> = self.unsettled.iter().filter(|(_, out)| wanted(out)).map(|(tag, _)| *tag).collect();
        // The last first: each then goes to the very front.
        tags.sort_unstable_by(|earlier, later| later.cmp(earlier));
        let mut dead: Vec<_> = tags.into_iter().filter_map(|tag| self.settle(tag, &Fate::Again).flatten()).collect();
        dead.reverse();
        dead
    }

    /// Everybody who sleeps, because the queue is gone.
    pub(super) fn abandon(self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.consumers.into_values().filter_map(|slot| slot.waker));
    }

    pub(super) fn strand(&mut self, body: Arc<Body>) {
        self.stranded.push_back(body);
    }

    pub(super) fn stranded(&mut self) -> &mut VecDeque<Arc<Body>> {
        &mut self.stranded
    }
}
