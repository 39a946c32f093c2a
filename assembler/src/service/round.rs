//! What one ownership of a partition does: take a batch, decide, append, hand over what follows.

use candor_platform::broker::{Delivery, Settled};
use candor_platform::runtime::sync::watch;
use candor_platform::{Consumer, runtime};
use candor_proto::{AttemptId, Epoch, JobId, Message};

use super::counters::{Counters, JobsInMemory};
use super::owner::drained;
use super::parcel::Parcel;
use super::post::Confirmed;
use super::publisher::{Desk, Publisher};
use super::share::asked;
use super::trouble::Doing;
use super::{Shared, intake, load};
use crate::decide::{Effect, Input};
use crate::error::Error;
use crate::partition::{Partition, Turn};

/// Deliveries of one batch.
pub(super) const BATCH_MAX: usize = 512;
/// How long a batch waits for more, in milliseconds.
pub(super) const BATCH_LINGER_MS: u64 = 2;
/// How often somebody who hears nothing knocks at its own queue or looks at its timers, in milliseconds.
pub(super) const KNOCK_MS: u64 = 1_000;
/// The least wait for a timer, in milliseconds: one that could not be dealt with must not keep a processor busy.
const TIMER_MS_MIN: u64 = 1;

/// How an ownership ends without an error.
pub(super) enum End {
    /// The assembler drains.
    Drained,
    /// The consumer or the publisher is gone.
    Closed,
    /// Others have room for it.
    GivenUp,
}

/// What one ownership works with.
pub(super) struct Round<'a> {
    shared: &'a Shared,
    number: u32,
    epoch: Epoch,
    partition: Partition,
    publisher: Publisher,
    jobs: JobsInMemory,
}

impl<'a> Round<'a> {
    pub(super) fn new(shared: &'a Shared, epoch: Epoch, partition: Partition, desk: Desk) -> Self {
        let jobs = JobsInMemory::new(shared.counters.clone());
        Self { shared, number: partition.number(), epoch, partition, publisher: Publisher::start(desk), jobs }
    }

    /// What the log owes goes out before anything new is decided; then round after round, until the end.
    pub(super) async fn run(
        &mut self,
        owed: Vec<(JobId, Effect)>,
        first: Vec<Delivery>,
        consumer: &mut dyn Consumer,
        drain: &mut watch::Receiver<bool>,
    ) -> Result<End, Error> {
        let turn = Turn { effects: owed, ..Turn::default() };
        self.carry_out(turn, Vec::new()).await?;
        self.take(first).await?;
        let end = self.go(consumer, drain).await?;
        match end {
            End::Drained | End::GivenUp => self.finish().await?,
            End::Closed => {}
        }
        Ok(end)
    }

    /// Drops what is not published yet.
    pub(super) async fn stop(self) {
        self.publisher.stop().await;
    }

    async fn go(&mut self, consumer: &mut dyn Consumer, drain: &mut watch::Receiver<bool>) -> Result<End, Error> {
        let began = self.shared.parts.clock.now();
        let mut surplus = self.shared.share.surplus();
        loop {
            let now = self.shared.parts.clock.now();
            if now.saturating_sub(began) >= KNOCK_MS {
                // With nothing to append, being the owner for this long is all that can go well.
                self.shared.troubles.over(self.number, Doing::Owning);
            }
            let due_ms = self.partition.next_due().map_or(KNOCK_MS, |due| due.saturating_sub(now));
            let wait_ms = due_ms.clamp(TIMER_MS_MIN, KNOCK_MS);
            runtime::select! {
                // Draining and giving up first, or a full queue would put them off for ever. Then confirms: while they are
                // taken at once, the publisher never waits for us.
                biased;
                () = drained(drain) => return Ok(End::Drained),
                () = asked(&mut surplus, self.number) => return Ok(End::GivenUp),
                confirmed = self.publisher.confirmed() => match confirmed {
                    Some(confirmed) => self.confirm(confirmed?).await?,
                    None => return Ok(End::Closed),
                },
                batch = consumer.next_batch(BATCH_MAX, BATCH_LINGER_MS) => {
                    if batch.is_empty() {
                        return Ok(End::Closed);
                    }
                    self.take(batch).await?;
                }
                () = runtime::sleep(wait_ms) => self.take(Vec::new()).await?,
            }
        }
    }

    /// Lets what is decided be published and acknowledged, and records what is confirmed meanwhile.
    async fn finish(&mut self) -> Result<(), Error> {
        self.publisher.close();
        while let Some(confirmed) = self.publisher.confirmed().await {
            self.confirm(confirmed?).await?;
        }
        Ok(())
    }

