//! From a delivery to what the core decides about: the message, and what only the shell can know beside it.

use candor_platform::broker::Properties;
use candor_proto::Message;
use candor_proto::codec::Encoding;
use candor_proto::message::ReplyTo;

use super::Shared;
use super::counters::Counters;
use crate::decide::Input;

pub(super) fn input(shared: &Shared, message: Message, properties: &Properties) -> Input {
    let directed = matches!(message, Message::Directive(_));
    let reply_to = if directed { reply_to(shared, properties) } else { None };
    Input { message, reply_to }
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
