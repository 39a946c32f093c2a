//! Everything that can be wrong with bytes or values that come from outside.

use crate::limits;

/// Why bytes or a value are no sentence of this language.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A text that should be an id is none.
    #[error("`{found}` is no id of the form {expected}")]
    Id {
        /// The form that was wanted.
        expected: &'static str,
        /// The text, cut after 80 characters.
        found: String,
    },
    /// A confidence outside 0..=1, or not a number.
    #[error("{found} is no confidence: it must be a number from 0 to 1")]
    Score {
        /// The number as text.
        found: String,
    },
    /// An interval whose ends are the wrong way round, or that leaves its point estimate out.
    #[error("a confidence must satisfy low ≤ score ≤ high, but {low} ≤ {score} ≤ {high} does not hold")]
    Interval {
        /// Lower end as text.
        low: String,
        /// Point estimate as text.
        score: String,
        /// Upper end as text.
        high: String,
    },
    /// A text that should be a SHA-256 is none.
    #[error("`{found}` is no SHA-256: it must be 64 hexadecimal digits")]
    Sha256 {
        /// The text, cut after 80 characters.
        found: String,
    },
    /// A message of a type that this build does not know.
    #[error("`{found}` is no message type that this build knows")]
    MessageType {
        /// The AMQP `type` property, cut after 80 characters.
        found: String,
    },
    /// A message of a known type in a major version that this build does not know.
    #[error("`{found}` has a major version that this build does not know; it reads {known}")]
    MessageVersion {
        /// The AMQP `type` property, cut after 80 characters.
        found: String,
        /// The version of that type which this build reads.
        known: &'static str,
    },
    /// The bytes are not what their content type says.
    #[error("the body is no valid {format} of a `{kind}`: {reason}")]
    Body {
        /// `JSON` or `MessagePack`.
        format: &'static str,
        /// The type of message.
        kind: String,
        /// What the decoder says, cut after 300 characters.
        reason: String,
    },
    /// A message larger than may travel.
    #[error("a message of {bytes} bytes is over the limit of {max}", max = limits::MESSAGE_BYTES_MAX)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}
