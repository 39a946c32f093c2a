//! What an attempt leaves behind: the files below `out/`, and the object in `$CANDOR_OUTPUT`.
//!
//! The attempt owned its folder, so nothing in it is believed: no link is followed, nothing but a regular file is opened, and
//! everything has a limit. By now none of its processes lives, so what is looked at stays as it is.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use candor_platform::runtime;
use candor_proto::FileValue;
use candor_proto::limits::{INLINE_BYTES_MAX, VALUE_NESTING_MAX};
use candor_proto::value::{media_type, nests_within};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use serde_json::{Map, Value};

use crate::action::Context;
use crate::error::{Error, Result};
use crate::executor::answer::TOO_LARGE_ADVICE;
use crate::laydown::OUT;
use crate::limits::{OUT_DEPTH_MAX, OUT_FILES_MAX};
use crate::supervisor::Captured;

/// The files below `out/` as file values, sorted by their path, which is their name.
pub async fn out_files(context: &Context) -> Result<Vec<Value>> {
    let folder = context.directory.join(OUT);
    if is_empty(&folder) {
        return Ok(Vec::new());
    }
    let found = runtime::blocking(move || list(&folder)).await.unwrap_or_else(|| Err(panicked()))?;
    let mut values = Vec::with_capacity(found.len());
    for (name, path) in found {
        let stored = context.artifacts.put_file(&path).await?;
        let media_type = media_type(&name).to_owned();
        values.push(FileValue { name, sha256: stored.sha256, bytes: stored.bytes, media_type }.to_value());
    }
    Ok(values)
}

/// A file that the attempt should have written, by its path in the working directory; `None` when it is not there.
/// What is there must be a regular file of at most `max` bytes.
pub fn read(directory: &Path, name: &str, max: u64) -> Result<Option<Vec<u8>>> {
    let Some(file) = open_beneath(directory, name)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| Error::io(format!("read {name}"), &error))?;
    if bytes.len() as u64 > max {
        return Err(Error::Output {
            code: "output_too_large",
            message: format!("{name} has more than {max} bytes"),
            advice: TOO_LARGE_ADVICE,
        });
    }
    Ok(Some(bytes))
}

/// Opens a regular file below `directory` without following any link; `None` when it is not there.
pub fn open_beneath(directory: &Path, name: &str) -> Result<Option<File>> {
    let failed = |errno: nix::Error| Error::io(format!("open {name}"), &errno.into());
    let base = open(directory, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    let base: OwnedFd = match base {
        Ok(base) => base,
        Err(nix::Error::ENOENT) => return Ok(None),
        Err(errno) => return Err(failed(errno)),
    };
    // Not to wait for the other end of a pipe that lies there instead of a file.
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    let strange = |what: &str| Error::Output {
        code: "output_strange",
        message: format!("{name} is {what} instead of a file"),
        advice: "write a plain file there",
    };
    let file = match openat2(&base, name, how) {
        Ok(file) => File::from(file),
        Err(nix::Error::ENOENT | nix::Error::ENOTDIR) => return Ok(None),
        Err(nix::Error::ELOOP) => return Err(strange("a symbolic link")),
        Err(nix::Error::ENXIO) => return Err(strange("a socket or a pipe")),
        Err(errno) => return Err(failed(errno)),
    };
    let found = file.metadata().map_err(|error| Error::io(format!("look at {name}"), &error))?;
    if found.is_file() { Ok(Some(file)) } else { Err(strange("something else")) }
}

/// The object in a JSON text that the attempt wrote; an empty text is an empty object.
pub fn object(what: &str, bytes: &[u8]) -> Result<Map<String, Value>> {
    let wrong = |why: String| Error::Output {
        code: "output_json",
        message: format!("{what} {why}"),
        advice: "write one JSON object, for example {\"count\": 3}",
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        wrong(format!("is no valid JSON at line {}, column {}: {error}", error.line(), error.column()))
    })?;
    let Value::Object(fields) = value else {
        return Err(wrong("is JSON, but no object".to_owned()));
    };
    if !fields.values().all(|value| nests_within(value, VALUE_NESTING_MAX)) {
        return Err(wrong(format!("has lists and maps more than {VALUE_NESTING_MAX} deep inside each other")));
    }
    Ok(fields)
}

