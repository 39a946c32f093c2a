//! A batch on its way: a bounded window of messages, and what is known of each.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use futures_util::future::{BoxFuture, poll_immediate};
use futures_util::stream::{FuturesUnordered, StreamExt};
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{Channel, Confirmation};

use super::super::limits::{CONFIRM_MS, WINDOW_MESSAGES};
use super::super::properties::{Packet, packet};
use super::super::refusal::reply;
use super::super::session::Session;
use crate::broker::{Outgoing, Target};
use crate::error::{Error, Result};
use crate::runtime;
use crate::runtime::sync::{OwnedSemaphorePermit, Semaphore};

/// What tells a returned message: its id, exchange and key.
type Mark = (ShortString, ShortString, ShortString);

/// The messages of one call.
pub(super) struct Batch {
    fates: Vec<(Target, Option<Result<()>>)>,
    waiting: VecDeque<(usize, Outgoing)>,
    /// Confirmed, but it may have come back.
    taken: Vec<(usize, Mark)>,
    returned: HashSet<Mark>,
}

/// One message whose confirm, or refusal, has come.
struct Landed {
    index: usize,
    mark: Mark,
    result: lapin::Result<Confirmation>,
}

type Flying = FuturesUnordered<BoxFuture<'static, Landed>>;

impl Batch {
    pub(super) fn new(outgoing: Vec<Outgoing>) -> Self {
        let fates = outgoing.iter().map(|outgoing| (outgoing.target.clone(), None)).collect();
        let waiting = outgoing.into_iter().enumerate().collect();
        Self { fates, waiting, taken: Vec::new(), returned: HashSet::new() }
    }

