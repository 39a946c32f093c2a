//! Putting a file where it belongs in one step, and cleaning up after those who died before that step.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::error::{Error, Result};

/// Below the root: one folder a process, for what it has not finished.
pub const DESKS: &str = "tmp";
/// In a desk: locked as long as its process lives.
const ALIVE: &str = "alive";
/// Below the root: locked while a desk is set up or cleared away.
pub const DOOR: &str = "tmp.lock";
/// What was stored may be read by everybody and written by nobody.
const READ_ONLY: u32 = 0o444;

/// Where one process writes what is not finished.
#[derive(Debug)]
pub(super) struct Desk {
    folder: PathBuf,
    _alive: File,
}

impl Desk {
    /// A desk of its own; `None` when somebody else holds the door just now. Those of dead processes are cleared away.
    pub(super) fn open(root: &Path) -> Result<Option<Self>> {
        let desks = made(&root.join(DESKS))?;
        // Whoever sets up a desk holds the door, so nobody clears it away before its lock is taken.
        let Some(_door) = locked(&root.join(DOOR))? else { return Ok(None) };
        clear(&desks);
        let folder = made(&desks.join(Uuid::now_v7().simple().to_string()))?;
        let alive = locked(&folder.join(ALIVE))?;
        Ok(alive.map(|alive| Self { folder, _alive: alive }))
    }

    /// A new file to write to.
    pub(super) fn draft(&self) -> Result<Draft> {
        let path = self.folder.join(Uuid::now_v7().simple().to_string());
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| Error::io(format!("making {}", path.display()), &error))?;
        Ok(Draft { file, path, placed: false })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // What cannot be removed now is cleared away by whoever opens the folder next.
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::debug!(path = %self.folder.display(), %error, "the desk stays");
        }
    }
}

/// Removes the desks whose processes are dead.
fn clear(desks: &Path) {
    for desk in fs::read_dir(desks).into_iter().flatten().flatten() {
        let dead = match File::open(desk.path().join(ALIVE)) {
            Ok(alive) => match alive.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
            },
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        // A desk that cannot be removed costs room, nothing else.
        if dead && let Err(error) = fs::remove_dir_all(desk.path()) {
            tracing::warn!(path = %desk.path().display(), %error, "cannot clear up after a dead process");
        }
    }
}

/// A file that is not finished. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Draft {
    file: File,
    path: PathBuf,
    placed: bool,
}

impl Draft {
    /// Where to write.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// What failed, said with the path.
    pub(super) fn failed(&self, error: &io::Error) -> Error {
        Error::io(format!("writing {}", self.path.display()), error)
    }

    /// Puts it where it belongs, in one step and durably. Whatever was there is replaced.
    pub(super) fn place(mut self, to: &Path) -> Result<()> {
        let finish = || {
            self.file.set_permissions(Permissions::from_mode(READ_ONLY))?;
            self.file.sync_all()
        };
        finish().map_err(|error| self.failed(&error))?;
        let folder = to.parent().unwrap_or(Path::new("."));
        made(folder)?;
        fs::rename(&self.path, to).map_err(|error| Error::io(format!("storing {}", to.display()), &error))?;
        self.placed = true;
        sync_folder(folder)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.placed
            && let Err(error) = fs::remove_file(&self.path)
        {
            // It goes with the desk at the latest.
            tracing::debug!(path = %self.path.display(), %error, "a draft stays");
        }
    }
}

/// The folder, made where it is missing.
pub(super) fn made(folder: &Path) -> Result<PathBuf> {
    if !folder.is_dir() {
        fs::create_dir_all(folder).map_err(|error| Error::io(format!("making {}", folder.display()), &error))?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
    }
    Ok(folder.to_owned())
}

/// A lock on this file, which is made where it is missing; `None` when somebody else holds it.
/// It ends when the file is dropped, and with the process.
pub(super) fn locked(path: &Path) -> Result<Option<File>> {
    let failed = |error: io::Error| Error::io(format!("locking {}", path.display()), &error);
    let opening = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = opening.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// A name is durable only when its folder is.
fn sync_folder(folder: &Path) -> Result<()> {
    let syncing = File::open(folder).and_then(|folder| folder.sync_all());
    syncing.map_err(|error| Error::io(format!("syncing {}", folder.display()), &error))
}
