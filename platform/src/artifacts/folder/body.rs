//! Bodies: stored under their digest, checked against it when they are read.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use candor_proto::Sha256;
use sha2::Digest;

use super::Place;
use super::writing::Draft;
use crate::artifacts::Stored;
use crate::error::{Error, Result};

/// How much of a file is copied at once, in bytes: memory does not grow with the file.
const PIECE_BYTES: usize = 128 * 1024;

fn path(place: &Place, sha256: Sha256) -> PathBuf {
    let text = sha256.to_string();
    let (shelf, name) = text.split_at(2);
    place.root.join(shelf).join(name)
}

/// Whether it is there in its full length. A shorter one is what a broken disk left, and is written again.
fn whole(path: &Path, bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == bytes)
}

pub(super) fn put(place: &Place, bytes: &[u8]) -> Result<Stored> {
    let stored = Stored { sha256: Sha256::of(bytes), bytes: bytes.len() as u64 };
    let to = path(place, stored.sha256);
    if whole(&to, stored.bytes) {
        return Ok(stored);
    }
    let mut draft = place.desk.draft()?;
    draft.file().write_all(bytes).map_err(|error| draft.failed(&error))?;
    draft.place(&to)?;
    Ok(stored)
}

pub(super) fn put_file(place: &Place, from: &Path) -> Result<Stored> {
    let unreadable = |error: io::Error| Error::io(format!("reading {}", from.display()), &error);
    // Looked at before it is opened: opening a pipe would wait for its other end.
    if !fs::metadata(from).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
    }
    let mut source = File::open(from).map_err(unreadable)?;
    let mut incoming = Incoming::new(place)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        incoming.write(piece.get(..count).unwrap_or_default())?;
    }
    let stored = incoming.stored();
    incoming.place(place, stored)?;
    Ok(stored)
}

/// A body that comes in pieces. Dropped, it is gone.
pub(in crate::artifacts) struct Incoming {
    draft: Draft,
    hasher: sha2::Sha256,
    bytes: u64,
}

impl Incoming {
    pub(super) fn new(place: &Place) -> Result<Self> {
        Ok(Self { draft: place.desk.draft()?, hasher: sha2::Sha256::new(), bytes: 0 })
    }

    /// The next piece.
    pub(in crate::artifacts) fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.hasher.update(piece);
        self.bytes += piece.len() as u64;
        let Self { draft, .. } = self;
        draft.file().write_all(piece).map_err(|error| draft.failed(&error))
    }

    /// What it is, so far.
    pub(in crate::artifacts) fn stored(&self) -> Stored {
        Stored { sha256: Sha256::from_bytes(self.hasher.clone().finalize().into()), bytes: self.bytes }
    }

    /// Puts it where it belongs.
    pub(super) fn place(self, place: &Place, stored: Stored) -> Result<PathBuf> {
        let to = path(place, stored.sha256);
        if !whole(&to, stored.bytes) {
            self.draft.place(&to)?;
        }
        Ok(to)
    }
}

pub(super) fn get(place: &Place, sha256: Sha256, max: u64) -> Result<Vec<u8>> {
    let path = path(place, sha256);
    let file = open(&path, sha256)?;
    let failed = |error: io::Error| Error::io(format!("reading {}", path.display()), &error);
    let length = file.metadata().map_err(failed)?.len();
    if length > max {
        return Err(Error::Io {
            what: format!("reading {}", path.display()),
            reason: format!("it has {length} bytes, more than the {max} that are allowed here"),
        });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // Even if it grows meanwhile, no more than was looked at is read.
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    let found = Sha256::of(&bytes);
    if found == sha256 { Ok(bytes) } else { Err(Error::Corrupt { wanted: sha256, found }) }
}

pub(super) fn local(place: &Place, sha256: Sha256) -> Result<PathBuf> {
    let path = path(place, sha256);
    open(&path, sha256).map(|_| path)
}

pub(super) fn contains(place: &Place, sha256: Sha256) -> Result<bool> {
    let path = path(place, sha256);
    path.try_exists().map_err(|error| Error::io(format!("looking for {}", path.display()), &error))
}

fn open(path: &Path, sha256: Sha256) -> Result<File> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::NoArtifact { sha256 },
        _ => Error::io(format!("reading {}", path.display()), &error),
    })
}
