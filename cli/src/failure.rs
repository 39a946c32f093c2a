//! What a command says when it cannot do its work, and with which code it ends.

mod code;

use std::path::Path;

use candor_proto::JobResult;
use candor_proto::message::ErrorBody;

pub(crate) use code::Code;

/// The codes that a command can end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Complete; or the question could be answered.
    Complete,
    /// The job failed, or the answer to the question is no.
    Failed,
    /// Wrong usage, or an invalid workflow.
    Usage,
    /// Complete with gaps.
    Gaps,
    /// Rejected by a person.
    Rejected,
    /// Broker, store or disk did not let us.
    Unable,
    /// Cancelled or interrupted.
    Cancelled,
}

impl Exit {
    /// The code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Gaps => 3,
            Self::Rejected => 4,
            Self::Unable => 5,
            Self::Cancelled => 130,
        }
    }

    /// The code of a job that came to this.
    pub(crate) const fn of(result: JobResult) -> Self {
        match result {
            JobResult::Complete => Self::Complete,
            JobResult::CompleteWithGaps => Self::Gaps,
            JobResult::Failed => Self::Failed,
            JobResult::Cancelled => Self::Cancelled,
            JobResult::Rejected => Self::Rejected,
        }
    }
}

/// Why a command cannot do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", body.message)]
pub(crate) struct Failure {
    /// What it ends with.
    pub(crate) exit: Exit,
    /// What it says.
    pub(crate) body: ErrorBody,
}

impl Failure {
    fn new(exit: Exit, code: Code, message: String) -> Self {
        Self { exit, body: ErrorBody { code: code.word().to_owned(), message, advice: String::new() } }
    }

    /// The command was called in a way that cannot work.
    pub(crate) fn usage(code: Code, message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, message.into())
    }

    /// The answer to the question is no.
    pub(crate) fn refuted(code: Code, message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, code, message.into())
    }

    /// Broker, store or disk did not let us.
    pub(crate) fn store(code: Code, message: impl Into<String>) -> Self {
        Self::new(Exit::Unable, code, message.into())
    }

    /// The planner refused a request.
    pub(crate) const fn refused(body: ErrorBody) -> Self {
        Self { exit: Exit::Usage, body }
    }

    /// The disk did not let us.
    pub(crate) fn disk(what: &str, path: &Path, error: &std::io::Error) -> Self {
        let advice = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "choose a folder that you may write to",
            std::io::ErrorKind::StorageFull => "make room on the disk",
            std::io::ErrorKind::ReadOnlyFilesystem => "choose a folder on a file system that can be written to",
            _ => "see that the folder exists and can be written to",
        };
        Self::store(Code::Disk, format!("{what} {}: {error}", path.display())).advice(advice)
    }

    /// Somebody asked the run to end before its end.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Cancelled, Code::Interrupted, "the run was interrupted before its end".to_owned())
            .advice("what was recorded is kept, and the run can be resumed")
    }

    /// A newer build wrote what should be read.
    pub(crate) fn newer(message: impl Into<String>) -> Self {
        Self::store(Code::NewerRun, message).advice("use the version of candor that wrote it, or a later one")
    }

    /// Something that should not happen.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, Code::Internal, message.into())
            .advice("this is a defect of candor; please report it with this message")
    }

    /// The same with what to do.
    #[must_use]
    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.body.advice = advice.into();
        self
    }
}

impl From<candor_platform::Error> for Failure {
    fn from(error: candor_platform::Error) -> Self {
        use candor_platform::Error as E;
        let message = error.to_string();
        match error {
            E::InUse { .. } => {
                Self::store(Code::InUse, message).advice("wait until the other process has ended, or end it")
            }
            E::Newer { .. } => Self::newer(message),
            E::Io { .. } => Self::store(Code::Disk, message).advice("see that the disk has room and can be written to"),
            E::Damaged { .. } | E::Corrupt { .. } | E::NoArtifact { .. } => Self::store(Code::DamagedRun, message)
                .advice("a file was changed, cut or removed; restore it or start the workflow anew"),
            E::LoginRefused { .. }
            | E::NoVirtualHost { .. }
            | E::Untrusted { .. }
            | E::NoPermission { .. }
            | E::Denied { .. }
            | E::Unfit { .. }
            | E::NoRoom { .. }
            | E::Setting { .. } => {
                Self::store(Code::Platform, message).advice("change what the message names, then try again")
            }
            E::Unreachable { .. } => {
                Self::store(Code::Platform, message).advice("see that the server runs at that address, then try again")
            }
            E::Partitions { .. } => Self::store(Code::Platform, message)
                .advice("give every service and command the number that the store has, with --partitions"),
            E::NoQueue { .. }
            | E::Refused { .. }
            | E::NoExchange { .. }
            | E::Inequivalent { .. }
            | E::Unroutable { .. }
            | E::Full { .. }
            | E::Message(_)
            | E::NoAnswer { .. }
            | E::Closed { .. }
            | E::Stale { .. }
            | E::UnknownEpoch { .. }
            | E::NoJob { .. }
            | E::Moved { .. } => Self::store(Code::Platform, message).advice("try again"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let disk = error.chain().any(|cause| cause.is::<std::io::Error>());
        let message = format!("{error:#}");
        if disk {
            Self::store(Code::Disk, message).advice("see that the disk has room and can be written to")
        } else {
            Self::internal(message)
        }
    }
}
