//! What the world under a service can refuse.

use candor_proto::{Epoch, JobId, Sha256};

/// Why the broker, the store or the artifacts did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The queue is not declared.
    #[error("there is no queue `{queue}`")]
    NoQueue {
        /// Its name.
        queue: String,
    },
    /// The exchange is not declared.
    #[error("there is no exchange `{exchange}`")]
    NoExchange {
        /// Its name.
        exchange: String,
    },
    /// A queue or exchange exists with other arguments.
    #[error("`{name}` exists with another {argument}: {found} instead of {wanted}")]
    Inequivalent {
        /// Its name.
        name: String,
        /// Which argument differs.
        argument: String,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// No queue takes the message.
    #[error("nobody takes messages for `{target}`")]
    Unroutable {
        /// Exchange and key, or the queue.
        target: String,
    },
    /// The queue is at its bound.
    #[error("the queue `{queue}` is full")]
    Full {
        /// Its name.
        queue: String,
    },
    /// The message is over the limit.
    #[error(transparent)]
    Message(#[from] candor_proto::Error),
    /// It is not known whether it happened: repeat it, a duplicate is harmless.
    #[error("no answer within {ms} ms")]
    NoAnswer {
        /// How long was waited, in milliseconds.
        ms: u64,
    },
    /// The other side is gone or was closed.
    #[error("{what} is closed")]
    Closed {
        /// What.
        what: String,
    },
    /// A setting cannot be used as it is.
    #[error("{what}: {reason}")]
    Setting {
        /// Which.
        what: String,
        /// Why, and what to write instead.
        reason: String,
    },
    /// A server does not answer.
    #[error("cannot reach {server}: {reason}")]
    Unreachable {
        /// Its kind and place, without credentials.
        server: String,
        /// What the network said.
        reason: String,
    },
    /// A server does not take our credentials.
    #[error(
        "{server} refuses the login of user `{user}`: check the user name and the password in its URL, and that this user may log in from here"
    )]
    LoginRefused {
        /// Its kind and place.
        server: String,
        /// Who was refused.
        user: String,
    },
    /// A message broker has no such virtual host, or the user may not enter it.
    #[error("{server} does not let user `{user}` into the virtual host `{host}`: {reason}")]
    NoVirtualHost {
        /// Its kind and place.
        server: String,
        /// Who was refused.
        user: String,
        /// The virtual host.
        host: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A server does not prove who it is, or does not speak TLS.
    #[error("the TLS connection to {server} failed: {reason}")]
    Untrusted {
        /// Its kind and place.
        server: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The user may not do this.
    #[error("no permission to {what}: {advice}")]
    NoPermission {
        /// What was tried.
        what: String,
        /// What to do.
        advice: String,
    },
    /// A server refused something for a reason of its own.
    #[error("{what} was refused: {reason}")]
    Refused {
        /// What was tried.
        what: String,
        /// What the server said.
        reason: String,
    },
    /// The server does not let us in, or not do this.
    #[error("{what} refuses us: {reason}")]
    Denied {
        /// Which server, and where.
        what: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// It is there and must not be used as it is.
    #[error("{what} cannot be used: {reason}")]
    Unfit {
        /// Which server or setting.
        what: String,
        /// What is wrong, and which line to change.
        reason: String,
    },
    /// The server takes nothing more; what it has is safe.
    #[error("{what} takes nothing more: {reason}")]
    NoRoom {
        /// Which server, and where.
        what: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// Another assembler owns the partition, or the job's log is longer than was thought: forget the partition and load it again.
    #[error("partition {partition} is no longer ours: {reason}")]
    Stale {
        /// Which partition.
        partition: u32,
        /// Epoch or sequence, and what was found.
        reason: String,
    },
    /// The store does not know this epoch.
    #[error("epoch {} of partition {partition} was never given out", epoch.counter)]
    UnknownEpoch {
        /// Which partition.
        partition: u32,
        /// Which epoch.
        epoch: Epoch,
    },
    /// Another process has the store open.
    #[error("{path} is in use by another process")]
    InUse {
        /// The store's file.
        path: String,
    },
    /// Something was written by a newer build.
    #[error("{what} has format {found}; this build reads up to {known}")]
    Newer {
        /// What.
        what: String,
        /// Its format.
        found: u32,
        /// The newest that this build reads.
        known: u32,
    },
    /// The store was made for another number of partitions.
    #[error("the store has {found} partitions, not {wanted}")]
    Partitions {
        /// What the store has.
        found: u32,
        /// What was asked for.
        wanted: u32,
    },
    /// The store has no such job.
    #[error("there is no job {job}")]
    NoJob {
        /// Which.
        job: JobId,
    },
    /// The artifacts have no such body.
    #[error("there is no artifact {sha256}")]
    NoArtifact {
        /// Its digest.
        sha256: Sha256,
    },
    /// A body is not what its name says.
    #[error("artifact {wanted} has the digest {found}: it was changed")]
    Corrupt {
        /// The digest it is stored under.
        wanted: Sha256,
        /// The digest of its bytes.
        found: Sha256,
    },
    /// A named reference moved on since it was read.
    #[error("the reference `{name}` points elsewhere by now")]
    Moved {
        /// Its name.
        name: String,
    },
    /// Disk, permission or network.
    #[error("{what}: {reason}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the system said.
        reason: String,
    },
    /// What the store holds cannot be read.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
}

impl Error {
    /// An error of the operating system, with what was tried.
    pub fn io(what: impl Into<String>, reason: &std::io::Error) -> Self {
        Self::Io { what: what.into(), reason: reason.to_string() }
    }

    /// Whether the same call may succeed later without anything being changed by a person.
    pub const fn transient(&self) -> bool {
        match self {
            Self::Full { .. }
            | Self::NoAnswer { .. }
            | Self::Closed { .. }
            | Self::InUse { .. }
            | Self::Unreachable { .. }
            | Self::NoRoom { .. }
            | Self::Unroutable { .. } => true,
            Self::NoQueue { .. }
            | Self::NoExchange { .. }
            | Self::Inequivalent { .. }
            | Self::Message(_)
            | Self::Setting { .. }
            | Self::LoginRefused { .. }
            | Self::NoVirtualHost { .. }
            | Self::Untrusted { .. }
            | Self::NoPermission { .. }
            | Self::Refused { .. }
            | Self::Denied { .. }
            | Self::Unfit { .. }
            | Self::Stale { .. }
            | Self::UnknownEpoch { .. }
            | Self::Newer { .. }
            | Self::Partitions { .. }
            | Self::NoJob { .. }
            | Self::NoArtifact { .. }
            | Self::Corrupt { .. }
            | Self::Moved { .. }
            | Self::Io { .. }
            | Self::Damaged { .. } => false,
        }
    }
}

/// What calls to the world under a service give back.
pub type Result<T> = std::result::Result<T, Error>;