    /// One batch: decide, append, hand over what is to be published and acknowledged.
    async fn take(&mut self, batch: Vec<Delivery>) -> Result<(), Error> {
        let (mut inputs, mut deliveries) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for mut delivery in batch {
            match delivery.take() {
                Ok(message) if self.is_foreign(&message) => self.bury(delivery).await,
                Ok(message) => {
                    self.recall(&message).await?;
                    let properties = &delivery.properties;
                    inputs.push(intake::input(self.shared, &self.partition, message, properties).await?);
                    deliveries.push(delivery);
                }
                Err(error) => {
                    tracing::warn!(partition = self.number, %error, "unreadable message put with the dead letters");
                    self.bury(delivery).await;
                }
            }
        }
        self.decide(&inputs, deliveries).await
    }

    /// Whether a message's job is of another partition: whoever sent it counts partitions otherwise. Recorded here,
    /// the job would be lost to everybody who looks for it where it belongs.
    fn is_foreign(&self, message: &Message) -> bool {
        let count = self.shared.config.partitions;
        let job = if let Message::Holding(holding) = message {
            // Nothing of it is recorded, but what a worker holds must be said where its lease is.
            holding.attempts.iter().map(|(job, _)| *job).find(|job| job.partition(count) != self.number)
        } else {
            message.job()
        };
        let Some(partition) = job.map(|job| job.partition(count)).filter(|partition| *partition != self.number) else {
            return false;
        };
        tracing::error!(
            partition = self.number,
            belongs_to = partition,
            partitions = count,
            kind = message.kind(),
            "message of another partition put with the dead letters: every service needs the same --partitions"
        );
        true
    }

    async fn bury(&self, delivery: Delivery) {
        if delivery.dead().await == Settled::Yes {
            Counters::add(&self.shared.counters.dead, 1);
        }
    }

    async fn decide(&mut self, inputs: &[Input], deliveries: Vec<Delivery>) -> Result<(), Error> {
        let now = self.shared.parts.clock.now();
        let fresh = &self.shared.parts.fresh;
        let turn = self.partition.turn(inputs, now, &mut || AttemptId::from_uuid(fresh()));
        self.carry_out(turn, deliveries).await
    }

    /// A request that came again, or a directive, may be about a job that is over: its log is loaded once more.
    async fn recall(&mut self, message: &Message) -> Result<(), Error> {
        let id = match message {
            Message::PlanReady(ready) => ready.job,
            Message::PlanRefused(refused) => refused.job,
            Message::Directive(directive) => directive.job,
            _ => return Ok(()),
        };
        if self.partition.job(id).is_none() {
            let parts = &self.shared.parts;
            let job = load::job(&*parts.store, self.number, id).await?;
            if job.seq() > 0 {
                self.partition.adopt(job, parts.clock.now());
            }
        }
        Ok(())
    }

    async fn confirm(&mut self, confirmed: Vec<Confirmed>) -> Result<(), Error> {
        let (mut answers, mut reports) = (Vec::new(), Vec::new());
        for one in confirmed {
            match one {
                Confirmed::Release(job, node, attempt) => self.partition.confirm_releases([(job, node, attempt)]),
                Confirmed::Answer(job) => answers.push(job),
                Confirmed::Unsendable(report) => reports.push(Input::from(Message::Report(report))),
            }
        }
        if !answers.is_empty() {
            let turn = self.partition.confirm_answers(answers, self.shared.parts.clock.now());
            self.carry_out(turn, Vec::new()).await?;
        }
        if !reports.is_empty() {
            self.decide(&reports, Vec::new()).await?;
        }
        Ok(())
    }

    async fn carry_out(&mut self, turn: Turn, deliveries: Vec<Delivery>) -> Result<(), Error> {
        let Turn { appends, effects, notices, over, known, illegal } = turn;
        Counters::add(&self.shared.counters.known, known.len());
        Counters::add(&self.shared.counters.illegal, illegal.len());
        for (job, why) in known {
            tracing::debug!(partition = self.number, %job, why, "message already known");
        }
        for (job, why) in illegal {
            tracing::warn!(partition = self.number, %job, why, "message does not fit the log");
        }
        if !appends.is_empty() {
            self.shared.parts.store.append(self.number, self.epoch, appends).await?;
            self.shared.troubles.over(self.number, Doing::Owning);
        }
        let something = !effects.is_empty() || !notices.is_empty() || !deliveries.is_empty();
        // While draining the publisher takes nothing more: the log owes it to the next owner.
        if something && self.publisher.is_open() {
            let parcel = Parcel::pack(&self.shared.parts, &self.partition, effects, notices, deliveries).await?;
            self.publisher.send(parcel).await?;
        }
        self.partition.forget_all(&over);
        self.jobs.are(self.partition.len());
        Ok(())
    }
}
