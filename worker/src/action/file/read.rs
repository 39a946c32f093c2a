//! `file.read`: a file, and its text where it is short enough to be a value.

use std::fs;

use async_trait::async_trait;
use candor_platform::artifacts::Stored;
use candor_proto::Outcome;
use candor_proto::limits::INLINE_BYTES_MAX;
use serde::Deserialize;
use serde_json::Value;

use super::copy::check_file;
use super::{file_value, made};
use crate::action::halt::blocking;
use crate::action::with::{self, Answer};
use crate::action::{Action, Context, Halt};
use crate::source::{Source, refused};
use crate::{checksum, disk};

/// Reads a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileRead;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    path: Value,
}

#[async_trait]
impl Action for FileRead {
    fn name(&self) -> &str {
        "file.read"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(read(context, with).await)
    }
}

async fn read(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("file.read", with)?;
    let source = Source::locate(context, "path", &with.path).await?;
    let name = source.name.clone();
    let body = match source.known {
        Some((sha256, bytes)) => Stored { sha256, bytes },
        None => {
            check_file(&source)?;
            context.artifacts.put_file(&source.path).await.map_err(|error| refused(&error))?
        }
    };
    // What was stored is what is read, so that text and digest are of the same bytes.
    let path = context.artifacts.local(body.sha256).await.map_err(|error| refused(&error))?;
    let stop = context.stop.clone();
    let text = blocking(move || {
        if body.bytes > INLINE_BYTES_MAX as u64 {
            let (found, _) = checksum::of_file(&path, &stop)?;
            return if found == body.sha256 {
                Ok(None)
            } else {
                Err(checksum::mismatch(&name, body.sha256, found).into())
            };
        }
        let bytes = fs::read(&path).map_err(|error| disk::fault(format!("cannot read {name}"), &error))?;
        let found = candor_proto::Sha256::of(&bytes);
        if found != body.sha256 {
            return Err(checksum::mismatch(&name, body.sha256, found).into());
        }
        Ok(String::from_utf8(bytes).ok())
    })
    .await?;
    let file = file_value(&source.name, body);
    let text = text.map_or_else(|| file.to_value(), Value::from);
    Ok(made(&file).output("text", text))
}
