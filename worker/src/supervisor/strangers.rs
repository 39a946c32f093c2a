//! What a supervisor that was killed leaves behind, where attempts have no users of their own.
//!
//! Such an attempt runs as the worker's user and can kill its supervisor; what it has put into a session of its own, with
//! another folder and an empty environment, nobody could recognise any more. So the worker is a subreaper too: what loses
//! its supervisor becomes the worker's own child. Below a supervisor that lives nothing ever does.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::prctl;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::tree;
use crate::error::{Error, Result};

/// The children of this process: which of them are supervisors, and which are nobody's.
#[derive(Debug)]
pub(super) struct Strangers {
    /// Children that this process had before it was a worker: whoever became it had started them.
    inherited: BTreeSet<Pid>,
    /// Whether a program of an attempt shows itself by what it cannot undo: it may gain no privileges.
    marked: bool,
    supervisors: Mutex<BTreeSet<Pid>>,
}

impl Strangers {
    /// From now on what loses its supervisor becomes a child of this process.
    pub(super) fn adopt() -> Result<Self> {
        let inherited = children();
        prctl::set_child_subreaper(true)
            .map_err(|errno| Error::io("become the reaper of what loses its supervisor", &errno.into()))?;
        let own = std::process::id().cast_signed();
        Ok(Self { inherited, marked: !gains_nothing(own), supervisors: Mutex::default() })
    }

    /// Starts a supervisor by `start`. No search goes on meanwhile, so that it is never taken for a stranger.
    pub(super) fn starting<T>(
        &self,
        start: impl FnOnce() -> std::io::Result<T>,
        id: impl FnOnce(&T) -> u32,
    ) -> std::io::Result<T> {
        let mut supervisors = self.supervisors();
        let started = start()?;
        supervisors.insert(Pid::from_raw(id(&started).cast_signed()));
        Ok(started)
    }

    /// A supervisor has ended and was waited for.
    pub(super) fn ended(&self, id: u32) {
        self.supervisors().remove(&Pid::from_raw(id.cast_signed()));
    }

    /// Ends everything that belongs to no living supervisor; gives back how many would not die.
    pub(super) fn end(&self) -> u32 {
        tree::kill_found(|| self.find())
    }

    /// Strangers and all below them; one that has ended is cleared away.
    fn find(&self) -> BTreeSet<Pid> {
        let supervisors = self.supervisors();
        let strange = children().into_iter().filter(|child| !supervisors.contains(child) && self.is_strange(*child));
        let living = |child: &Pid| {
            let waited = waitpid(*child, Some(WaitPidFlag::WNOHANG));
            !matches!(waited, Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(nix::Error::ECHILD))
        };
        let mut open: Vec<Pid> = strange.filter(living).collect();
        let mut found = BTreeSet::new();
        while let Some(process) = open.pop() {
            if found.insert(process) {
                open.extend(tree::children(process.as_raw()).into_iter().map(Pid::from_raw));
            }
        }
        found
    }

    fn is_strange(&self, child: Pid) -> bool {
        if self.inherited.contains(&child) {
            return false;
        }
        if self.marked { gains_nothing(child.as_raw()) } else { self.inherited.is_empty() }
    }

    fn supervisors(&self) -> MutexGuard<'_, BTreeSet<Pid>> {
        self.supervisors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn children() -> BTreeSet<Pid> {
    tree::children(std::process::id().cast_signed()).into_iter().map(Pid::from_raw).collect()
}

/// Whether a process may gain no privileges, which nothing takes back and everything below it inherits.
fn gains_nothing(process: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("NoNewPrivs:").is_some_and(|flag| flag.trim() == "1"))
}
