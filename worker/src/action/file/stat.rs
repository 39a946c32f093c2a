//! `file.stat`: whether something is there, and what it is. Times and owners are left out: they are not of the data.

use std::io;

use async_trait::async_trait;
use candor_proto::{FileValue, Outcome, Sha256};
use serde::Deserialize;
use serde_json::Value;

use super::seen;
use crate::action::halt::blocking;
use crate::action::with::{self, Answer};
use crate::action::{Action, Context, Halt};
use crate::source::{Named, Source, allowed};
use crate::{checksum, disk};

/// Says what a file is.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileStat;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    path: Value,
}

/// What was found.
enum Found {
    Nothing,
    Folder,
    Other,
    File(Sha256, u64),
}

#[async_trait]
impl Action for FileStat {
    fn name(&self) -> &str {
        "file.stat"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(stat(context, with).await)
    }
}

async fn stat(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("file.stat", with)?;
    let found = match FileValue::from_value(&with.path) {
        Some(file) => Found::File(file.sha256, file.bytes),
        None => named(context, &with.path).await?,
    };
    let (exists, kind, file) = match found {
        Found::Nothing => (false, None, None),
        Found::Folder => (true, Some("folder"), None),
        Found::Other => (true, Some("other"), None),
        Found::File(sha256, bytes) => (true, Some("file"), Some((sha256, bytes))),
    };
    let answer = Answer::default()
        .output("exists", exists)
        .output("kind", kind)
        .output("bytes", file.map(|(_, bytes)| bytes))
        .output("sha256", file.map(|(sha256, _)| sha256.to_string()));
    Ok(match file {
        Some((sha256, bytes)) => answer.evidence(seen(sha256, bytes)),
        None => answer.evidence(candor_proto::Evidence::checked("stat")),
    })
}

async fn named(context: &Context, path: &Value) -> Result<Found, Halt> {
    let text = path.as_str().unwrap_or_default();
    let real = match Named::read("path", text)? {
        Named::Relative(name) => {
            let file = context.files.get(&name).map(|file| Found::File(file.sha256, file.bytes));
            let below = format!("{name}/");
            let folder = context.files.keys().any(|file| file.starts_with(&below));
            return Ok(file.unwrap_or(if folder { Found::Folder } else { Found::Nothing }));
        }
        Named::Absolute(path) => match allowed(context, "path", &path) {
            Ok(real) => real,
            Err(error) if error.code == "not_found" => return Ok(Found::Nothing),
            Err(error) => return Err(error.into()),
        },
    };
    let stop = context.stop.clone();
    blocking(move || {
        let source = Source { name: String::new(), path: real, known: None };
        let found = match std::fs::metadata(&source.path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(disk::fault(format!("cannot look at {}", source.path.display()), &error).into()),
        };
        if found.is_dir() {
            return Ok(Found::Folder);
        }
        if !found.is_file() {
            return Ok(Found::Other);
        }
        let (sha256, bytes) = checksum::of_file(&source.path, &stop)?;
        Ok(Found::File(sha256, bytes))
    })
    .await
}
