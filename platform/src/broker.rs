//! Queues between the parts. One trait, so that the same services run in one process and over RabbitMQ.
//!
//! A delivery is a value that must be settled; dropped unsettled it goes back to its queue.

pub mod amqp;
pub mod embedded;

use async_trait::async_trait;
use candor_proto::route::{Queue, Topology};
use candor_proto::{Message, MessageId, Millis};
use futures_util::future::BoxFuture;

use crate::error::{Error, Result};

/// A message on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Where to.
    pub target: Target,
    /// What.
    pub message: Message,
    /// What travels beside it.
    pub properties: Properties,
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A queue, by the default exchange. Must exist: else [`Error::Unroutable`].
    Queue(String),
    /// An exchange with a routing key. May reach nobody.
    Exchange {
        /// The exchange.
        name: String,
        /// The routing key.
        key: String,
    },
}

/// What travels beside a message's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Of this message.
    pub message_id: Option<String>,
    /// Given back with the answer.
    pub correlation_id: Option<String>,
    /// Where the answer goes.
    pub reply_to: Option<String>,
    /// `application/json` or `application/msgpack`; decides how the message is written.
    pub content_type: Option<String>,
    /// When it was sent.
    pub timestamp: Option<Millis>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl Properties {
    /// Properties with a fresh message id and nothing else.
    pub fn fresh(id: MessageId) -> Self {
        Self { message_id: Some(id.to_string()), ..Self::default() }
    }
}

/// A binding of a private queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The exchange.
    pub exchange: String,
    /// The key: for a topic exchange with `*` (one word) and `#` (any number of words).
    pub key: String,
}

/// The queues of a deployment.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Makes sure that these queues and exchanges exist. Declaring twice is harmless; other arguments are [`Error::Inequivalent`].
    async fn declare(&self, topology: &Topology) -> Result<()>;

    /// Makes a queue of this process, with its bindings; it is gone when the process is. Only it may consume from the
    /// queue; another process that declares it gets [`Error::Inequivalent`].
    async fn declare_private(&self, queue: &Queue, bindings: &[Binding]) -> Result<()>;

    /// Publishes a batch and waits until the fate of each message is known. The results come in the batch's order.
    /// A message to an exchange is refused as [`Error::Full`] when one queue has no room; the others may have it.
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<()>>;

    /// Begins to consume. At most `prefetch` deliveries are unsettled at once; 0 counts as 1.
    /// On a single-active queue the consumer waits until those before it, in the order of registration, are gone.
    async fn consume(&self, queue: &str, prefetch: u32) -> Result<Box<dyn Consumer>>;

    /// How a queue stands at this moment; `None` where there is none. For people, and to say that nobody serves a queue:
    /// no part of the system may conclude from it that a message is or is not there. Not for another's private queue.
    async fn standing(&self, queue: &str) -> Result<Option<Standing>>;

    /// Ends every consumer and lets nobody publish any more. What was delivered through this connection goes back
    /// to its queues, and settling it comes too late. Dropping the last handle does the same.
    async fn close(&self);
}

/// How a queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Standing {
    /// Messages that wait for a consumer.
    pub ready: u32,
    /// Consumers, those that wait their turn at a single-active queue among them.
    pub consumers: u32,
}

/// Deliveries of one queue. Dropped without a [`Consumer::cancel`], what it delivered goes back to the queue, as when
/// its process dies.
#[async_trait]
pub trait Consumer: Send {
    /// The next delivery; `None` once the consumer has ended, for whatever reason. May be dropped while waiting without losing anything.
    async fn next(&mut self) -> Option<Delivery>;

    /// The next deliveries: waits for the first, then takes at most `max` of those that arrive within `linger_ms`.
    /// Empty once the consumer has ended. May be dropped while waiting without losing anything.
    async fn next_batch(&mut self, max: usize, linger_ms: u64) -> Vec<Delivery>;

    /// No further deliveries; those that came remain to be settled, also when the consumer itself is dropped.
    async fn cancel(&mut self);
}

/// A message that somebody must settle.
#[must_use = "a delivery must be settled, else it goes back to its queue"]
pub struct Delivery {
    /// What came, or why it cannot be read.
    pub message: std::result::Result<Message, candor_proto::Error>,
    /// What came beside it.
    pub properties: Properties,
    /// Deliveries before this one.
    pub redelivered: u32,
    settle: Option<Box<dyn Settle>>,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is dealt with.
    Done,
    /// Somebody should get it again.
    Again,
    /// Nobody can deal with it: to the dead letters.
    Dead,
}

/// Whether a settlement took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a settlement that came too late is not success: the message comes again"]
pub enum Settled {
    /// It did.
    Yes,
    /// The connection that brought the delivery is gone: the message comes again.
    TooLate,
}

/// How a broker takes a settlement; at most one call is ever made.
pub trait Settle: Send {
    /// Settles, and says whether that took effect.
    fn settle(self: Box<Self>, fate: Fate) -> BoxFuture<'static, Settled>;

    /// The delivery was dropped: it goes back.
    fn abandon(self: Box<Self>);
}

impl Delivery {
    /// A delivery that is settled through `settle`.
    pub fn new(
        message: std::result::Result<Message, candor_proto::Error>,
        properties: Properties,
        redelivered: u32,
        settle: Box<dyn Settle>,
    ) -> Self {
        Self { message, properties, redelivered, settle: Some(settle) }
    }

    /// Takes the message out; the delivery remains to be settled.
    pub fn take(&mut self) -> std::result::Result<Message, candor_proto::Error> {
        let taken = candor_proto::Error::MessageType { found: "a message that was taken".to_owned() };
        std::mem::replace(&mut self.message, Err(taken))
    }

    /// It is dealt with.
    pub async fn done(mut self) -> Settled {
        self.finish(Fate::Done).await
    }

    /// Somebody should get it again; counts as a delivery.
    pub async fn again(mut self) -> Settled {
        self.finish(Fate::Again).await
    }

    /// Nobody can deal with it: to the dead letters.
    pub async fn dead(mut self) -> Settled {
        self.finish(Fate::Dead).await
    }

    async fn finish(&mut self, fate: Fate) -> Settled {
        match self.settle.take() {
            Some(settle) => settle.settle(fate).await,
            None => Settled::TooLate,
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(settle) = self.settle.take() {
            settle.abandon();
        }
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("message", &self.message)
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}

/// A message to a queue.
pub fn to_queue(queue: impl Into<String>, message: Message, properties: Properties) -> Outgoing {
    Outgoing { target: Target::Queue(queue.into()), message, properties }
}

/// Whether publishing again may succeed.
pub const fn worth_repeating(error: &Error) -> bool {
    error.transient()
}