/// What a program printed as an output value: exact text, or a file value when it is long or no text.
pub async fn printed(context: &Context, name: &str, mut captured: Captured) -> Result<Value> {
    let failed = |error: &std::io::Error| Error::io(format!("read what was printed on {name}"), error);
    let short = captured.whole(INLINE_BYTES_MAX as u64).map_err(|error| failed(&error))?;
    let file = |stored: candor_platform::artifacts::Stored, media_type: &str| {
        let (sha256, bytes, media_type) = (stored.sha256, stored.bytes, media_type.to_owned());
        FileValue { name: name.to_owned(), sha256, bytes, media_type }.to_value()
    };
    if let Some(bytes) = short {
        return match String::from_utf8(bytes) {
            Ok(text) => Ok(Value::String(context.masks.text(&text).into_owned())),
            Err(error) => Ok(file(context.artifacts.put(error.into_bytes()).await?, "application/octet-stream")),
        };
    }
    // Beside the attempt's folder, where there is the room that the worker was given.
    let folder = context.directory.parent().unwrap_or(&context.directory).to_owned();
    let copied = runtime::blocking(move || -> std::io::Result<_> {
        let mut copy = tempfile::NamedTempFile::new_in(folder)?;
        std::io::copy(&mut captured.reader()?, copy.as_file_mut())?;
        Ok(copy.into_temp_path())
    });
    let copied = copied.await.unwrap_or_else(|| Err(std::io::Error::other("the thread that read it panicked")));
    let copied = copied.map_err(|error| failed(&error))?;
    Ok(file(context.artifacts.put_file(&copied).await?, "text/plain"))
}

/// Makes every folder below this one searchable by its owner; a script may have locked them.
pub fn unlock(directory: &Path) {
    // Folder by folder, because the walk can enter one only after its mode has changed. What cannot be changed is not ours,
    // and shows itself where it is read or removed.
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(found) = fs::symlink_metadata(&folder) else { continue };
        let mode = found.permissions().mode();
        if mode & 0o700 != 0o700 {
            let _ = fs::set_permissions(&folder, Permissions::from_mode(mode | 0o700));
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        open.extend(folders.map(|entry| entry.path()));
    }
}

/// Whether this is a folder, and nothing lies in it; not where that cannot be seen.
fn is_empty(folder: &Path) -> bool {
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    is_folder && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn list(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => {
            let message = "out/ is no longer a folder".to_owned();
            return Err(Error::Output { code: "output_strange", message, advice: "leave $CANDOR_OUT a folder" });
        }
        Err(_) => return Ok(Vec::new()),
    }
    unlock(folder);
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).follow_links(false).max_depth(OUT_DEPTH_MAX + 1) {
        let strange =
            |message| Error::Output { code: "output_strange", message, advice: "keep out/ flat and readable" };
        let entry = entry.map_err(|error| strange(format!("out/ cannot be looked through: {error}")))?;
        if entry.depth() > OUT_DEPTH_MAX {
            return Err(strange(format!("there are folders more than {OUT_DEPTH_MAX} levels below out/")));
        }
        if !entry.file_type().is_file() {
            continue;
        }
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let Some(name) = below.to_str() else {
            let message = format!("the name of the file out/{} is no UTF-8", below.display());
            return Err(Error::Output {
                code: "output_name",
                message,
                advice: "name files below $CANDOR_OUT in UTF-8",
            });
        };
        if found.len() == OUT_FILES_MAX {
            let message = format!("there are more than {OUT_FILES_MAX} files below out/");
            return Err(Error::Output { code: "output_too_many", message, advice: "pack them into an archive" });
        }
        check_own(&entry, name)?;
        found.push((name.to_owned(), entry.into_path()));
    }
    found.sort();
    Ok(found)
}

/// A hard link to a file that the attempt itself could not read would make the worker read it for the attempt.
fn check_own(entry: &walkdir::DirEntry, name: &str) -> Result<()> {
    let failed = |error: &std::io::Error| Error::io(format!("look at out/{name}"), error);
    let found = fs::symlink_metadata(entry.path()).map_err(|error| failed(&error))?;
    let folder = entry.path().parent().unwrap_or(entry.path());
    let owner = fs::symlink_metadata(folder).map_err(|error| failed(&error))?.uid();
    let mode = found.permissions().mode();
    if found.uid() != owner && mode & 0o004 == 0 {
        let message = format!("out/{name} is a link to a file of somebody else");
        return Err(Error::Output { code: "output_strange", message, advice: "copy files instead of linking them" });
    }
    if found.uid() == owner && mode & 0o400 == 0 {
        // Without root its own owner could not read it either.
        fs::set_permissions(entry.path(), Permissions::from_mode(mode | 0o400)).map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn panicked() -> Error {
    Error::io("look through out/", &std::io::Error::other("the thread panicked"))
}
