//! Opening the file: who has it, whether it is whole, and what the system's errors mean.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError, Durability, StorageBackend, WriteTransaction};

use super::tables::{self, Trouble};
use crate::error::{Error, Result};

/// Memory for pages of the file, in bytes: the hot ends of some logs. redb's own default is 1 GiB.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Files up to this size are checked whole when they are opened, in bytes: a fraction of a second.
const CHECKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A file that was never finished being made is at most so long, in bytes; redb begins with about one MiB.
const UNFINISHED_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Where redb's own header ends and its pages begin, in bytes.
const HEADER_BYTES: u64 = 4096;

type Opening = Box<dyn Fn(&Builder) -> std::result::Result<Database, DatabaseError> + Send>;

/// Opens the same store again and again: after a full disk redb wants to be opened anew.
pub(super) struct Opener {
    what: String,
    open: Opening,
}

impl Opener {
    pub(super) fn file(path: PathBuf) -> Self {
        Self { what: path.display().to_string(), open: Box::new(move |builder| open_file(builder, &path)) }
    }

    pub(super) fn backend<B: StorageBackend>(name: &str, backend: impl Fn() -> io::Result<B> + Send + 'static) -> Self {
        Self { what: name.to_owned(), open: Box::new(move |builder| builder.create_with_backend(backend()?)) }
    }

    pub(super) fn what(&self) -> &str {
        &self.what
    }

    /// The open database, its format checked.
    pub(super) fn open(&self) -> Result<Database> {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let database = (self.open)(&builder).map_err(|error| self.error("opening", error.into()))?;
        let transaction = self.begin(&database)?;
        match tables::prepare(&transaction, &self.what) {
            Ok(()) => transaction.commit().map_err(|error| self.error("opening", error.into()))?,
            Err(trouble) => return Err(self.trouble("opening", trouble)),
        }
        Ok(database)
    }

    /// A write transaction that is on the disk when its commit returns.
    pub(super) fn begin(&self, database: &Database) -> Result<WriteTransaction> {
        let mut transaction = database.begin_write().map_err(|error| self.error("writing", error.into()))?;
        transaction.set_durability(Durability::Immediate).map_err(|error| self.error("writing", error.into()))?;
        // After a kill the store opens at once instead of walking through the whole file.
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    pub(super) fn trouble(&self, doing: &str, trouble: Trouble) -> Error {
        match trouble {
            Trouble::Refused(error) => error,
            Trouble::File(error) => self.error(doing, *error),
        }
    }

    pub(super) fn error(&self, doing: &str, error: redb::Error) -> Error {
        let damaged = |reason: String| Error::Damaged { what: self.what.clone(), reason };
        match error {
            redb::Error::DatabaseAlreadyOpen => Error::InUse { path: self.what.clone() },
            redb::Error::UpgradeRequired(_) => damaged("it has an older format than this build reads".to_owned()),
            redb::Error::Io(error)
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                damaged(error.to_string())
            }
            redb::Error::Io(error) => Error::io(format!("{doing} {}", self.what), &error),
            redb::Error::PreviousIo => {
                Error::Io { what: format!("{doing} {}", self.what), reason: "an earlier write failed".to_owned() }
            }
            redb::Error::Corrupted(reason) => damaged(reason),
            // The library's list is open; what remains is about what the file holds, or about our own use of it.
            other => damaged(other.to_string()),
        }
    }
}

fn open_file(builder: &Builder, path: &Path) -> std::result::Result<Database, DatabaseError> {
    let fresh = !path.exists();
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file").into());
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(DatabaseError::DatabaseAlreadyOpen),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    if unfinished(&mut file)? {
        file.set_len(0)?;
    }
    let bytes = file.metadata()?.len();
    let mut database = builder.create_file(file)?;
    if fresh && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // Otherwise a power cut may take the name of a file whose bytes are safe.
        File::open(folder)?.sync_all()?;
    }
    if (1..=CHECKED_BYTES_MAX).contains(&bytes) && !database.check_integrity()? {
        tracing::warn!(path = %path.display(), "the store was repaired");
    }
    Ok(database)
}

/// Whether whoever made the file died before it was a database: redb writes its first bytes last.
/// Nothing was ever acknowledged from such a file. One with anything in its pages is damaged instead.
fn unfinished(file: &mut File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if length == 0 || length > UNFINISHED_BYTES_MAX {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let header = usize::try_from(HEADER_BYTES).unwrap_or(usize::MAX).min(bytes.len());
    let (header, pages) = bytes.split_at(header);
    Ok(header.iter().take(9).all(|byte| *byte == 0) && pages.iter().all(|byte| *byte == 0))
}
