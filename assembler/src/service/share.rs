//! Sharing partitions with other assemblers: says what is owned, hears the others, and asks the owners of a
//! surplus to give it up. What is to happen is decided in [`crate::sharing`].

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use candor_platform::broker::{Binding, Outgoing, Properties, Target};
use candor_platform::runtime::sync::watch;
use candor_platform::{Consumer, runtime};
use candor_proto::message::Announcement;
use candor_proto::{Message, MessageId, Millis, OwnerId};

use super::Shared;
use super::owner::drained;
use crate::error::Error;
use crate::sharing::{ANNOUNCE_MS, Sharing, Why};

/// Words of others that are taken from the broker at once.
const PREFETCH: u32 = 64;
/// The key of announcements. Not by the fan-out of control: a word a second would keep every idle worker awake.
const ANNOUNCEMENTS: &str = "assemblers";
/// Pause before the private queue is made again, in milliseconds.
const AGAIN_MS: u64 = 500;

/// What the loops of one assembler know together about who owns what.
pub(super) struct Share {
    sharing: Mutex<Sharing>,
    owned: watch::Sender<BTreeSet<u32>>,
    surplus: watch::Sender<BTreeSet<u32>>,
}

/// A partition that is owned. Dropped, it is not any more.
pub(super) struct Owned<'a> {
    share: &'a Share,
    partition: u32,
}

impl Share {
    pub(super) fn new(own: OwnerId, partitions: u32) -> Self {
        Self {
            sharing: Mutex::new(Sharing::new(own, partitions)),
            owned: watch::Sender::default(),
            surplus: watch::Sender::default(),
        }
    }

    /// A partition came to us; `None` when it is to be passed on.
    pub(super) fn take(&self, partition: u32, now: Millis) -> Option<(Owned<'_>, Why)> {
        let mut sharing = self.lock();
        let why = sharing.take(partition, now)?;
        self.owned.send_replace(sharing.owned().clone());
        Some((Owned { share: self, partition }, why))
    }

    /// What is owned, and every change of it.
    pub(super) fn owned(&self) -> watch::Receiver<BTreeSet<u32>> {
        self.owned.subscribe()
    }

    /// What should be given up, and every change of it.
    pub(super) fn surplus(&self) -> watch::Receiver<BTreeSet<u32>> {
        self.surplus.subscribe()
    }

    fn look(&self, now: Millis) {
        let surplus = self.lock().surplus(now);
        self.surplus.send_if_modified(|before| {
            let differs = *before != surplus;
            *before = surplus;
            differs
        });
    }

    fn lock(&self) -> MutexGuard<'_, Sharing> {
        // Every change is complete before anything could panic.
        self.sharing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owned<'_> {
    /// It goes to somebody else of our own accord.
    pub(super) fn give_up(self) {
        self.share.lock().give_up(self.partition);
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        let mut sharing = self.share.lock();
        sharing.lose(self.partition);
        self.share.owned.send_replace(sharing.owned().clone());
    }
}

/// Waits until a partition should be given up.
pub(super) async fn asked(surplus: &mut watch::Receiver<BTreeSet<u32>>, partition: u32) {
    if surplus.wait_for(|surplus| surplus.contains(&partition)).await.is_err() {
        // Nobody is left who could ask.
        std::future::pending::<()>().await;
    }
}

/// Takes part until drained; what ends it before is said, and then it begins again.
pub(super) async fn take_part(shared: Shared, mut drain: watch::Receiver<bool>) {
    while !*drain.borrow() {
        match runtime::caught(speak_and_hear(&shared, &mut drain)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "cannot hear the other assemblers; trying again"),
            None => tracing::error!("sharing partitions met a defect of this build; beginning again"),
        }
        if !*drain.borrow() {
            runtime::sleep(AGAIN_MS).await;
        }
    }
}

/// With a queue of its own, until that is gone or the assembler drains.
async fn speak_and_hear(shared: &Shared, drain: &mut watch::Receiver<bool>) -> Result<(), Error> {
    let Shared { parts, config, owner, share, .. } = shared;
    // With the owner's id in it: whoever had this name before may not be gone yet for the broker.
    let name = parts.routes.assemblers(&format!("{}.{}", config.instance, owner.uuid().simple()));
    let binding = Binding { exchange: parts.routes.events(), key: ANNOUNCEMENTS.to_owned() };
    parts.broker.declare_private(&parts.routes.private(name.clone()), &[binding]).await?;
    let mut consumer: Box<dyn Consumer> = parts.broker.consume(&name, PREFETCH).await?;
    let mut owned = share.owned();
    let mut next = parts.clock.now();
    loop {
        let now = parts.clock.now();
        if now >= next {
            next = now.saturating_add(ANNOUNCE_MS);
            announce(shared, false).await;
            share.look(now);
        }
        runtime::select! {
            biased;
            () = drained(drain) => {
                announce(shared, true).await;
                return Ok(());
            }
            delivery = consumer.next() => {
                let Some(delivery) = delivery else { return Ok(()) };
                if let Ok(Message::Announcement(announcement)) = &delivery.message {
                    let new = share.lock().hear(announcement, parts.clock.now());
                    if new {
                        next = 0;
                    }
                    share.look(parts.clock.now());
                }
                // A private queue has nobody to give it to again, so how it is settled does not matter.
                let _ = delivery.done().await;
            }
            changed = owned.changed() => {
                if changed.is_ok() {
                    next = 0;
                }
            }
            () = runtime::sleep(next.saturating_sub(now).max(1)) => {}
        }
    }
}

async fn announce(shared: &Shared, leaving: bool) {
    let Shared { parts, config, owner, share, .. } = shared;
    let partitions = share.lock().owned().iter().copied().collect();
    let announcement = Announcement { owner: *owner, instance: config.instance.clone(), partitions, leaving };
    let outgoing = Outgoing {
        target: Target::Exchange { name: parts.routes.events(), key: ANNOUNCEMENTS.to_owned() },
        message: Message::Announcement(announcement),
        properties: Properties::fresh(MessageId::from_uuid((parts.fresh)())),
    };
    for error in parts.broker.publish(vec![outgoing]).await.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "an announcement was lost; the next one comes in a second");
    }
}
