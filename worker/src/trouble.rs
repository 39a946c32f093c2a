//! What keeps the worker itself from carrying attempts out, for whoever wants to know: its own disk.
//!
//! A full disk says nothing about a task. An attempt that meets one in the worker's own places (artifacts, working
//! directories, what waits to be stored) has no outcome: it is given back, and comes again.

use std::sync::Arc;

use candor_platform::Error as PlatformError;
use candor_platform::runtime::sync::watch;
use candor_proto::{ErrorClass, TaskError};
use nix::errno::Errno;

/// The code of an error of the worker's own disk. Together with the class `system` no program can give it.
const CODE: &str = "worker_disk";

/// The worker's own disk is full, cannot be written to, or fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// What was tried, and what the system said.
    pub message: String,
}

impl Trouble {
    /// What an error of an attempt says about the worker's own disk.
    pub(crate) fn of(error: &TaskError) -> Option<Self> {
        let own = error.class == ErrorClass::System && error.code == CODE;
        own.then(|| Self { message: error.message.clone() })
    }

    /// An error by which an action says so on its way out.
    pub(crate) fn error(message: impl Into<String>) -> TaskError {
        TaskError::new(ErrorClass::System, CODE, message)
    }
}

/// Whether this is a disk that does not let us, and not a wrong name.
pub(crate) fn is_of_disk(number: i32) -> bool {
    matches!(Errno::from_raw(number), Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS | Errno::EIO)
}

/// Whether the artifacts met such a disk. Their error is a text, at whose end the system's number stands.
pub(crate) fn stopped_artifacts(error: &PlatformError) -> bool {
    let PlatformError::Io { reason, .. } = error else { return false };
    let number = reason.strip_suffix(')').and_then(|reason| reason.rsplit_once("(os error ")).map(|(_, number)| number);
    number.and_then(|number| number.parse().ok()).is_some_and(is_of_disk)
}

/// The trouble of a worker. Cloned, it is the same.
#[derive(Clone, Debug)]
pub(crate) struct Troubles(Arc<watch::Sender<Option<Trouble>>>);

impl Troubles {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Option<Trouble>> {
        self.0.subscribe()
    }

    /// This keeps the worker from its work.
    pub(crate) fn met(&self, trouble: Trouble) {
        self.0.send_replace(Some(trouble));
    }

    /// Nothing does any more.
    pub(crate) fn over(&self) {
        self.0.send_if_modified(|present| present.take().is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_disk_that_does_not_let_us_is_trouble() {
        for (number, is) in [
            (Errno::ENOSPC, true),
            (Errno::EDQUOT, true),
            (Errno::EROFS, true),
            (Errno::EIO, true),
            (Errno::ENOENT, false),
        ] {
            let error = std::io::Error::from_raw_os_error(number as i32);
            assert_eq!(stopped_artifacts(&PlatformError::io("write", &error)), is, "{number}");
        }
        assert!(!stopped_artifacts(&PlatformError::Io { what: "x".into(), reason: "too long".into() }));
        assert_eq!(Trouble::of(&TaskError::new(ErrorClass::Execution, CODE, "said by a program")), None);
    }
}