    /// Whether anything of it is still to be done.
    pub(super) fn is_open(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The exchanges that it goes to.
    pub(super) fn exchanges(&self) -> BTreeSet<String> {
        let exchange = |(target, _): &(Target, _)| match target {
            Target::Exchange { name, .. } => Some(name.clone()),
            Target::Queue(_) => None,
        };
        self.fates.iter().filter_map(exchange).collect()
    }

    /// Nothing goes to this exchange.
    pub(super) fn close_exchange(&mut self, exchange: &str, error: &Error) {
        let aims = |target: &Target| matches!(target, Target::Exchange { name, .. } if name == exchange);
        self.waiting.retain(|(_, outgoing)| !aims(&outgoing.target));
        for (_, fate) in self.fates.iter_mut().filter(|(target, _)| aims(target)) {
            *fate = Some(Err(error.clone()));
        }
    }

    /// Whatever has no fate yet gets this one.
    pub(super) fn close(&mut self, error: Error) {
        self.waiting.clear();
        for (_, fate) in self.fates.iter_mut().filter(|(_, fate)| fate.is_none()) {
            *fate = Some(Err(error.clone()));
        }
    }

    /// Every message's target and fate, in the order of the batch.
    pub(super) fn fates(self) -> Vec<(Target, Result<()>)> {
        let unknown = || Err(Error::NoAnswer { ms: CONFIRM_MS });
        self.fates.into_iter().map(|(target, fate)| (target, fate.unwrap_or_else(unknown))).collect()
    }

    /// Publishes what waits. On success every message has its fate; else some may be without one.
    pub(super) async fn fly(&mut self, session: &Session, channel: &Channel, bytes: &Arc<Semaphore>) -> Result<()> {
        let mut flying = Flying::new();
        let flown = self.keep_flying(session, channel, bytes, &mut flying).await;
        // What has come back is known even where the rest is not.
        for (index, mark) in std::mem::take(&mut self.taken) {
            let back = self.returned.contains(&mark);
            // A return may belong to a confirm that came without it and stand with one that never came.
            if back || flown.is_ok() {
                self.set(index, if back { Err(unroutable(&self.fates[index].0)) } else { Ok(()) });
            }
        }
        flown
    }

    async fn keep_flying(
        &mut self,
        session: &Session,
        channel: &Channel,
        bytes: &Arc<Semaphore>,
        flying: &mut Flying,
    ) -> Result<()> {
        loop {
            while flying.len() < WINDOW_MESSAGES
                && let Some((index, outgoing)) = self.waiting.pop_front()
            {
                let packet = match packet(&outgoing.message, &outgoing.properties) {
                    Ok(packet) => packet,
                    Err(error) => {
                        self.set(index, Err(error.into()));
                        continue;
                    }
                };
                let Some((exchange, key)) = route(&outgoing.target) else {
                    self.set(index, Err(unroutable(&outgoing.target)));
                    continue;
                };
                let permit = self.room(session, bytes, packet.body.len(), flying).await?;
                let mandatory = matches!(outgoing.target, Target::Queue(_));
                let mut flight = Box::pin(fly(channel.clone(), index, packet, (exchange, key), mandatory, permit));
                // The first look writes it, here and not later: so the order is that of the batch.
                match poll_immediate(&mut flight).await {
                    Some(landed) => self.land(session, landed)?,
                    None => flying.push(flight),
                }
            }
            if flying.is_empty() {
                return Ok(());
            }
            self.next(session, flying).await?;
        }
    }

    /// Waits until the next one lands.
    async fn next(&mut self, session: &Session, flying: &mut Flying) -> Result<()> {
        let landed = runtime::select! {
            biased;
            landed = runtime::timeout(CONFIRM_MS, flying.next()) => landed,
            () = session.over() => return Err(session.who.lost("the connection was lost")),
        };
        match landed {
            Some(Some(landed)) => self.land(session, landed),
            Some(None) => Ok(()),
            None => {
                session.suspect();
                Err(Error::NoAnswer { ms: CONFIRM_MS })
            }
        }
    }

    /// Room for so many bytes.
    async fn room(
        &mut self,
        session: &Session,
        bytes: &Arc<Semaphore>,
        count: usize,
        flying: &mut Flying,
    ) -> Result<OwnedSemaphorePermit> {
        let kib = u32::try_from(count / 1024 + 1).unwrap_or(u32::MAX);
        loop {
            if let Ok(permit) = Arc::clone(bytes).try_acquire_many_owned(kib) {
                return Ok(permit);
            }
            if flying.is_empty() {
                let waiting = runtime::timeout(CONFIRM_MS, Arc::clone(bytes).acquire_many_owned(kib)).await;
                return waiting.and_then(std::result::Result::ok).ok_or(Error::NoAnswer { ms: CONFIRM_MS });
            }
            self.next(session, flying).await?;
        }
    }

    fn land(&mut self, session: &Session, Landed { index, mark, result }: Landed) -> Result<()> {
        match result {
            Ok(Confirmation::Ack(back)) => {
                self.note(back.as_ref());
                self.taken.push((index, mark));
            }
            Ok(Confirmation::Nack(back)) => {
                self.note(back.as_ref());
                let queue = spoken(&self.fates[index].0);
                self.set(index, Err(Error::Full { queue }));
            }
            Ok(Confirmation::NotRequested) => return Err(session.who.lost("the channel gives no confirms")),
            Err(error) => return Err(refused(session, &error, &self.fates[index].0)),
        }
        Ok(())
    }

    fn note(&mut self, back: Option<&lapin::message::BasicReturnMessage>) {
        if let Some(back) = back {
            let id = back.properties.message_id().clone().unwrap_or_default();
            self.returned.insert((id, back.exchange.clone(), back.routing_key.clone()));
        }
    }

    fn set(&mut self, index: usize, fate: Result<()>) {
        if let Some((_, slot)) = self.fates.get_mut(index) {
            *slot = Some(fate);
        }
    }
}

async fn fly(
    channel: Channel,
    index: usize,
    packet: Packet,
    (exchange, key): (ShortString, ShortString),
    mandatory: bool,
    permit: OwnedSemaphorePermit,
) -> Landed {
    let Packet { body, properties, message_id } = packet;
    let mark = (message_id, exchange.clone(), key.clone());
    let options = BasicPublishOptions { mandatory, immediate: false };
    let result = async { channel.basic_publish(exchange, key, options, &body, properties).await?.await }.await;
    drop(permit);
    Landed { index, mark, result }
}

/// Exchange and key; nothing where a name is longer than any can be.
fn route(target: &Target) -> Option<(ShortString, ShortString)> {
    let short = |name: &str| ShortString::try_new(name).ok();
    match target {
        Target::Queue(name) => Some((ShortString::default(), short(name)?)),
        Target::Exchange { name, key } => Some((short(name)?, short(key)?)),
    }
}

fn spoken(target: &Target) -> String {
    match target {
        Target::Queue(name) => name.clone(),
        Target::Exchange { name, .. } => name.clone(),
    }
}

fn unroutable(target: &Target) -> Error {
    Error::Unroutable { target: spoken(target) }
}

/// Why the channel is gone.
fn refused(session: &Session, error: &lapin::Error, target: &Target) -> Error {
    match reply(error) {
        Some((403, _)) => session.who.no_permission(format!("publish to `{}`", spoken(target))),
        Some((_, words)) => {
            session.forget_exchanges();
            session.who.lost(words)
        }
        None => session.who.unreachable(error),
    }
}
