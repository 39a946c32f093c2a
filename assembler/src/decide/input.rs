//! What a decision gets beside the message itself.

use candor_proto::message::{Message, ReplyTo};

/// A message, with what the shell knows beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What came.
    pub message: Message,
    /// Who wants to hear what becomes of it. A plan says in itself who wants its answer; only a directive needs this.
    pub reply_to: Option<ReplyTo>,
}

impl From<Message> for Input {
    fn from(message: Message) -> Self {
        Self { message, reply_to: None }
    }
}
