//! How the work of an action can stop short of an outcome of its own.

use candor_platform::runtime;
use candor_proto::{ErrorClass, Outcome, TaskError};

use super::Stop;

/// Why the work ended before it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// It was told to stop.
    Cancelled,
    /// Something is wrong.
    Failed(TaskError),
}

impl From<TaskError> for Halt {
    fn from(error: TaskError) -> Self {
        Self::Failed(error)
    }
}

impl From<Halt> for Outcome {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Cancelled => Self::Cancelled,
            Halt::Failed(error) => Self::Fail { error },
        }
    }
}

impl Stop {
    /// `Err` when the attempt must end; for `?` in loops.
    pub fn check(&self) -> Result<(), Halt> {
        if self.is_set() { Err(Halt::Cancelled) } else { Ok(()) }
    }
}

/// Runs work that blocks on a thread made for that. A panic there is an error like any other.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, Halt>
where
    F: FnOnce() -> Result<T, Halt> + Send + 'static,
    T: Send + 'static,
{
    runtime::blocking(work).await.unwrap_or_else(|| {
        let message = "the action panicked, which is a mistake in this build";
        Err(TaskError::new(ErrorClass::System, "panic", message).into())
    })
}
