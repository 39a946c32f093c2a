//! What a decision gets beside the message itself.

use candor_proto::Recorded;
use candor_proto::message::{Message, ReplyTo};

/// What the store has of the job that a rerun names, empty where it has none; or why that cannot be read.
pub type ParentLog = Result<Vec<Recorded>, String>;

/// A message, with what the shell knows beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What came.
    pub message: Message,
    /// Who wants to hear what becomes of it. A plan says in itself who wants its answer; only a directive needs this.
    pub reply_to: Option<ReplyTo>,
    /// Of a rerun, the log of the job that it is to do again, which may be of another partition.
    pub parent: Option<ParentLog>,
}

impl From<Message> for Input {
    fn from(message: Message) -> Self {
        Self { message, reply_to: None, parent: None }
    }
}
