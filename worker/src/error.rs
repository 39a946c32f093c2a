//! What can go wrong in a worker beside the attempt itself.

use candor_proto::{ErrorClass, TaskError};

use crate::trouble::{self, Trouble};

/// Why the worker could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Permission, or a process table that is full.
    #[error("could not {what}: {reason}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the system said.
        reason: String,
    },
    /// The worker's own disk is full, cannot be written to, or fails.
    #[error("could not {what}: {reason}")]
    Disk {
        /// What was tried, with the path.
        what: String,
        /// What the system said.
        reason: String,
    },
    /// Every user id for attempts is taken.
    #[error("all {count} user ids from {first} on are taken by running attempts")]
    NoUser {
        /// The first id.
        first: u32,
        /// How many there are.
        count: u32,
    },
    /// The supervisor ended without a word.
    #[error("the supervisor of the attempt ended without a word")]
    SupervisorLost,
    /// Bodies or queues.
    #[error(transparent)]
    Platform(#[from] candor_platform::Error),
    /// The input is wrong.
    #[error("{message}")]
    Input {
        /// A stable word.
        code: &'static str,
        /// What is wrong, and where.
        message: String,
        /// What to do.
        advice: &'static str,
    },
    /// What the attempt left behind is not what it should be.
    #[error("{message}")]
    Output {
        /// A stable word.
        code: &'static str,
        /// What is wrong, and where.
        message: String,
        /// What to do.
        advice: &'static str,
    },
    /// The configuration does not fit this machine.
    #[error("{0}")]
    Configuration(String),
}

/// What the worker's own functions give back.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of the operating system, with what was tried.
    pub fn io(what: impl Into<String>, reason: &std::io::Error) -> Self {
        let (what, text) = (what.into(), reason.to_string());
        if reason.raw_os_error().is_some_and(trouble::is_of_disk) {
            Self::Disk { what, reason: text }
        } else {
            Self::Io { what, reason: text }
        }
    }

    /// A wrong input, under the code of `with` that does not fit.
    pub fn input(message: impl Into<String>, advice: &'static str) -> Self {
        Self::Input { code: "with", message: message.into(), advice }
    }

    /// The same as the error of a task.
    pub fn into_task_error(self) -> TaskError {
        let message = self.to_string();
        match self {
            Self::Io { .. } => TaskError::new(ErrorClass::System, "io", message),
            Self::Disk { .. } => Trouble::error(message),
            Self::NoUser { .. } => TaskError::new(ErrorClass::System, "no_user", message)
                .with_advice("lower the concurrency of the workers on this machine"),
            Self::SupervisorLost => TaskError::new(ErrorClass::System, "supervisor_lost", message),
            Self::Platform(error) if trouble::stopped_artifacts(&error) => Trouble::error(message),
            Self::Platform(_) => TaskError::new(ErrorClass::System, "platform", message),
            Self::Configuration(_) => TaskError::new(ErrorClass::System, "configuration", message),
            Self::Input { code, advice, .. } => {
                TaskError::new(ErrorClass::Validation, code, message).with_advice(advice)
            }
            Self::Output { code, advice, .. } => {
                TaskError::new(ErrorClass::Execution, code, message).with_advice(advice)
            }
        }
    }
}
