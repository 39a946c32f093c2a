//! Who works in a run directory, and what somebody needs who goes on with it.
//!
//! The claim is a lock on the request's file: the system lets it go with the process that holds it, however that ends.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use candor_platform::runtime;
use candor_proto::JobId;
use candor_proto::message::JobRequest;
use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::failure::{Code, Failure};

/// Between two tries for the lock, in milliseconds.
const RETRY_MS: u64 = 20;

/// What a resumption needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Unfinished {
    format: u32,
    /// The job.
    pub(crate) job: JobId,
    /// The request, with digests instead of bodies.
    pub(crate) request: JobRequest,
    /// Pools that the workflow's tasks name.
    pub(crate) pools: Vec<String>,
    /// Where the installed actions' declarations lie.
    #[serde(default)]
    pub(crate) actions_dir: Option<PathBuf>,
    /// The absolute paths that its tasks may use, and what lies below them.
    #[serde(default)]
    pub(crate) allow_paths: Vec<PathBuf>,
}

impl Unfinished {
    /// What a resumption of this request needs.
    pub(crate) fn new(job: JobId, request: JobRequest, pools: Vec<String>, actions_dir: Option<PathBuf>) -> Self {
        Self { format: FORMAT, job, request, pools, actions_dir, allow_paths: Vec::new() }
    }

    /// The same with absolute paths that its tasks may use.
    pub(crate) fn allowing(self, allow_paths: Vec<PathBuf>) -> Self {
        Self { allow_paths, ..self }
    }
}

/// Who comes to a run directory finds it so.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// The job has not ended.
    Unfinished(Box<Unfinished>),
    /// The answer stands.
    Finished,
}

/// Nobody else works in the run directory.
#[derive(Debug)]
pub(super) struct Claim {
    _locked: File,
}

impl Claim {
    /// Makes the file and takes it; `None` when it was removed meanwhile.
    pub(super) fn first(request: &Path) -> Result<Option<Self>, Failure> {
        let wrong = |error: std::io::Error| Failure::disk("could not create", request, &error);
        let file = match File::options().read(true).write(true).create(true).truncate(false).open(request) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error)),
        };
        // Whoever clears up holds it for a moment only.
        file.lock().map_err(wrong)?;
        Ok(request.exists().then_some(Self { _locked: file }))
    }

    /// Takes it, with what the file holds; `None` when there is no such file.
    pub(super) async fn take(request: &Path, wait_ms: u64) -> Result<Option<(Self, Vec<u8>)>, Failure> {
        let mut waited_ms = 0;
        loop {
            let mut file = match File::options().read(true).write(true).open(request) {
                Ok(file) => file,
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    return Ok(None);
                }
                Err(error) => return Err(Failure::disk("could not open", request, &error)),
            };
            match file.try_lock() {
                // Removed while it was waited for: look again.
                Ok(()) if !request.exists() => {}
                Ok(()) => {
                    let mut bytes = Vec::new();
                    let read = file.read_to_end(&mut bytes);
                    read.map_err(|error| Failure::disk("could not read", request, &error))?;
                    return Ok(Some((Self { _locked: file }, bytes)));
                }
                Err(TryLockError::WouldBlock) if waited_ms < wait_ms => {
                    runtime::sleep(RETRY_MS).await;
                    waited_ms += RETRY_MS;
                }
                Err(TryLockError::WouldBlock) => {
                    let folder = request.ancestors().nth(2).unwrap_or(request);
                    let message = format!("another process works in {}", folder.display());
                    return Err(Failure::store(Code::InUse, message)
                        .advice("wait until the other process has ended, or end it"));
                }
                Err(TryLockError::Error(error)) => return Err(Failure::disk("could not lock", request, &error)),
            }
        }
    }
}

/// Whether the process that made a request's file is dead.
pub(super) fn dead(request: &Path) -> bool {
    File::options().read(true).write(true).open(request).is_ok_and(|file| file.try_lock().is_ok())
}

/// What the file of a request in this folder says.
pub(super) fn read(folder: &Path, bytes: &[u8]) -> Result<Unfinished, Failure> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let damaged = |error: serde_json::Error| {
        Failure::store(Code::DamagedRun, format!("the request in {} cannot be read: {error}", folder.display()))
            .advice("the file was changed or cut; start the workflow anew")
    };
    let Format { format } = serde_json::from_slice(bytes).map_err(damaged)?;
    if format > FORMAT {
        let shown = folder.display();
        return Err(Failure::newer(format!("{shown} has format {format}; this build reads up to {FORMAT}")));
    }
    serde_json::from_slice(bytes).map_err(damaged)
}
