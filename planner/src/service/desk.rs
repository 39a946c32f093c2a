//! What becomes of one request: planned and handed over, or refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use candor_platform::broker::{Delivery, Outgoing, Properties, Settled, to_queue};
use candor_platform::{Error as PlatformError, runtime};
use candor_proto::codec::Encoding;
use candor_proto::message::{ErrorBody, JobRequest, PlanReady, PlanRefused, Refusal, ReplyTo};
use candor_proto::{JobId, Message, MessageId};

use super::handover::Handovers;
use super::{Config, Counters, Parts, files};
use crate::plan::{Envelope, Planned, plan};

/// How long "recorded" may take before a plan is sent again, in milliseconds. It doubles up to the second number, so
/// that an assembler that is away for a day does not find its queue full of copies.
const RECORDED_MS: (u64, u64) = (5_000, 60_000);
/// Pause before something that did not work is tried again, in milliseconds. It doubles up to the second number.
const PAUSE_MS: (u64, u64) = (200, 5_000);
/// How often a refusal is offered to a queue that is full: for a few seconds. Whoever does not take its answers
/// must not keep those of others back.
const REPLY_TRIES_MAX: u32 = 5;

pub(super) struct Desk {
    pub(super) config: Config,
    pub(super) parts: Parts,
    pub(super) replies: String,
    pub(super) handovers: Handovers,
    pub(super) counters: Arc<Counters>,
}

/// What became of a plan on its way to the assembler.
enum Sent {
    Recorded,
    TooLarge(candor_proto::Error),
    NotNow,
}

impl Desk {
    /// Deals with a request to its end. Dropped while it waits, the request comes again.
    pub(super) async fn answer(&self, mut delivery: Delivery) {
        let reply_to = self.reply_to(&delivery.properties);
        let request = match delivery.take() {
            Ok(Message::JobRequest(request)) => Ok(*request),
            Ok(other) => Err(format!("`{}` is no request", other.kind())),
            Err(error) => Err(error.to_string()),
        };
        match request {
            Ok(request) => self.serve(request, reply_to, delivery).await,
            Err(reason) => {
                tracing::warn!(reason, "unreadable request");
                let error = ErrorBody {
                    code: "unreadable".to_owned(),
                    message: reason,
                    advice: "send a request in JSON or MessagePack as the documentation describes it".to_owned(),
                };
                self.turn_away(reply_to, error, delivery).await;
            }
        }
    }

    async fn serve(&self, request: JobRequest, reply_to: Option<ReplyTo>, delivery: Delivery) {
        let envelope = Envelope {
            message_id: delivery.properties.message_id.clone(),
            reply_to: reply_to.clone(),
            recorded_to: Some(self.replies.clone()),
            received_at: self.parts.clock.now(),
        };
        let (request, files) = match files::gather(&*self.parts.artifacts, request).await {
            Ok(gathered) => gathered,
            Err(error) => {
                // The artifacts did not let us: the request comes again.
                tracing::warn!(%error, "files of a request could not be stored");
                return self.give_back(delivery).await;
            }
        };
        let catalogue = Arc::clone(&self.parts.catalogue);
        let planned = runtime::blocking(move || plan(&request, &files, &envelope, &catalogue)).await;
        match planned {
            Some(Planned::Ready(ready)) => self.hand_over_based(*ready, delivery).await,
            Some(Planned::Refused(refused)) => self.hand_over_refusal(*refused, delivery).await,
            Some(Planned::Nameless(error)) => self.turn_away(reply_to, error, delivery).await,
            None => {
                tracing::error!("a request made the compiler panic; it is put with the dead letters");
                self.bury(delivery).await;
            }
        }
    }

    /// Hands a plan over whose inputs stand for files that are there; any other is refused.
    async fn hand_over_based(&self, ready: PlanReady, delivery: Delivery) {
        match files::baseless(&*self.parts.artifacts, &ready.inputs).await {
            Ok(None) => self.hand_over(ready, delivery).await,
            Ok(Some(error)) => self.hand_over_refusal(refusal(&ready, error), delivery).await,
            Err(error) => {
                tracing::warn!(%error, "the files of a request's inputs could not be looked at");
                self.give_back(delivery).await;
            }
        }
    }

    async fn hand_over(&self, ready: PlanReady, delivery: Delivery) {
        let error = ErrorBody { code: "plan_too_large".to_owned(), message: String::new(), advice: String::new() };
        let mut refused = refusal(&ready, error);
        match self.send(ready.job, Message::PlanReady(Box::new(ready))).await {
            Sent::Recorded => settled(delivery.done().await),
            Sent::NotNow => self.give_back(delivery).await,
            Sent::TooLarge(reason) => {
                refused.error.message = format!("the plan is too large for a message: {reason}");
                refused.error.advice = "split the workflow, or move large values into files".to_owned();
                self.hand_over_refusal(refused, delivery).await;
            }
        }
    }

    async fn hand_over_refusal(&self, mut refused: PlanRefused, delivery: Delivery) {
        loop {
            match self.send(refused.job, Message::PlanRefused(Box::new(refused.clone()))).await {
                Sent::Recorded => return settled(delivery.done().await),
                Sent::NotNow => return self.give_back(delivery).await,
                // The first ones are worth more than none.
                Sent::TooLarge(_) if !refused.diagnostics.is_empty() => {
                    refused.diagnostics.truncate(refused.diagnostics.len() / 2);
                }
                Sent::TooLarge(error) => {
                    tracing::error!(%error, "a refusal cannot be sent; its request is put with the dead letters");
                    return self.bury(delivery).await;
                }
            }
        }
    }

