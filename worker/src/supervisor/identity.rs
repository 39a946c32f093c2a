//! Users for attempts: when the worker runs as root, each running attempt gets an unprivileged user id of its own.
//!
//! Process limits count by user, so two attempts at once must never share one, not even attempts of two workers on the same
//! machine: each id has a lock file that all workers of the machine know.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::tree;
use crate::error::{Error, Result};

/// The first user id for attempts. Nobody should have files or processes under these.
pub const USERS_FIRST: u32 = 64_000;
/// How many user ids there are for attempts: more than any machine runs at once.
pub const USERS: u32 = 1_000;
/// Says in a lock file that its attempt has not been cleaned up.
const HELD: &[u8] = b"held\n";

/// Capabilities without which root cannot give an attempt a user of its own: chown, kill, setgid, setuid.
const CAPABILITIES_NEEDED: u64 = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 7;

/// The users of this machine for attempts.
#[derive(Debug)]
pub(super) struct Identities {
    folder: PathBuf,
    next: AtomicU32,
}

/// A user id that is one attempt's alone as long as this value lives.
#[derive(Debug)]
pub(super) struct Identity {
    id: u32,
    lock: File,
    marked: bool,
}

impl Identities {
    /// The users, when this process may give them out; otherwise why not.
    pub(super) fn open() -> Result<std::result::Result<Self, &'static str>> {
        if !nix::unistd::Uid::effective().is_root() {
            return Ok(Err("the worker does not run as root"));
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let effective = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
        if effective & CAPABILITIES_NEEDED != CAPABILITIES_NEEDED {
            return Ok(Err("the worker is root without the capabilities to change users"));
        }
        if !maps_users(&fs::read_to_string("/proc/self/uid_map").unwrap_or_default()) {
            return Ok(Err("the worker is root of a namespace that has no other users"));
        }
        let folder = lock_folder(&[Path::new("/run"), &std::env::temp_dir()])?;
        end_forgotten(&folder);
        Ok(Ok(Self { folder, next: AtomicU32::new(std::process::id().wrapping_mul(7)) }))
    }

    /// A user id that no other attempt on this machine has.
    pub(super) fn acquire(&self) -> Result<Identity> {
        for _ in 0..USERS {
            let id = USERS_FIRST + self.next.fetch_add(1, Ordering::Relaxed) % USERS;
            if let Some(identity) = self.try_acquire(id)? {
                return Ok(identity);
            }
        }
        Err(Error::NoUser { first: USERS_FIRST, count: USERS })
    }

    fn try_acquire(&self, id: u32) -> Result<Option<Identity>> {
        let path = self.folder.join(id.to_string());
        let open = || -> std::io::Result<Option<File>> {
            let mut lock =
                File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            if lock.try_lock().is_err() {
                return Ok(None);
            }
            let mut found = Vec::new();
            lock.read_to_end(&mut found)?;
            // Its last worker died, and perhaps the supervisor with it: nobody else ends what it left.
            if found == HELD && end_all_of(id) > 0 {
                return Ok(None);
            }
            lock.set_len(0)?;
            lock.rewind()?;
            lock.write_all(HELD)?;
            Ok(Some(lock))
        };
        let lock = open().map_err(|error| Error::io(format!("lock {}", path.display()), &error))?;
        Ok(lock.map(|lock| Identity { id, lock, marked: false }))
    }
}

impl Identity {
    /// The user id, which is also the group id.
    pub(super) const fn id(&self) -> u32 {
        self.id
    }

    /// Processes of this user are left: the next one to take the id must look for them.
    pub(super) const fn keep_marked(&mut self) {
        self.marked = true;
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        // Where this fails the next one to take the id looks for living processes first; nothing is lost.
        if !self.marked {
            let _ = self.lock.set_len(0);
        }
    }
}

/// Ends what attempts left whose worker was killed together with their supervisors, so that nothing of them runs beside
/// what is begun again. Their users are those that nobody holds and that were never given back.
fn end_forgotten(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        let Some(id) = id.filter(|id| (USERS_FIRST..USERS_FIRST + USERS).contains(id)) else { continue };
        end_if_forgotten(&entry.path(), id);
    }
}

fn end_if_forgotten(path: &Path, id: u32) {
    let Ok(mut lock) = File::options().read(true).write(true).open(path) else { return };
    let mut found = Vec::new();
    if lock.try_lock().is_err() || lock.read_to_end(&mut found).is_err() || found != HELD {
        return;
    }
    let left = end_all_of(id);
    if left > 0 {
        tracing::error!(user = id, left, "processes of a forgotten attempt could not be killed");
    } else if let Err(error) = lock.set_len(0) {
        tracing::warn!(user = id, %error, "a user id could not be given back");
    }
}

/// Ends every process of this user; gives back how many would not die.
fn end_all_of(id: u32) -> u32 {
    tree::kill_found(|| tree::everybody(|process| tree::runs_as(process, id)))
}

/// Whether a map of user ids has all the users for attempts, each as one range.
fn maps_users(map: &str) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().filter_map(|number| number.parse::<u64>().ok());
        let (Some(inside), Some(_), Some(count)) = (numbers.next(), numbers.next(), numbers.next()) else {
            return false;
        };
        inside <= u64::from(USERS_FIRST) && inside + count >= u64::from(USERS_FIRST + USERS)
    })
}

/// A folder that only root can write to, in the first of these places that lets us.
fn lock_folder(places: &[&Path]) -> Result<PathBuf> {
    let mut last = None;
    for place in places {
        let folder = place.join("candor-users");
        let made = DirBuilder::new().mode(0o700).create(&folder);
        let made = match made {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        };
        let checked = made.and_then(|()| {
            let found = fs::symlink_metadata(&folder)?;
            if !found.is_dir() || found.uid() != 0 {
                return Err(std::io::Error::other("it is not a folder of root"));
            }
            fs::set_permissions(&folder, Permissions::from_mode(0o700))
        });
        match checked {
            Ok(()) => return Ok(folder),
            Err(error) => last = Some(Error::io(format!("use {}", folder.display()), &error)),
        }
    }
    Err(last.unwrap_or(Error::NoUser { first: USERS_FIRST, count: USERS }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No attempt ever has this user.
    const NOBODYS: u32 = USERS_FIRST + USERS + 321;

    #[test]
    fn what_a_killed_worker_and_its_supervisor_left_is_ended_and_what_somebody_holds_is_not() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NOBODYS.to_string());
        fs::write(&path, HELD).unwrap();
        let mut left = std::os::unix::process::CommandExt::uid(std::process::Command::new("sleep").arg("300"), NOBODYS)
            .current_dir("/")
            .spawn()
            .unwrap();
        let holder = File::options().read(true).write(true).open(&path).unwrap();
        holder.try_lock().unwrap();
        end_if_forgotten(&path, NOBODYS);
        assert!(left.try_wait().unwrap().is_none(), "what somebody holds was ended");
        drop(holder);
        end_if_forgotten(&path, NOBODYS);
        assert!(!left.wait().unwrap().success());
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_namespace_with_too_few_users_is_noticed() {
        assert!(maps_users("         0          0 4294967295\n"));
        assert!(maps_users("0 100000 65536\n"));
        assert!(!maps_users("0 1000 1\n"));
        assert!(!maps_users("0 100000 64500\n"));
        assert!(!maps_users(""));
    }
}
