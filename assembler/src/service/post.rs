//! Publishes messages until each is confirmed or can never be, and knows what follows from either.

use candor_platform::broker::{Outgoing, Target};
use candor_platform::{Error as PlatformError, runtime};
use candor_proto::message::{ANSWER_TOO_LARGE, AnswerReply, Assignment, ErrorBody, Refusal, Report, Usage};
use candor_proto::route::Lifetime;
use candor_proto::{AttemptId, ErrorClass, JobId, Message, Node, Outcome, TaskError};

use super::counters::Counters;
use super::publisher::Desk;
use super::trouble::Doing;
use crate::error::Error;

/// First and longest pause before something is published again, in milliseconds.
const PAUSE_MS: (u64, u64) = (5, 1_000);
/// How often a reply is offered to a queue that is full: for more than half a second. Whoever does not take
/// its answers must not keep those of others back, and can ask for them again.
const REPLY_TRIES_MAX: u32 = 8;

/// Something that the broker has confirmed, or that needs no confirm any more.
#[derive(Debug, PartialEq)]
pub(super) enum Confirmed {
    Release(JobId, Node, AttemptId),
    Answer(JobId),
    /// An assignment that no broker takes, as the report of its failure.
    Unsendable(Box<Report>),
}

/// When messages may leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// After the append.
    Early,
    /// When the append can no longer be rolled back and the partition is still ours: what leaves the system.
    Late,
}

/// A message on its way, and what its confirm means.
pub(super) struct Posting {
    outgoing: Outgoing,
    means: Option<Confirmed>,
    tries: u32,
}

impl Posting {
    pub(super) const fn new(outgoing: Outgoing, means: Option<Confirmed>) -> Self {
        Self { outgoing, means, tries: 0 }
    }
}

/// Publishes until every message is confirmed, or can never be.
pub(super) async fn post(desk: &Desk, mut postings: Vec<Posting>, when: When) -> Result<Vec<Confirmed>, Error> {
    let (mut confirmed, mut pause_ms) = (Vec::new(), PAUSE_MS.0);
    while !postings.is_empty() {
        let parts = &desk.shared.parts;
        if when == When::Late {
            // Anew before every try: the partition may have gone to somebody else meanwhile.
            parts.store.confirm(desk.partition, desk.epoch).await?;
        }
        let results = parts.broker.publish(postings.iter().map(|posting| posting.outgoing.clone()).collect()).await;
        let (mut again, mut reason) = (Vec::new(), None);
        for (mut posting, result) in postings.into_iter().zip(results) {
            match result {
                Ok(()) => confirmed.extend(posting.means),
                Err(error) => match after(desk, &mut posting, &error).await? {
                    Next::Again => {
                        again.push(posting);
                        reason = Some(error);
                    }
                    Next::Over(means) => confirmed.extend(means),
                },
            }
        }
        postings = again;
        if let Some(error) = reason {
            if pause_ms == PAUSE_MS.1 {
                let (left, what) = (postings.len(), error.to_string());
                if desk.shared.troubles.met(desk.partition, Doing::Publishing, error.into()) {
                    tracing::warn!(partition = desk.partition, error = what, left, "publishing does not go on");
                }
            }
            runtime::sleep(pause_ms).await;
            pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
        }
    }
    desk.shared.troubles.over(desk.partition, Doing::Publishing);
    Ok(confirmed)
}

enum Next {
    Again,
    Over(Option<Confirmed>),
}

