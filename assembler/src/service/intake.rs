//! From a delivery to what the core decides about: the message, and what only the shell can know beside it.

use candor_platform::Error as PlatformError;
use candor_platform::broker::Properties;
use candor_proto::codec::Encoding;
use candor_proto::message::{Order, ReplyTo};
use candor_proto::{JobId, Message};

use super::counters::Counters;
use super::{Shared, load, outputs};
use crate::decide::{Input, ParentLog};
use crate::error::Error;
use crate::partition::Partition;

pub(super) async fn input(
    shared: &Shared,
    partition: &Partition,
    mut message: Message,
    properties: &Properties,
) -> Result<Input, Error> {
    let (mut reply, mut parent) = (None, None);
    if let Message::Report(report) = &mut message {
        outputs::fetch(shared, partition, report).await?;
    }
    if let Message::Directive(directive) = &message {
        reply = reply_to(shared, properties);
        if let Order::Rerun { parent: id, .. } = directive.order {
            parent = Some(log_of(shared, id).await?);
        }
    }
    Ok(Input { message, reply_to: reply, parent })
}

/// The log of a job that is to be done again, whoever owns it: what is appended is appended. One that nobody can
/// read is the directive's trouble, and not this partition's.
async fn log_of(shared: &Shared, job: JobId) -> Result<ParentLog, Error> {
    let partition = job.partition(shared.config.partitions);
    match load::log(&*shared.parts.store, partition, job).await {
        Ok(log) => Ok(Ok(log)),
        Err(
            error @ (Error::NewerLog { .. }
            | Error::Platform(PlatformError::Damaged { .. } | PlatformError::Newer { .. })),
        ) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Who wants to hear what became of a directive. A queue of our own is no address, or anybody could write into it;
/// but for the replies to our commands.
fn reply_to(shared: &Shared, properties: &Properties) -> Option<ReplyTo> {
    let queue = properties.reply_to.clone().filter(|queue| !queue.is_empty())?;
    let routes = &shared.parts.routes;
    if routes.owns(&queue) && !queue.starts_with(&routes.replies("")) {
        tracing::warn!(queue, "a directive asks for its reply in one of our own queues; nobody is answered");
        Counters::add(&shared.counters.unanswered, 1);
        return None;
    }
    let encoding = Encoding::of(properties.content_type.as_deref(), &[]);
    Some(ReplyTo {
        queue,
        correlation_id: properties.correlation_id.clone(),
        content_type: encoding.content_type().to_owned(),
    })
}
