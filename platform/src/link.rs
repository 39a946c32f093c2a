//! How the way to a server stands, for health checks and for commands that would rather fail than wait.

use crate::error::Error;

/// How the way to a server stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It can be used.
    Up,
    /// The server takes nothing new at the moment: it is short of memory or disk. What it has is still served.
    Blocked {
        /// What the server said.
        reason: String,
    },
    /// It cannot be used; somebody keeps trying.
    Down {
        /// Why.
        reason: Error,
    },
}

impl Link {
    /// Whether it can be used for everything.
    pub const fn is_up(&self) -> bool {
        match self {
            Self::Up => true,
            Self::Blocked { .. } | Self::Down { .. } => false,
        }
    }
}
