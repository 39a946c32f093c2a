//! Working directories: a fresh one for each attempt, in a folder of this worker's own, and nothing left behind.
//!
//! A lock file beside the folder says that its worker lives. A worker that starts removes the folders of those that do not.

use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::collect;
use crate::error::{Error, Result};

const PREFIX: &str = "candor-worker-";
const LOCK: &str = ".lock";
/// Levels of folders that are removed in one go: paths this deep always fit the kernel's 4,096 bytes.
const LEVELS: usize = 12;
/// Rounds of taking a very deep tree apart; each takes at least [`LEVELS`] levels off every branch.
const ROUNDS_MAX: usize = 100_000;

/// The folder of this worker.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    lock_path: PathBuf,
    /// Held as long as the worker lives.
    _lock: File,
}

impl Workspace {
    /// Makes the folder below `base`, by default the system's temporary directory, and removes those of dead workers there.
    /// A worker that is root gives attempts users of their own, who must be able to enter `base`.
    pub fn open(base: Option<&Path>) -> Result<Self> {
        let base = match base {
            Some(base) => base.to_owned(),
            None => default_base(),
        };
        let failed = |error: &std::io::Error| Error::io(format!("make {}", base.display()), error);
        fs::create_dir_all(&base).map_err(|error| failed(&error))?;
        // Attempts work elsewhere than the worker, so a relative path would mean another place to them; and what the
        // system says of a process names the true one.
        let base = base.canonicalize().map_err(|error| failed(&error))?;
        if let Some(folder) = closed_to_others(&base) {
            return Err(Error::Configuration(format!(
                "attempts cannot enter the work directory {}: {} is closed to other users; choose another with --work-dir, or run `chmod o+x` on it",
                base.display(),
                folder.display()
            )));
        }
        remove_stale(&base);
        loop {
            let name = format!("{PREFIX}{}", Uuid::new_v4().simple());
            let (folder, lock_path) = (base.join(&name), base.join(format!("{name}{LOCK}")));
            let failed = |error: &std::io::Error| Error::io(format!("make {}", folder.display()), error);
            let lock = File::options().write(true).create_new(true).mode(0o600).open(&lock_path);
            let lock = lock.map_err(|error| failed(&error))?;
            // Between these two lines another worker may have taken it for a dead one's.
            if lock.try_lock().is_err() || fs::metadata(&lock_path).is_err() {
                continue;
            }
            DirBuilder::new().mode(0o711).create(&folder).map_err(|error| failed(&error))?;
            // Through it attempts reach their own folders, but nobody can list it.
            fs::set_permissions(&folder, Permissions::from_mode(0o711)).map_err(|error| failed(&error))?;
            return Ok(Self { folder, lock_path, _lock: lock });
        }
    }

    /// The folder itself: only the worker can write to it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A fresh, empty directory for an attempt.
    pub fn make(&self, attempt: &str) -> Result<PathBuf> {
        let mut path = self.folder.join(attempt);
        let mut number = 2;
        loop {
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    path = self.folder.join(format!("{attempt}.{number}"));
                    number += 1;
                }
                // Without its name, which is another one in every attempt.
                Err(error) => return Err(Error::io("make the folder of the attempt", &error)),
            }
        }
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        remove_tree(&self.folder);
        // A lock file that stays is removed by the next worker.
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// The first of the usual places that attempts can enter.
fn default_base() -> PathBuf {
    let places = [std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    let open = places.iter().find(|place| place.is_dir() && closed_to_others(place).is_none());
    open.unwrap_or(&places[0]).clone()
}

/// A folder on the way to this one that a user without any rights cannot enter, where that matters: when this process is root.
fn closed_to_others(folder: &Path) -> Option<PathBuf> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let real = fs::canonicalize(folder).ok()?;
    let closed = |place: &&Path| fs::metadata(place).is_ok_and(|found| found.permissions().mode() & 0o001 == 0);
    real.ancestors().find(closed).map(Path::to_owned)
}