/// What to do about a message that was not confirmed.
///
/// | error | an assignment | anything else of ours |
/// |---|---|---|
/// | no answer, unreachable | again | again |
/// | full | again | again for a while, then counted |
/// | no such queue | again, once the pool's queue is declared | counted: nobody waits there any more |
/// | too large | its attempt fails | an answer is replaced by a refusal that says so, else counted |
/// | others | the partition is lost | the partition is lost |
async fn after(desk: &Desk, posting: &mut Posting, error: &PlatformError) -> Result<Next, Error> {
    posting.tries += 1;
    let is_work = matches!(posting.outgoing.message, Message::Assignment(_));
    match error {
        PlatformError::NoAnswer { .. } | PlatformError::Unreachable { .. } => Ok(Next::Again),
        PlatformError::Full { .. } if is_work || posting.tries < REPLY_TRIES_MAX => Ok(Next::Again),
        PlatformError::Unroutable { .. } | PlatformError::NoQueue { .. } if is_work => {
            match declare(desk, &posting.outgoing.target).await {
                Err(error) if !error.transient() => Err(error.into()),
                Ok(()) | Err(_) => Ok(Next::Again),
            }
        }
        PlatformError::Message(reason) => Ok(too_large(desk, posting, reason)),
        PlatformError::Full { .. } | PlatformError::Unroutable { .. } | PlatformError::NoQueue { .. } => {
            Ok(lost(desk, posting, error))
        }
        PlatformError::NoExchange { .. }
        | PlatformError::Inequivalent { .. }
        | PlatformError::Closed { .. }
        | PlatformError::Setting { .. }
        | PlatformError::LoginRefused { .. }
        | PlatformError::NoVirtualHost { .. }
        | PlatformError::Untrusted { .. }
        | PlatformError::NoPermission { .. }
        | PlatformError::Refused { .. }
        | PlatformError::Denied { .. }
        | PlatformError::Unfit { .. }
        | PlatformError::NoRoom { .. }
        | PlatformError::Stale { .. }
        | PlatformError::UnknownEpoch { .. }
        | PlatformError::InUse { .. }
        | PlatformError::Newer { .. }
        | PlatformError::Partitions { .. }
        | PlatformError::NoJob { .. }
        | PlatformError::NoArtifact { .. }
        | PlatformError::Corrupt { .. }
        | PlatformError::Moved { .. }
        | PlatformError::Io { .. }
        | PlatformError::Damaged { .. } => Err(Error::Platform(error.clone())),
    }
}

/// Declares the queue of a pool that nobody has served yet.
async fn declare(desk: &Desk, target: &Target) -> candor_platform::error::Result<()> {
    let parts = &desk.shared.parts;
    let Target::Queue(queue) = target else { return Ok(()) };
    let Some(pool) = queue.strip_prefix(&parts.routes.tasks("")) else { return Ok(()) };
    let mut topology = parts.routes.topology(0, &[pool.to_owned()]);
    topology.queues.retain(|declared| declared.name == *queue && declared.lifetime == Lifetime::Durable);
    parts.broker.declare(&topology).await
}

fn too_large(desk: &Desk, posting: &mut Posting, reason: &candor_proto::Error) -> Next {
    let refusal = match &posting.outgoing.message {
        Message::Assignment(assignment) => {
            return Next::Over(Some(Confirmed::Unsendable(Box::new(unsendable(desk, assignment, reason)))));
        }
        Message::Answer(reply) => refusal(reply, reason),
        _ => return lost(desk, posting, &PlatformError::Message(reason.clone())),
    };
    posting.outgoing.message = Message::Refusal(Box::new(refusal));
    Next::Again
}

/// The report of an attempt that cannot even be handed out.
fn unsendable(desk: &Desk, assignment: &Assignment, reason: &candor_proto::Error) -> Report {
    let now = desk.shared.parts.clock.now();
    let error = TaskError::new(ErrorClass::Validation, "assignment_too_large", reason.to_string())
        .with_advice("give the task fewer files and a smaller environment");
    Report {
        job: assignment.job,
        attempt: assignment.attempt,
        node: assignment.node,
        input_digest: assignment.input_digest,
        outcome: Outcome::Fail { error },
        stored: None,
        usage: Usage { started_at: now, ended_at: now, ..Usage::default() },
        worker: desk.shared.config.instance.clone(),
        traceparent: assignment.traceparent.clone(),
    }
}

/// What is said instead of an answer that no message can hold.
fn refusal(reply: &AnswerReply, reason: &candor_proto::Error) -> Refusal {
    let error = ErrorBody {
        code: ANSWER_TOO_LARGE.to_owned(),
        message: format!("the job has ended and its answer is too large for a message: {reason}"),
        advice: "read the answer where the job is kept, or let tasks give large results as tables or files".to_owned(),
    };
    Refusal { job: Some(reply.job), error, diagnostics: Vec::new() }
}

fn lost(desk: &Desk, posting: &mut Posting, error: &PlatformError) -> Next {
    tracing::warn!(%error, kind = posting.outgoing.message.kind(), "a reply cannot be delivered");
    Counters::add(&desk.shared.counters.unanswered, 1);
    Next::Over(posting.means.take())
}
