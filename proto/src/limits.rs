//! The limits that every part keeps, each with its unit and its reason.

/// Largest message on a queue, in bytes; anything larger travels by reference.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Lists and maps inside each other in a message or an event: what our JSON decoder takes, and then the
/// MessagePack decoder must not take more, or a value that came by one could not be read again by the other.
pub const NESTING_MAX: usize = 128;

/// Lists and maps inside each other in a value from outside (an input, an output). The rest up to
/// [`NESTING_MAX`] is for the messages and events that such a value travels and is kept in.
pub const VALUE_NESTING_MAX: usize = 100;

/// Largest output of a task that stays inline, in bytes; longer text becomes a file value.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Largest resolved `with` inside an assignment, in bytes; a larger one travels by reference.
pub const WITH_BYTES_MAX: usize = 256 * 1024;

/// All inline outputs of one job together, in bytes.
pub const JOB_INLINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Largest workflow document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;

/// Items of one fan-out.
pub const FAN_OUT_ITEMS_MAX: usize = 1_000_000;

/// Failed items of a fan-out that a summary names; further ones are only counted.
pub const FAILED_ITEMS_NAMED_MAX: usize = 1_000;

/// Text of an error that travels with it, in bytes (a traceback, the end of stderr).
pub const ERROR_DETAIL_BYTES_MAX: usize = 8 * 1024;

/// Partitions of a deployment where nothing else is said.
pub const PARTITIONS: u32 = 16;

/// How long a released attempt may stay silent before it is published again, in milliseconds.
pub const LEASE_MS: u64 = 15_000;

/// How often a worker says what it still holds, in milliseconds.
pub const HOLDING_MS: u64 = 5_000;
