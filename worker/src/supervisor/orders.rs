//! What worker, supervisor and the process on its way into the program tell each other: one JSON text a line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a supervisor is to run. Travels on its standard input, never in arguments or environment, where others could read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    /// Process id of who gives the orders.
    pub(super) from: i32,
    /// A path, or a name that is looked up in the environment's `PATH`.
    pub(super) program: String,
    /// Its arguments, without its name.
    pub(super) arguments: Vec<String>,
    /// Its whole environment.
    pub(super) environment: BTreeMap<String, String>,
    /// Where it starts.
    pub(super) directory: PathBuf,
    /// A file that it reads as standard input; `None` is an empty one.
    pub(super) stdin: Option<PathBuf>,
    /// The user and group that it runs as; `None` leaves both as they are.
    pub(super) identity: Option<u32>,
    /// What it may use.
    pub(super) bounds: Bounds,
    /// Milliseconds until it must have ended.
    pub(super) timeout_ms: u64,
}

/// Limits of a program, in the kernel's units.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Bounds {
    /// Address space of each process, in bytes.
    pub(super) memory_bytes: u64,
    /// Processor time of each process, in seconds.
    pub(super) cpu_seconds: u64,
    /// Largest file, in bytes.
    pub(super) file_bytes: u64,
    /// Open files of each process.
    pub(super) files: u64,
    /// Processes and threads of its user at once.
    pub(super) processes: u64,
    /// Cores it may run on at once; `None` is all of them.
    pub(super) cores: Option<u32>,
    /// Which cores: those from this one on, so that attempts do not all sit on the first.
    pub(super) first_core: u32,
}

/// What a supervisor says before it ends. One such line is all it ever says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// The program did not start.
    NotStarted(Refusal),
    /// The program ended, and nothing that it started is left.
    Ended(Ended),
}

/// Why a program did not start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was tried.
    pub step: String,
    /// What the system said.
    pub reason: String,
    /// Whether the program itself is the matter: it is not there, or cannot be executed.
    pub program: bool,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// What the program said by its end.
    pub status: Status,
    /// Why it was killed, when it was.
    pub cause: Option<Cause>,
    /// Processor time of all its processes, in milliseconds.
    pub cpu_ms: u64,
    /// Largest resident set of any of its processes, in bytes.
    pub max_rss_bytes: u64,
    /// Processes that could not be killed, because the kernel holds them.
    pub survivors: u32,
}

/// What a program said by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
}

/// Why a program was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Its time was up.
    Timeout,
    /// Its worker said so.
    Stopped,
    /// Its worker is gone.
    Orphaned,
}
