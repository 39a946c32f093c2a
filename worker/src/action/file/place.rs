//! Putting a file at an absolute path so that nobody ever sees a part of it.
//!
//! The bytes go into a temporary file in the same folder, reach the disk, are compared with their digest and only then
//! take the name. The temporary file says which work it belongs to, so that a repetition finds and removes what an
//! attempt that died left behind.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use candor_platform::artifacts::Stored;
use candor_proto::{ErrorClass, Sha256, TaskError};

use crate::action::{Context, Halt, Stop};
use crate::checksum::{self, CHUNK_BYTES, Checksum};
use crate::disk;

/// Permissions of a file that has no predecessor and no source to take them from.
const MODE: u32 = 0o644;

/// The permission bits of a mode; the rest is never passed on, above all no set-user-id.
const MODE_BITS: u32 = 0o777;

/// Where a file shall be.
pub(super) struct Place {
    path: PathBuf,
    temporary: PathBuf,
    /// The beginning of the names of this work's temporary files.
    prefix: String,
    stop: Stop,
}

/// What the file shall be.
pub(super) struct Wanted {
    /// Its digest, where that is known before.
    pub(super) sha256: Option<Sha256>,
    /// Whether it is read again after it was written.
    pub(super) verify: bool,
    /// Permission bits of what it is a copy of.
    pub(super) mode: Option<u32>,
}

/// Removes the temporary file unless it has taken its name.
struct Guard<'a>(Option<&'a Path>);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0
            && let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "a temporary file could not be removed");
        }
    }
}

impl Place {
    /// A place whose folder exists and may be used; see [`crate::source::allowed_place`].
    pub(super) fn new(context: &Context, path: PathBuf) -> Result<Self, TaskError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let work = Sha256::of(format!("{name}\n{}", context.idempotency_key).as_bytes()).to_string();
        let prefix = format!(".candor-{}-", &work[..16]);
        let temporary = path.with_file_name(format!("{prefix}{}", context.attempt.uuid().simple()));
        if path.is_dir() {
            let message = format!("cannot write {}: it is a folder", path.display());
            return Err(TaskError::new(ErrorClass::Validation, "is_folder", message).with_advice("name a file in it"));
        }
        Ok(Self { path, temporary, prefix, stop: context.stop.clone() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes everything that `input` gives.
    pub(super) fn fill(&self, input: impl Read, wanted: &Wanted) -> Result<Stored, Halt> {
        self.remove_left_behind();
        let failed = |error: io::Error| disk::fault(format!("cannot write {}", self.path.display()), &error);
        let guard = Guard(Some(&self.temporary));
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.temporary).map_err(failed)?;
        let stored = self.pour(input, &mut file)?;
        self.compare(wanted.sha256.unwrap_or(stored.sha256), stored.sha256)?;
        let existing = fs::symlink_metadata(&self.path).ok().filter(fs::Metadata::is_file);
        let mode = existing.map(|existing| existing.permissions().mode()).or(wanted.mode).unwrap_or(MODE);
        file.set_permissions(Permissions::from_mode(mode & MODE_BITS)).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        if wanted.verify {
            let (found, _) = checksum::of_file(&self.temporary, &self.stop)?;
            self.compare(stored.sha256, found)?;
        }
        fs::rename(&self.temporary, &self.path).map_err(failed)?;
        std::mem::forget(guard);
        self.sync_folder().map_err(failed)?;
        Ok(stored)
    }

    fn pour(&self, input: impl Read, file: &mut File) -> Result<Stored, Halt> {
        let mut input = Checksum::new(input);
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            self.stop.check()?;
            let read = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(disk::fault("cannot read the source", &error).into()),
            };
            let written = file.write_all(&buffer[..read]);
            written.map_err(|error| disk::fault(format!("cannot write {}", self.path.display()), &error))?;
        }
        let (sha256, bytes) = input.finish();
        Ok(Stored { sha256, bytes })
    }

    fn compare(&self, wanted: Sha256, found: Sha256) -> Result<(), TaskError> {
        let name = || self.path.display().to_string();
        if wanted == found { Ok(()) } else { Err(checksum::mismatch(&name(), wanted, found)) }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Temporary files of earlier attempts at the same work. What cannot be removed does no harm to this attempt.
    fn remove_left_behind(&self) {
        let Ok(entries) = fs::read_dir(self.folder()) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&self.prefix) {
                drop(Guard(Some(&entry.path())));
            }
        }
    }

    /// The new name reaches the disk with its folder.
    fn sync_folder(&self) -> io::Result<()> {
        File::open(self.folder())?.sync_all()
    }
}
