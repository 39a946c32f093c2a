//! Somebody's code, run so that nothing of it outlives its attempt.
//!
//! ```text
//! worker ──orders──▶ supervisor ──orders──▶ the process that becomes the program
//!    ▲   ◀──ended──      │ subreaper of all that the program starts; ends with the worker
//!    └───stdout, stderr──┴───────────────────────────────────────────┘
//! ```
//!
//! Both inner processes are this binary itself, started again with a first argument of ours: whoever uses this crate calls
//! [`enter_if_asked`] first thing in `main`. Knows processes, users and limits; deliberately does not know what a program's
//! end means.

mod capture;
mod clock;
mod enter;
mod identity;
mod launch;
mod orders;
mod strangers;
mod tree;
mod watch;

use std::process::ExitCode;

pub use capture::Captured;
pub use identity::{USERS, USERS_FIRST};
pub use launch::{Ending, How, Program, Supervisor};
pub use orders::{Cause, Ended, Refusal, Status};

/// First argument of a supervisor.
const SUPERVISE: &str = "__supervise";
/// First argument of a process on its way into a program.
const ENTER: &str = "__enter";

/// Does what a supervisor does and gives its exit code, when this process was started as one; otherwise gives `None` at once.
/// Call it first thing in `main`, before any thread starts.
pub fn enter_if_asked() -> Option<ExitCode> {
    match std::env::args_os().nth(1)?.to_str()? {
        SUPERVISE => Some(watch::supervise()),
        ENTER => Some(enter::enter()),
        _ => None,
    }
}

/// Keeps this process's memory and environment from programs of the same user. For a worker that is not root: there, attempts
/// run as the worker's own user and could read its secrets below `/proc`. Core dumps and debuggers end with it.
pub fn hide_from_own_user() -> crate::error::Result<()> {
    nix::sys::prctl::set_dumpable(false).map_err(|errno| crate::Error::io("hide the worker's memory", &errno.into()))
}
