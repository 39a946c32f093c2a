//! SHA-256 over what passes by, so that no file is read twice only to know its digest.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use candor_proto::{ErrorClass, Sha256, TaskError};
use sha2::Digest;

use crate::action::{Halt, Stop};
use crate::disk;

/// Read at once, in bytes: large enough that calls do not count, small enough for many attempts at once.
pub(crate) const CHUNK_BYTES: usize = 128 * 1024;

/// A reader that knows the digest of everything read from it.
pub(crate) struct Checksum<R> {
    input: R,
    hasher: sha2::Sha256,
    bytes: u64,
}

impl<R: Read> Checksum<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, hasher: sha2::Sha256::new(), bytes: 0 }
    }

    /// Digest and length of what was read so far.
    pub(crate) fn finish(self) -> (Sha256, u64) {
        (Sha256::from_bytes(self.hasher.finalize().into()), self.bytes)
    }
}

impl<R: Read> Read for Checksum<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Digest and length of a file.
pub(crate) fn of_file(path: &Path, stop: &Stop) -> Result<(Sha256, u64), Halt> {
    let what = || format!("cannot read {}", path.display());
    let file = File::open(path).map_err(|error| disk::fault(what(), &error))?;
    let mut input = Checksum::new(file);
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        stop.check()?;
        match input.read(&mut buffer) {
            Ok(0) => return Ok(input.finish()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(disk::fault(what(), &error).into()),
        }
    }
}

/// A body whose bytes are not those its digest names.
pub(crate) fn mismatch(name: &str, wanted: Sha256, found: Sha256) -> TaskError {
    let message = format!("`{name}` has the digest {found} instead of {wanted}: it was changed");
    TaskError::new(ErrorClass::System, "checksum", message)
}
