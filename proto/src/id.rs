//! Ids that say what they are: `job_…`, `try_…`, `own_…`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::canonical::Sha256;
use crate::error::Error;

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// The id with this UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID behind the prefix.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.hyphenated())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let bare = text.strip_prefix(concat!($prefix, "_")).unwrap_or(text);
                Uuid::parse_str(bare).map(Self).map_err(|_| Error::Id {
                    expected: concat!($prefix, "_<uuid>"),
                    found: text.chars().take(80).collect(),
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

prefixed_id!(
    /// A job: one request being carried out.
    JobId, "job"
);
prefixed_id!(
    /// An attempt: one try of one task. Always freshly random, never derived from a counter.
    AttemptId, "try"
);
prefixed_id!(
    /// One life of one process that may own partitions.
    OwnerId, "own"
);
prefixed_id!(
    /// A question put to a person.
    QuestionId, "ask"
);
prefixed_id!(
    /// A decision of a person about a job.
    DirectiveId, "dir"
);
prefixed_id!(
    /// One message on a queue.
    MessageId, "msg"
);

impl JobId {
    /// The id that a tenant's idempotency key always means: a version 8 UUID from SHA-256 of both.
    pub fn from_key(tenant: &str, key: &str) -> Self {
        let digest = Sha256::of(format!("{}\n{tenant}\n{key}", tenant.len()).as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.bytes()[..16]);
        Self(Uuid::new_v8(bytes))
    }

    /// The partition that owns this job: the last eight bytes of the UUID, big-endian, modulo `partitions`.
    pub fn partition(self, partitions: u32) -> u32 {
        let (_, low) = self.0.as_u64_pair();
        u32::try_from(low % u64::from(partitions.max(1))).unwrap_or(0)
    }

    /// The last six characters, which tell the jobs of a listing apart.
    pub fn short(self) -> String {
        let text = self.0.simple().to_string();
        text[text.len() - 6..].to_owned()
    }
}

/// Who may append to a partition. Compared whole: after a rollback of the store counters repeat, owners do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epoch {
    /// Grows by one with every takeover.
    pub counter: u64,
    /// Random, new for every life of an assembler.
    pub owner: OwnerId,
}

/// The place of a task in its plan; with `item`, one item of its fan-out. Both count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Node {
    /// Index into [`crate::Plan::tasks`].
    pub task: u32,
    /// Index into the fan-out's items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
}

impl Node {
    /// The task itself.
    pub const fn task(task: u32) -> Self {
        Self { task, item: None }
    }

    /// One item of the task's fan-out.
    pub const fn item(task: u32, item: u32) -> Self {
        Self { task, item: Some(item) }
    }
}
