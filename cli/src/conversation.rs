//! A request on its way, and what is said about it until it is answered.

use candor_platform::broker::Properties;
use candor_platform::{Clock, SystemClock, runtime};
use candor_proto::codec::Encoding;
use candor_proto::message::{ANSWER_TOO_LARGE, JobRequest, Refusal};
use candor_proto::{JobId, Message, MessageId};
use uuid::Uuid;

use crate::deployment::{Deployment, Letter, Letters};
use crate::failure::Failure;
use crate::progress::Progress;

/// Notices shown at once, and how long more of them are waited for, in milliseconds.
pub(crate) const NOTICES: (usize, u64) = (512, 20);
/// How often a display is refreshed, in milliseconds.
pub(crate) const TICK_MS: u64 = 100;

/// What is said of a request in the end.
#[derive(Debug)]
pub(crate) enum Word {
    /// Its job has ended, and the answer stands in the log.
    Answered,
    /// It was refused.
    Refused(Box<Refusal>),
    /// Nothing can come any more: the connection is gone.
    Closed,
}

/// What travels beside a message of a command.
pub(crate) fn properties(reply_to: Option<&str>, job: Option<JobId>) -> Properties {
    Properties {
        correlation_id: job.map(|job| job.to_string()),
        reply_to: reply_to.map(str::to_owned),
        content_type: Some(Encoding::MessagePack.content_type().to_owned()),
        timestamp: Some(SystemClock.now()),
        ..Properties::fresh(MessageId::from_uuid(Uuid::now_v7()))
    }
}

/// Hands a request in. Accepted means: the broker has it.
pub(crate) async fn submit(
    deployment: &dyn Deployment,
    request: JobRequest,
    reply_to: Option<&str>,
) -> Result<(), Failure> {
    let (queue, job) = (deployment.routes().jobs(), request.job);
    deployment.send(queue, Message::JobRequest(Box::new(request)), properties(reply_to, job)).await
}

/// Waits for the word that ends the matter. May be dropped while waiting without losing anything.
pub(crate) async fn word(replies: &mut dyn Letters) -> Word {
    loop {
        let batch = replies.next_batch(1, 0).await;
        let Some(letter) = batch.into_iter().next() else { return Word::Closed };
        match letter.message {
            Ok(Message::Answer(_)) => return Word::Answered,
            // The job has ended all the same, and its answer is read where it is kept.
            Ok(Message::Refusal(refusal)) if refusal.error.code == ANSWER_TOO_LARGE => return Word::Answered,
            Ok(Message::Refusal(refusal)) => return Word::Refused(refusal),
            Ok(other) => tracing::debug!(kind = other.kind(), "unexpected reply"),
            Err(error) => tracing::warn!(%error, "unreadable reply"),
        }
    }
}

/// Shows what a job does.
pub(crate) fn show(batch: Vec<Letter>, progress: &mut Progress) {
    for letter in batch {
        if let Ok(Message::Notice(notice)) = letter.message {
            progress.notice(&notice);
        }
    }
}

/// Shows what was told so far, so that it is shown before what is said next.
pub(crate) async fn show_rest(notices: &mut dyn Letters, progress: &mut Progress) {
    while let Some(batch) = runtime::timeout(0, notices.next_batch(NOTICES.0, 0)).await {
        if batch.is_empty() {
            return;
        }
        show(batch, progress);
    }
}
