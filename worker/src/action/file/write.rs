//! `file.write`: a text or a value as a file.

use async_trait::async_trait;
use candor_proto::{FileValue, Outcome, Sha256};
use serde::Deserialize;
use serde_json::Value;

use super::place::Wanted;
use super::target::{Target, Verify};
use super::{file_value, made};
use crate::action::halt::blocking;
use crate::action::with::{self, Answer, invalid};
use crate::action::{Action, Context, Halt};
use crate::checksum;
use crate::source::refused;

/// Writes a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileWrite;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    path: String,
    content: Value,
    #[serde(default)]
    verify: Option<String>,
}

#[async_trait]
impl Action for FileWrite {
    fn name(&self) -> &str {
        "file.write"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(write(context, with).await)
    }
}

async fn write(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("file.write", with)?;
    let verify = Verify::read(with.verify.as_deref())?;
    if FileValue::from_value(&with.content).is_some() {
        let error = invalid("`content` of file.write is a text or a value, and this is a file");
        return Err(error.with_advice("use file.copy").into());
    }
    let bytes = content(with.content);
    let digest = Sha256::of(&bytes);
    if let Some(wanted) = verify.digest.filter(|wanted| *wanted != digest) {
        return Err(checksum::mismatch(&with.path, wanted, digest).into());
    }
    let target = Target::read(context, "path", &with.path)?;
    let name = target.name();
    if let Target::Machine(place) = target {
        let bytes = bytes.clone();
        let wanted = Wanted { sha256: Some(digest), verify: verify.again, mode: None };
        blocking(move || place.fill(bytes.as_slice(), &wanted)).await?;
    }
    let body = context.artifacts.put(bytes).await.map_err(|error| refused(&error))?;
    Ok(made(&file_value(&name, body)))
}

/// Text as it is; nothing as nothing; everything else as JSON with a line end.
fn content(value: Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.into_bytes(),
        Value::Null => Vec::new(),
        other @ (Value::Bool(_) | Value::Number(_)) => other.to_string().into_bytes(),
        other @ (Value::Array(_) | Value::Object(_)) => format!("{other:#}\n").into_bytes(),
    }
}
