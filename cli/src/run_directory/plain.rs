//! Reading what lies in a run directory that somebody else may have made: regular files only, no link is followed,
//! nothing is waited for, and no document is read beyond its limit.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;

/// Largest log that is read, in bytes: a job of a million items, each with the longest error that travels, has less.
pub(super) const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// Largest other document, in bytes: all inline outputs of a job, quoted, and a line for each of its tasks.
pub(super) const DOCUMENT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Opens a regular file. The last part of the path may be anything, also a pipe that nobody writes to.
pub(super) fn open(path: &Path) -> Result<File, String> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = match File::options().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        Err(error) => return Err(reason(&error)),
    };
    match file.metadata() {
        Ok(found) if found.is_file() => Ok(file),
        Ok(_) => Err("it is no plain file".to_owned()),
        Err(error) => Err(reason(&error)),
    }
}

/// A document of a run directory, by its name.
pub(super) fn read(directory: &Path, name: &str, max: u64) -> Result<Vec<u8>, String> {
    let read = |file: File| {
        let mut bytes = Vec::new();
        match file.take(max + 1).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > max => Err(format!("it has more than {max} bytes")),
            Ok(_) => Ok(bytes),
            Err(error) => Err(reason(&error)),
        }
    };
    open(&directory.join(name))
        .and_then(|file| match file.metadata() {
            // Not to read gigabytes of what is known to be too long.
            Ok(found) if found.len() > max => Err(format!("it has more than {max} bytes")),
            Ok(_) | Err(_) => read(file),
        })
        .map_err(|reason| format!("{name}: {reason}"))
}

fn reason(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ELOOP) => "it is a symbolic link, and a run directory has none".to_owned(),
        Some(_) | None => error.to_string(),
    }
}
