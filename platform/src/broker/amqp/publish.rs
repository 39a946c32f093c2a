//! Publishing batches and learning the fate of each message.
//!
//! A batch has a channel of its own while it is on its way. So the order within it is kept, a refusal that costs the
//! channel costs nobody else anything, and a message that comes back belongs to this batch for certain: the library
//! hands it out with whichever confirm happens to come next.

mod flight;

use std::sync::Arc;

use lapin::Channel;
use lapin::options::ConfirmSelectOptions;

use self::flight::Batch;
use super::known::Known;
use super::limits::{CONFIRM_MS, LANES_MAX, LINK_WAIT_MS, WINDOW_KIB};
use super::refusal::{About, Who};
use super::session::{Session, State, live};
use crate::broker::{Outgoing, Target};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::runtime;
use crate::runtime::sync::{Mutex, Semaphore, watch};

/// Publishes over one connection at a time.
pub(super) struct Publisher {
    state: watch::Receiver<State>,
    who: Who,
    known: Arc<Known>,
    lanes: Semaphore,
    /// Channels that wait for a batch, and the generation they belong to.
    free: Mutex<(u64, Vec<Channel>)>,
    bytes: Arc<Semaphore>,
}

impl Publisher {
    pub(super) fn new(state: watch::Receiver<State>, who: Who, known: Arc<Known>) -> Self {
        let bytes = Arc::new(Semaphore::new(usize::try_from(WINDOW_KIB).unwrap_or(usize::MAX)));
        Self { state, who, known, lanes: Semaphore::new(LANES_MAX), free: Mutex::new((0, Vec::new())), bytes }
    }

    /// The fate of each, in the batch's order. Whatever is not known is [`Error::NoAnswer`].
    pub(super) async fn publish(&self, outgoing: Vec<Outgoing>) -> Vec<Result<()>> {
        let since = SystemClock.now();
        let mut batch = Batch::new(outgoing);
        if batch.is_open()
            && let Err(error) = self.attempt(&mut batch).await
        {
            let closed = matches!(error, Error::Closed { .. });
            let refused = matches!(error, Error::NoPermission { .. });
            tracing::debug!(%error, "a batch was not confirmed");
            let unknown = Error::NoAnswer { ms: SystemClock.now().saturating_sub(since) };
            batch.close(if closed || refused { error } else { unknown });
        }
        let fates = batch.fates();
        for (target, fate) in fates.iter() {
            if let (Target::Queue(queue), Err(Error::Unroutable { .. })) = (target, fate) {
                self.known.doubt(queue);
            }
        }
        fates.into_iter().map(|(_, fate)| fate).collect()
    }

    async fn attempt(&self, batch: &mut Batch) -> Result<()> {
        let session = live(&self.state, &self.who).await?;
        // What is written to a blocked connection stays in memory until it is not.
        if !session.unblocked(LINK_WAIT_MS).await {
            return Err(Error::NoAnswer { ms: LINK_WAIT_MS });
        }
        for exchange in batch.exchanges() {
            match session.expect_exchange(&exchange).await {
                Ok(()) => {}
                Err(error @ Error::NoExchange { .. }) => batch.close_exchange(&exchange, &error),
                Err(error) => return Err(error),
            }
        }
        let Some(Ok(_lane)) = runtime::timeout(CONFIRM_MS, self.lanes.acquire()).await else {
            return Err(Error::NoAnswer { ms: CONFIRM_MS });
        };
        let channel = self.channel(&session).await?;
        let flown = batch.fly(&session, &channel, &self.bytes).await;
        match flown {
            Ok(()) => self.put_back(&session, channel).await,
            // What is still on its way there must not be taken for that of the next batch.
            Err(_) => session.discard(channel),
        }
        flown
    }

    async fn channel(&self, session: &Session) -> Result<Channel> {
        {
            let mut free = self.free.lock().await;
            if free.0 == session.generation {
                while let Some(channel) = free.1.pop() {
                    if channel.status().connected() {
                        return Ok(channel);
                    }
                }
            }
        }
        let channel = session.channel().await?;
        let about = About { verb: "open", kind: "channel", name: "", owner: "" };
        session.call(&about, channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(channel)
    }

    async fn put_back(&self, session: &Session, channel: Channel) {
        let mut free = self.free.lock().await;
        if free.0 < session.generation {
            *free = (session.generation, Vec::new());
        }
        if free.0 == session.generation {
            free.1.push(channel);
        }
    }
}
