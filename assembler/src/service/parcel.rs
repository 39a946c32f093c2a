//! What follows from one append: messages that leave early, messages that leave late, and inputs to acknowledge.

use std::collections::HashMap;

use candor_platform::broker::{Delivery, Outgoing, Properties, Settled, Target, to_queue};
use candor_platform::{Error as PlatformError, Store};
use candor_proto::limits::WITH_BYTES_MAX;
use candor_proto::message::{AnswerReply, Assignment, Notice, Planned, ReplyTo, With};
use candor_proto::{FileValue, Job, JobId, Message, MessageId, canonical};
use serde_json::Value;

use super::Parts;
use super::post::{Confirmed, Posting, When, post};
use super::publisher::Desk;
use crate::decide::Effect;
use crate::error::Error;
use crate::partition::Partition;

/// What follows from one append.
#[derive(Default)]
pub(super) struct Parcel {
    early: Vec<Posting>,
    late: Vec<Posting>,
    notices: Vec<Outgoing>,
    deliveries: Vec<Delivery>,
    /// What needs no confirm.
    settled: Vec<Confirmed>,
}

impl Parcel {
    /// Turns effects into messages. Answers are derived here, from jobs that are still in memory.
    pub(super) async fn pack(
        parts: &Parts,
        partition: &Partition,
        effects: Vec<(JobId, Effect)>,
        notices: Vec<Notice>,
        deliveries: Vec<Delivery>,
    ) -> Result<Self, Error> {
        let mut parcel = Self { deliveries, ..Self::default() };
        let mut answers = HashMap::new();
        for (job, effect) in effects {
            match effect {
                Effect::Assign { pool, assignment } => {
                    let means = Some(Confirmed::Release(job, assignment.node, assignment.attempt));
                    let message = Message::Assignment(Box::new(by_reference(parts, *assignment).await?));
                    let outgoing = to_queue(parts.routes.tasks(&pool), message, properties(parts, job));
                    parcel.early.push(Posting::new(outgoing, means));
                }
                Effect::Revoke(revocation) => {
                    let target = Target::Exchange { name: parts.routes.control(), key: String::new() };
                    let message = Message::Revocation(revocation);
                    parcel.notices.push(Outgoing { target, message, properties: properties(parts, job) });
                }
                Effect::Recorded { to } => {
                    let outgoing = to_queue(to, Message::Planned(Planned { job }), properties(parts, job));
                    parcel.late.push(Posting::new(outgoing, None));
                }
                Effect::Answer { to } => {
                    // Derived once, however many ask for it.
                    let answer = answers.entry(job).or_insert_with(|| answer(parts, partition.job(job)));
                    parcel.answer(parts, job, &to, answer.clone());
                }
                Effect::Refuse { to, message } => {
                    parcel.late.push(Posting::new(reply(parts, &to, *message), None));
                }
                Effect::DirectiveReply { to, reply: verdict } => {
                    let outgoing = reply(parts, &to, Message::DirectiveReply(verdict));
                    parcel.late.push(Posting::new(outgoing, None));
                }
            }
        }
        parcel.notices.extend(notices.into_iter().map(|notice| tell(parts, notice)));
        Ok(parcel)
    }

    fn answer(&mut self, parts: &Parts, job: JobId, to: &ReplyTo, answer: Option<Value>) {
        match answer {
            Some(answer) => {
                let message = Message::Answer(Box::new(AnswerReply { job, answer }));
                self.late.push(Posting::new(reply(parts, to, message), Some(Confirmed::Answer(job))));
            }
            None => {
                // A defect, and one that must not keep the job alive for ever.
                tracing::error!(%job, "a job is to be answered and has no answer");
                self.settled.push(Confirmed::Answer(job));
            }
        }
    }

    /// Publishes early what may be early, then what must be late, and acknowledges the inputs last.
    pub(super) async fn deliver(self, desk: &Desk) -> Result<Vec<Confirmed>, Error> {
        let mut confirmed = self.settled;
        confirmed.extend(post(desk, self.early, When::Early).await?);
        if !self.notices.is_empty() {
            // Progress may be lost: the log has everything.
            let results = desk.shared.parts.broker.publish(self.notices).await;
            for error in results.into_iter().filter_map(Result::err) {
                tracing::debug!(%error, "a notice was lost");
            }
        }
        confirmed.extend(post(desk, self.late, When::Late).await?);
        for delivery in self.deliveries {
            if delivery.done().await == Settled::TooLate {
                return Err(Error::Platform(PlatformError::Closed { what: "the connection of a delivery".to_owned() }));
            }
        }
        Ok(confirmed)
    }
}

fn answer(parts: &Parts, job: Option<&Job>) -> Option<Value> {
    let answer = crate::answer::answer(job?, &parts.catalogue)?;
    serde_json::to_value(answer).inspect_err(|error| tracing::error!(%error, "an answer cannot be written")).ok()
}

/// A resolved `with` over the limit travels by reference.
async fn by_reference(parts: &Parts, mut assignment: Assignment) -> Result<Assignment, Error> {
    if let With::Inline(with) = &assignment.with
        && candor_proto::value::json_bytes(with) > WITH_BYTES_MAX
    {
        let stored = parts.artifacts.put(canonical::canonical_text(with).into_bytes()).await?;
        assignment.with = With::Stored(FileValue {
            name: "with.json".to_owned(),
            sha256: stored.sha256,
            bytes: stored.bytes,
            media_type: "application/json".to_owned(),
        });
    }
    Ok(assignment)
}

fn properties(parts: &Parts, job: JobId) -> Properties {
    Properties {
        message_id: Some(MessageId::from_uuid((parts.fresh)()).to_string()),
        correlation_id: Some(job.to_string()),
        timestamp: Some(parts.clock.now()),
        ..Properties::default()
    }
}

fn reply(parts: &Parts, to: &ReplyTo, message: Message) -> Outgoing {
    let properties = Properties {
        message_id: Some(MessageId::from_uuid((parts.fresh)()).to_string()),
        correlation_id: to.correlation_id.clone(),
        content_type: Some(to.content_type.clone()),
        timestamp: Some(parts.clock.now()),
        ..Properties::default()
    };
    to_queue(to.queue.clone(), message, properties)
}

fn tell(parts: &Parts, notice: Notice) -> Outgoing {
    let key = format!("job.{}.progress", notice.job);
    let properties = properties(parts, notice.job);
    let target = Target::Exchange { name: parts.routes.events(), key };
    Outgoing { target, message: Message::Notice(Box::new(notice)), properties }
}

/// Kept here so that the shell's futures stay `Send`: the compiler checks the promise.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<std::sync::Arc<dyn Store>>();
    is_send::<Parcel>();
};