    /// Sends a plan, or a refusal of one, until the assembler has recorded it.
    async fn send(&self, job: JobId, message: Message) -> Sent {
        let handover = self.handovers.begin(job).await;
        let queue = self.parts.routes.assembler(job.partition(self.config.partitions));
        let (mut pause_ms, mut recorded_ms) = (PAUSE_MS.0, RECORDED_MS.0);
        loop {
            match self.publish(to_queue(queue.clone(), message.clone(), self.properties(Some(job)))).await {
                Ok(()) => {
                    if runtime::timeout(recorded_ms, handover.recorded()).await.is_some() {
                        return Sent::Recorded;
                    }
                    tracing::info!(%job, "the plan is not recorded yet, sending it again");
                    recorded_ms = (recorded_ms * 2).min(RECORDED_MS.1);
                }
                Err(PlatformError::Message(reason)) => return Sent::TooLarge(reason),
                Err(error @ PlatformError::Closed { .. }) => {
                    tracing::warn!(%job, %error, "a plan cannot be sent now");
                    return Sent::NotNow;
                }
                Err(error) => {
                    tracing::warn!(%job, %error, "a plan was not taken; it is sent again");
                    runtime::sleep(pause_ms).await;
                    pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
                }
            }
        }
    }

    /// A request that has no job: its sender is told, or, where nobody is to be told, it is a dead letter.
    async fn turn_away(&self, reply_to: Option<ReplyTo>, error: ErrorBody, delivery: Delivery) {
        match reply_to {
            Some(to) => {
                self.refuse(&to, error).await;
                settled(delivery.done().await);
            }
            None => self.bury(delivery).await,
        }
    }

    async fn refuse(&self, to: &ReplyTo, error: ErrorBody) {
        let refusal = Message::Refusal(Box::new(Refusal { job: None, error, diagnostics: Vec::new() }));
        let (mut pause_ms, mut tries) = (PAUSE_MS.0, 0);
        loop {
            let properties = Properties {
                correlation_id: to.correlation_id.clone(),
                content_type: Some(to.content_type.clone()),
                ..self.properties(None)
            };
            let result = self.publish(to_queue(to.queue.clone(), refusal.clone(), properties)).await;
            let Err(error) = result else { return };
            tries += 1;
            let again = match &error {
                PlatformError::NoAnswer { .. } => true,
                PlatformError::Full { .. } => tries < REPLY_TRIES_MAX,
                _ => false,
            };
            if !again {
                tracing::warn!(%error, "a refusal cannot be delivered");
                count(&self.counters.unanswered);
                return;
            }
            runtime::sleep(pause_ms).await;
            pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
        }
    }

    async fn publish(&self, outgoing: Outgoing) -> candor_platform::error::Result<()> {
        let result = self.parts.broker.publish(vec![outgoing]).await.pop();
        result.unwrap_or(Err(PlatformError::NoAnswer { ms: 0 }))
    }

    /// Somebody tries the request again, after a pause that grows with the number of tries.
    async fn give_back(&self, delivery: Delivery) {
        let doublings = delivery.redelivered.min(10);
        runtime::sleep((PAUSE_MS.0 << doublings).min(PAUSE_MS.1)).await;
        settled(delivery.again().await);
    }

    async fn bury(&self, delivery: Delivery) {
        count(&self.counters.dead);
        settled(delivery.dead().await);
    }

    /// Who wants the answer. A queue of our own is no address for strangers, but for the replies to our commands.
    fn reply_to(&self, properties: &Properties) -> Option<ReplyTo> {
        let queue = properties.reply_to.clone().filter(|queue| !queue.is_empty())?;
        let routes = &self.parts.routes;
        let for_a_command = queue.starts_with(&routes.replies("")) && queue != self.replies;
        if routes.owns(&queue) && !for_a_command {
            tracing::warn!(queue, "a request asks for its answer in one of our own queues; nobody is answered");
            count(&self.counters.misdirected);
            return None;
        }
        // A broker of bytes says how a body without a content type was read.
        let encoding = Encoding::of(properties.content_type.as_deref(), &[]);
        Some(ReplyTo {
            queue,
            correlation_id: properties.correlation_id.clone(),
            content_type: encoding.content_type().to_owned(),
        })
    }

    fn properties(&self, job: Option<JobId>) -> Properties {
        Properties {
            message_id: Some(MessageId::from_uuid((self.parts.fresh)()).to_string()),
            correlation_id: job.map(|job| job.to_string()),
            timestamp: Some(self.parts.clock.now()),
            ..Properties::default()
        }
    }
}

fn refusal(ready: &PlanReady, error: ErrorBody) -> PlanRefused {
    PlanRefused {
        job: ready.job,
        error,
        diagnostics: Vec::new(),
        submitted_at: ready.submitted_at,
        request_digest: ready.request_digest,
        reply_to: ready.reply_to.clone(),
        recorded_to: ready.recorded_to.clone(),
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn settled(settled: Settled) {
    match settled {
        Settled::Yes => {}
        Settled::TooLate => tracing::debug!("a request was settled too late; it comes again and is known then"),
    }
}
