//! The language that all parts of Candor speak.
//!
//! Owns ids, confidence, the plan, every message, the events of a job and the job's state with its
//! total function [`Job::evolve`]. Deliberately knows no I/O, no clock, no randomness and no async:
//! times and ids come in as values.

#![warn(missing_docs)]

pub mod answer;
pub mod canonical;
pub mod codec;
pub mod confidence;
pub mod event;
pub mod failure;
pub mod id;
pub mod job;
pub mod limits;
pub mod message;
pub mod plan;
pub mod route;
pub mod statement;
pub mod time;
pub mod value;

mod error;

pub use answer::{Answer, Fate, Gap, GapReason, LedgerEntry};
pub use canonical::Sha256;
pub use confidence::{Bearing, Class, Confidence, Evidence, Score};
pub use error::Error;
pub use event::{Event, Recorded};
pub use failure::{ErrorClass, Outcome, TaskError};
pub use id::{AttemptId, DirectiveId, Epoch, JobId, MessageId, Node, OwnerId, QuestionId};
pub use job::{Job, JobResult, JobState, TaskState};
pub use message::Message;
pub use plan::{Plan, Task};
pub use statement::{Span, Statement, StatementRecord};
pub use value::{Column, FileValue, TableValue, ValueType};

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = u64;
