//! `candor up` through its socket: the same messages and queries, one call a connection.
//!
//! A call is one frame, and the answer one or more. A mailbox is a call whose answers go on until either side ends.

mod client;
mod frame;
mod server;

use candor_platform::broker::{Properties, Standing};
use candor_platform::store::JobLine;
use candor_proto::{JobId, Message, Recorded};
use serde::{Deserialize, Serialize};

pub(super) use client::Socket;
pub(crate) use server::serve;

/// The socket's name in the data folder.
pub(crate) const SOCKET: &str = "candor.sock";

/// What a client asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Call {
    /// Who is there.
    Hello,
    /// A mailbox: its address, then what comes.
    Mailbox,
    /// A job's progress, as it comes.
    Notices(JobId),
    /// A message into a queue.
    Send(Box<Parcel>),
    /// A job's line.
    Line(JobId),
    /// The newest jobs.
    Lines(usize),
    /// Events of a job after this one.
    Page(JobId, u64),
    /// How a queue stands.
    Standing(String),
}

/// A message into a queue.
#[derive(Debug, Serialize, Deserialize)]
struct Parcel {
    queue: String,
    message: Message,
    correlation_id: Option<String>,
    message_id: Option<String>,
    reply_to: Option<String>,
    content_type: Option<String>,
    timestamp: Option<u64>,
    traceparent: Option<String>,
}

impl Parcel {
    fn new(queue: String, message: Message, properties: Properties) -> Self {
        let Properties { message_id, correlation_id, reply_to, content_type, timestamp, traceparent } = properties;
        Self { queue, message, correlation_id, message_id, reply_to, content_type, timestamp, traceparent }
    }

    fn unpack(self) -> (String, Message, Properties) {
        let Self { queue, message, correlation_id, message_id, reply_to, content_type, timestamp, traceparent } = self;
        let properties = Properties { message_id, correlation_id, reply_to, content_type, timestamp, traceparent };
        (queue, message, properties)
    }
}

/// What the server answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    /// Its partitions and version.
    Hello { partitions: u32, version: String },
    /// The mailbox stands.
    Mailbox(String),
    /// The notices come from now on.
    Notices,
    /// A message came.
    Letter(Box<Message>),
    /// It was sent.
    Sent,
    /// A job's line.
    Line(Option<JobLine>),
    /// The newest jobs.
    Lines(Vec<JobLine>),
    /// Events.
    Page(Vec<Recorded>),
    /// How the queue stands.
    Standing(Option<Standing>),
    /// It could not be done.
    Failed { code: String, message: String, advice: String },
}
