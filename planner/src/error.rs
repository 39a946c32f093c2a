//! What can keep a planner from its work.

/// Why requests are not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Broker or artifacts.
    #[error(transparent)]
    Platform(#[from] candor_platform::Error),
}
