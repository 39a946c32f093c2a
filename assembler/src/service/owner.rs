//! One partition: become its owner, load it, and go round until somebody else is to own it or all is drained.

use candor_platform::broker::{Delivery, Properties, to_queue};
use candor_platform::runtime::sync::watch;
use candor_platform::{Consumer, runtime};
use candor_proto::message::Knock;
use candor_proto::{JobId, Message, MessageId, Millis};

use super::publisher::Desk;
use super::round::{BATCH_LINGER_MS, BATCH_MAX, End, KNOCK_MS, Round};
use super::trouble::Doing;
use super::{Shared, load};
use crate::decide::Effect;
use crate::error::Error;
use crate::partition::Partition;

/// Unsettled deliveries: two batches, so that one fills while another is written.
const PREFETCH: u32 = 1_024;
/// First and longest pause before a partition is taken again, in milliseconds.
const PAUSE_MS: (u64, u64) = (50, 5_000);
/// How long whoever gave a partition up leaves it to others before it registers again, in milliseconds: the queue
/// has passed to the consumer that registered next, and we stand behind all of them.
const GIVEN_UP_MS: u64 = 1_000;
/// A partition that was owned for so long went well: the pause after it is the first again, in milliseconds.
const WELL_MS: u64 = PAUSE_MS.1;
/// How long what is decided may take to be published and acknowledged when the assembler drains, in
/// milliseconds: much longer than a working broker needs, and shorter than anybody's patience.
const DRAIN_MS: u64 = 10_000;

pub(super) struct Owner {
    number: u32,
    shared: Shared,
}

impl Owner {
    pub(super) fn new(number: u32, shared: Shared) -> Self {
        Self { number, shared }
    }

    /// Owns the partition again and again until drained.
    pub(super) async fn run(self, mut drain: watch::Receiver<bool>) {
        let mut late = drain.clone();
        let mut pause_ms = PAUSE_MS.0;
        while !*drain.borrow() {
            let mut since = None;
            let ended = runtime::select! {
                ended = runtime::caught(self.own(&mut drain, &mut since)) => ended,
                () = overdue(&mut late) => {
                    tracing::warn!(partition = self.number, "not drained in time; the rest is owed by the log");
                    return;
                }
            };
            self.shared.troubles.over(self.number, Doing::Publishing);
            match ended.unwrap_or(Err(Error::Panicked { partition: self.number })) {
                Ok(End::Drained) => return,
                Ok(End::GivenUp) => {
                    runtime::select! {
                        () = runtime::sleep(GIVEN_UP_MS) => {}
                        () = drained(&mut drain) => return,
                    }
                    pause_ms = PAUSE_MS.0;
                    continue;
                }
                Ok(End::Closed) => tracing::warn!(partition = self.number, "consumer ended, registering again"),
                Err(error) => self.lost(error),
            }
            if since.is_some_and(|since| self.well_since(since)) {
                pause_ms = PAUSE_MS.0;
            }
            runtime::select! {
                () = runtime::sleep(pause_ms) => {}
                () = drained(&mut drain) => return,
            }
            pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
        }
    }

    fn lost(&self, error: Error) {
        if !self.shared.troubles.met(self.number, Doing::Owning, error.clone()) {
            return;
        }
        if error.worth_waiting() {
            tracing::warn!(partition = self.number, %error, "partition lost, loading it again");
        } else {
            tracing::error!(partition = self.number, %error, "partition cannot go on");
        }
    }

    fn well_since(&self, since: Millis) -> bool {
        self.shared.parts.clock.now().saturating_sub(since) >= WELL_MS
    }

