//! How it stands with a server that a service depends on, for whoever shows it.

/// The state of a link to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It serves.
    Up,
    /// It is there and takes nothing more for now.
    Blocked {
        /// What it says.
        reason: String,
    },
    /// It is not there, or is not fit to be used.
    Down {
        /// Why.
        reason: String,
    },
}
