//! `file.copy` and `file.move`.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;

use async_trait::async_trait;
use candor_platform::artifacts::Stored;
use candor_proto::{ErrorClass, Outcome, Sha256, TaskError};
use serde::Deserialize;
use serde_json::Value;

use super::place::{Place, Wanted};
use super::target::{Target, Verify};
use super::{file_value, made};
use crate::action::halt::blocking;
use crate::action::with::{self, Answer, invalid};
use crate::action::{Action, Context, Halt};
use crate::source::{Named, Source, allowed_place, refused};
use crate::{checksum, disk};

/// Copies a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileCopy;

/// Moves a file of the worker's machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileMove;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    from: Value,
    to: String,
    #[serde(default)]
    verify: Option<String>,
}

#[async_trait]
impl Action for FileCopy {
    fn name(&self) -> &str {
        "file.copy"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(copy(context, with).await)
    }
}

#[async_trait]
impl Action for FileMove {
    fn name(&self) -> &str {
        "file.move"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(relocate(context, with).await)
    }
}

async fn copy(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("file.copy", with)?;
    let verify = Verify::read(with.verify.as_deref())?;
    let source = Source::locate(context, "from", &with.from).await?;
    let target = Target::read(context, "to", &with.to)?;
    transfer(context, source, target, verify).await
}

/// The copy first, whole and on the disk; only then the original goes.
async fn relocate(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("file.move", with)?;
    let verify = Verify::read(with.verify.as_deref())?;
    let path = match with.from.as_str().map(|text| Named::read("from", text)).transpose()? {
        Some(Named::Absolute(path)) => allowed_place(context, "from", &path)?,
        Some(Named::Relative(_)) | None => {
            let error = invalid("`from` of file.move is an absolute path: files of a job are never changed");
            return Err(error.with_advice("use file.copy").into());
        }
    };
    let what = format!("cannot move {}", path.display());
    let found = fs::symlink_metadata(&path).map_err(|error| disk::fault(&what, &error))?;
    if !found.is_file() {
        let message = format!("{what}: it is no regular file");
        return Err(TaskError::new(ErrorClass::Validation, "not_a_file", message).into());
    }
    let target = Target::read(context, "to", &with.to)?;
    if let Target::Machine(place) = &target
        && place.path() == path
    {
        return Err(invalid("`from` and `to` are the same file").into());
    }
    let name = target.name();
    let source = Source { path: path.clone(), name, known: None };
    let answer = transfer(context, source, target, verify).await?;
    blocking(move || fs::remove_file(&path).map_err(|error| disk::fault(what, &error).into())).await?;
    Ok(answer)
}

async fn transfer(context: &Context, source: Source, target: Target, verify: Verify) -> Result<Answer, Halt> {
    let name = target.name();
    let body = match target {
        Target::Job(_) => store(context, source, verify).await?,
        Target::Machine(place) => {
            let known = source.known;
            let (path, body) = blocking(move || pour(&source, &place, verify)).await?;
            if known.is_none() {
                let kept = context.artifacts.put_file(&path).await.map_err(|error| refused(&error))?;
                same(&name, body.sha256, kept.sha256)?;
            }
            body
        }
    };
    Ok(made(&file_value(&name, body)))
}

/// Stores the source with the job; one that is stored already only gets another name.
async fn store(context: &Context, source: Source, verify: Verify) -> Result<Stored, Halt> {
    let body = match source.known {
        Some((sha256, bytes)) => Stored { sha256, bytes },
        None => {
            check_file(&source)?;
            context.artifacts.put_file(&source.path).await.map_err(|error| refused(&error))?
        }
    };
    same(&source.name, verify.digest.unwrap_or(body.sha256), body.sha256)?;
    if !verify.again {
        return Ok(body);
    }
    let stop = context.stop.clone();
    let kept = context.artifacts.local(body.sha256).await.map_err(|error| refused(&error))?;
    let found = blocking(move || {
        // Both ends: the body that was stored, and the original, which may have changed while it was read.
        let (stored, _) = checksum::of_file(&kept, &stop)?;
        let (original, _) = checksum::of_file(&source.path, &stop)?;
        Ok([stored, original])
    })
    .await?;
    for found in found {
        same("the copy", body.sha256, found)?;
    }
    Ok(body)
}

fn pour(source: &Source, place: &Place, verify: Verify) -> Result<(std::path::PathBuf, Stored), Halt> {
    check_file(source)?;
    let what = format!("cannot read {}", source.path.display());
    let file = File::open(&source.path).map_err(|error| disk::fault(&what, &error))?;
    let permissions = file.metadata().map_err(|error| disk::fault(&what, &error))?.permissions();
    // A body of the job has the permissions of the store, which say nothing about the file it once was.
    let mode = source.known.is_none().then(|| permissions.mode());
    let known = source.known.map(|(sha256, _)| sha256);
    if let (Some(wanted), Some(known)) = (verify.digest, known) {
        same(&source.name, wanted, known)?;
    }
    let wanted = Wanted { sha256: verify.digest.or(known), verify: verify.again, mode };
    Ok((place.path().to_owned(), place.fill(file, &wanted)?))
}

/// A folder, a pipe or a device is no file to copy.
pub(super) fn check_file(source: &Source) -> Result<(), TaskError> {
    let what = format!("cannot read {}", source.path.display());
    let found = fs::metadata(&source.path).map_err(|error| disk::fault(&what, &error))?;
    if found.is_file() {
        return Ok(());
    }
    let (code, reason) =
        if found.is_dir() { ("is_folder", "it is a folder") } else { ("not_a_file", "it is no regular file") };
    Err(TaskError::new(ErrorClass::Validation, code, format!("{what}: {reason}")))
}

fn same(name: &str, wanted: Sha256, found: Sha256) -> Result<(), TaskError> {
    if wanted == found { Ok(()) } else { Err(checksum::mismatch(name, wanted, found)) }
}
