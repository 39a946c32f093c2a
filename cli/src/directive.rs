//! A decision of a person on its way to a job, and the word about it.

use candor_platform::runtime;
use candor_proto::message::{Directive, Order, Verdict};
use candor_proto::{DirectiveId, JobId, Message};
use uuid::Uuid;

use crate::conversation::properties;
use crate::deployment::{Deployment, Letters};
use crate::failure::{Code, Failure};

/// How long the word may take before the directive is sent again, in milliseconds. A repetition is known.
const AGAIN_MS: u64 = 5_000;
/// How often it is sent before it counts as unanswered.
const TRIES_MAX: u32 = 6;

/// Sends an order until somebody answers it.
///
/// # Errors
///
/// Also when nobody answers: then it waits in its queue, and may still be carried out.
pub(crate) async fn give(deployment: &dyn Deployment, job: JobId, order: Order) -> Result<Verdict, Failure> {
    let id = DirectiveId::from_uuid(Uuid::now_v7());
    let mut mailbox = deployment.mailbox().await?;
    let queue = deployment.routes().assembler(job.partition(deployment.partitions()));
    for _ in 0..TRIES_MAX {
        let directive = Directive { id, job, order: order.clone(), by: None };
        let message = Message::Directive(Box::new(directive));
        deployment.send(queue.clone(), message, properties(Some(&mailbox.address), Some(job))).await?;
        match runtime::timeout(AGAIN_MS, word(&mut *mailbox.letters, id)).await {
            Some(Some(verdict)) => return Ok(verdict),
            Some(None) => mailbox = deployment.mailbox().await?,
            None => {}
        }
    }
    Err(Failure::store(Code::Unanswered, format!("no assembler answered about {job}"))
        .advice("see with `candor doctor` whether one runs; the order waits in its queue and may still be carried out"))
}

async fn word(letters: &mut dyn Letters, id: DirectiveId) -> Option<Verdict> {
    loop {
        let letter = letters.next_batch(1, 0).await.into_iter().next()?;
        match letter.message {
            Ok(Message::DirectiveReply(reply)) if reply.id == id => return Some(reply.verdict),
            Ok(other) => tracing::debug!(kind = other.kind(), "unexpected reply"),
            Err(error) => tracing::warn!(%error, "unreadable reply"),
        }
    }
}