fn remove_stale(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(folder) = name.to_str().and_then(|name| name.strip_suffix(LOCK)).filter(|n| n.starts_with(PREFIX))
        else {
            continue;
        };
        let own = fs::symlink_metadata(entry.path())
            .is_ok_and(|found| found.is_file() && found.uid() == nix::unistd::geteuid().as_raw());
        if !own {
            continue;
        }
        let Ok(lock) = File::options().write(true).open(entry.path()) else { continue };
        if lock.try_lock().is_ok() {
            remove_tree(&base.join(folder));
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes a directory, whatever an attempt made of it. One too deep for a path or for the open files of a process is taken apart from the top.
pub fn remove_tree(root: &Path) {
    // Nearly always nothing stands in the way.
    if fs::remove_dir_all(root).is_err() {
        take_apart(root);
    }
}

fn take_apart(root: &Path) {
    let mut left = vec![root.to_owned()];
    for round in 0..ROUNDS_MAX {
        let Some(tree) = left.pop() else { return };
        collect::unlock(&tree);
        let deep = walkdir::WalkDir::new(&tree).follow_links(false).min_depth(LEVELS).max_depth(LEVELS);
        for (number, entry) in deep.into_iter().flatten().enumerate() {
            let moved = root.with_extension(format!("deep-{round}-{number}"));
            if entry.file_type().is_dir() && fs::rename(entry.path(), &moved).is_ok() {
                left.push(moved);
            }
        }
        match fs::remove_dir_all(&tree) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(path = %tree.display(), %error, "a working directory could not be removed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> tempfile::TempDir {
        let base = tempfile::tempdir().unwrap();
        fs::set_permissions(base.path(), Permissions::from_mode(0o711)).unwrap();
        base
    }

    #[test]
    fn a_base_that_attempts_cannot_enter_is_refused() {
        let closed = tempfile::tempdir().unwrap();
        fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
        let opened = Workspace::open(Some(&closed.path().join("below")));
        if nix::unistd::geteuid().is_root() {
            let error = opened.unwrap_err().to_string();
            assert!(error.contains(&closed.path().display().to_string()) && error.contains("--work-dir"), "{error}");
        } else {
            opened.unwrap();
        }
    }

    #[test]
    fn the_folder_is_named_by_its_true_place_however_it_was_named() {
        let base = base();
        std::os::unix::fs::symlink(base.path(), base.path().join("link")).unwrap();
        let workspace = Workspace::open(Some(&base.path().join("link/./a/../a"))).unwrap();
        assert!(workspace.folder().starts_with(base.path().canonicalize().unwrap().join("a")));
        assert!(workspace.folder().is_absolute());
    }

    #[test]
    fn a_directory_is_gone_whatever_lies_in_it() {
        let base = base();
        let workspace = Workspace::open(Some(base.path())).unwrap();
        let directory = workspace.make("try_1").unwrap();
        assert_ne!(workspace.make("try_1").unwrap(), directory);
        let outside = base.path().join("outside");
        fs::write(&outside, "stays").unwrap();
        std::os::unix::fs::symlink(&outside, directory.join("link")).unwrap();
        std::os::unix::fs::symlink(base.path(), directory.join("up")).unwrap();
        let mut deep = directory.clone();
        for _ in 0..LEVELS * 3 {
            deep.push("a".repeat(100));
            if fs::create_dir(&deep).is_err() {
                break;
            }
        }
        fs::create_dir(directory.join("locked")).unwrap();
        fs::write(directory.join("locked/file"), "x").unwrap();
        fs::set_permissions(directory.join("locked"), Permissions::from_mode(0o000)).unwrap();
        remove_tree(&directory);
        assert!(!directory.exists());
        assert_eq!(fs::read_to_string(&outside).unwrap(), "stays");
        let folder = workspace.folder().to_owned();
        drop(workspace);
        assert!(!folder.exists());
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_of_dead_workers_are_removed_and_those_of_living_ones_stay() {
        let base = base();
        let living = Workspace::open(Some(base.path())).unwrap();
        let dead = base.path().join(format!("{PREFIX}dead"));
        fs::create_dir_all(dead.join("try_1")).unwrap();
        fs::write(base.path().join(format!("{PREFIX}dead{LOCK}")), "").unwrap();
        let other = Workspace::open(Some(base.path())).unwrap();
        assert!(!dead.exists());
        assert!(living.folder().exists() && other.folder().exists());
    }
}