    /// Owns the partition once. Whatever ends it but draining and giving up drops everything: memory, effects that
    /// are not published yet, and the deliveries, which come again.
    async fn own(&self, drain: &mut watch::Receiver<bool>, since: &mut Option<Millis>) -> Result<End, Error> {
        let Shared { parts, config, share, .. } = &self.shared;
        let queue = parts.routes.assembler(self.number);
        let mut consumer = parts.broker.consume(&queue, PREFETCH).await?;
        let Some(first) = self.wait_active(&mut *consumer, drain).await? else { return Ok(End::Drained) };
        if first.is_empty() {
            return Ok(End::Closed);
        }
        let began = parts.clock.now();
        let Some((owned, why)) = share.take(self.number, began) else {
            tracing::debug!(partition = self.number, "partition passed on: others have room for it");
            // First the queue passes on, then what came goes back to it: so it wakes the next one.
            consumer.cancel().await;
            drop(first);
            return Ok(End::GivenUp);
        };
        let epoch = parts.store.claim(self.number, self.shared.owner).await?;
        let mut partition = Partition::new(self.number, queue, config.window, config.lease_ms);
        let owed = self.load(&mut partition).await?;
        let loaded = parts.clock.now();
        *since = Some(loaded);
        tracing::info!(
            partition = self.number,
            %why,
            jobs = partition.len(),
            owed = owed.len(),
            ms = loaded.saturating_sub(began),
            "partition taken over"
        );
        let desk = Desk { shared: self.shared.clone(), partition: self.number, epoch };
        let mut round = Round::new(&self.shared, epoch, partition, desk);
        let end = round.run(owed, first, &mut *consumer, drain).await;
        round.stop().await;
        match &end {
            Ok(End::GivenUp) => {
                tracing::info!(partition = self.number, "partition given up: others have room for it");
                owned.give_up();
                self.hand_over(&mut *consumer).await;
            }
            Ok(End::Drained) if config.sharing => self.hand_over(&mut *consumer).await,
            Ok(End::Drained | End::Closed) | Err(_) => {}
        }
        end
    }

    /// Everything is settled: the queue may pass to the next one, who is woken.
    async fn hand_over(&self, consumer: &mut dyn Consumer) {
        consumer.cancel().await;
        if let Err(error) = self.knock().await {
            tracing::debug!(partition = self.number, %error, "whoever is next knocks itself within a second");
        }
    }

    /// Waits for the first delivery: it says that this consumer is the active one. `None` when drained first.
    async fn wait_active(
        &self,
        consumer: &mut dyn Consumer,
        drain: &mut watch::Receiver<bool>,
    ) -> Result<Option<Vec<Delivery>>, Error> {
        loop {
            self.knock().await?;
            runtime::select! {
                batch = consumer.next_batch(BATCH_MAX, BATCH_LINGER_MS) => return Ok(Some(batch)),
                () = runtime::sleep(KNOCK_MS) => {}
                () = drained(drain) => return Ok(None),
            }
        }
    }

    async fn knock(&self) -> Result<(), Error> {
        let Shared { parts, owner, .. } = &self.shared;
        let message = Message::Knock(Knock { owner: *owner, partition: self.number });
        let properties = Properties::fresh(MessageId::from_uuid((parts.fresh)()));
        let knock = to_queue(parts.routes.assembler(self.number), message, properties);
        for result in parts.broker.publish(vec![knock]).await {
            match result {
                // A full queue wakes its owner without us.
                Ok(()) | Err(candor_platform::Error::Full { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn load(&self, partition: &mut Partition) -> Result<Vec<(JobId, Effect)>, Error> {
        let Shared { parts, config, .. } = &self.shared;
        let now = parts.clock.now();
        let mut owed = Vec::new();
        for id in parts.store.live(self.number).await? {
            let job = load::job(&*parts.store, self.number, id).await?;
            partition.adopt(job, now);
            owed.extend(partition.owed(id, config.workers_inside));
        }
        Ok(owed)
    }
}

/// Waits until the assembler drains; one that was dropped drains too.
pub(super) async fn drained(drain: &mut watch::Receiver<bool>) {
    let _ = drain.wait_for(|draining| *draining).await;
}

/// Waits until draining has had its time.
async fn overdue(drain: &mut watch::Receiver<bool>) {
    drained(drain).await;
    runtime::sleep(DRAIN_MS).await;
}
