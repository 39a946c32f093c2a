//! Values that have the form of a file or a table and stand for none: anybody can write a digest and a length.

use std::path::PathBuf;

use candor_proto::{FileValue, Sha256, TableValue};
use serde_json::{Map, Value};

use super::Artifacts;
use crate::error::{Error, Result};
use crate::runtime;

/// A value in the form of a file behind which there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseless {
    /// The name that it gives itself.
    pub name: String,
    /// What is not so, as a fragment.
    pub reason: String,
}

/// The first value in the form of a file, however deep, whose body is not stored or has another length.
/// How many rows a table has is another question.
pub async fn baseless(artifacts: &dyn Artifacts, value: &Value) -> Result<Option<Baseless>> {
    let mut found = Vec::new();
    gather(value, &mut found);
    for fields in found {
        let Some((sha256, bytes)) = claimed(fields) else {
            return Ok(Some(Baseless::of(fields, "has the form of a file and values that no file has")));
        };
        let path = match artifacts.local(sha256).await {
            Ok(path) => path,
            Err(Error::NoArtifact { .. }) => {
                return Ok(Some(Baseless::of(
                    fields,
                    &format!("has the SHA-256 {sha256}, under which nothing is stored"),
                )));
            }
            Err(error) => return Err(error),
        };
        let stored = length(path).await?;
        if stored != bytes {
            let reason = format!("says that it has {bytes} bytes, and what is stored under its SHA-256 has {stored}");
            return Ok(Some(Baseless::of(fields, &reason)));
        }
    }
    Ok(None)
}

impl Baseless {
    fn of(fields: &Map<String, Value>, reason: &str) -> Self {
        let name = fields.get("name").and_then(Value::as_str).unwrap_or("without a name").to_owned();
        Self { name, reason: reason.to_owned() }
    }
}

/// Digest and length, where all fields are of the types that they have in a file or table.
fn claimed(fields: &Map<String, Value>) -> Option<(Sha256, u64)> {
    let value = Value::Object(fields.clone());
    let file = FileValue::from_value(&value)?;
    let fits = !fields.contains_key("columns") || TableValue::from_value(&value).is_some();
    fits.then_some((file.sha256, file.bytes))
}

fn gather<'a>(value: &'a Value, found: &mut Vec<&'a Map<String, Value>>) {
    match value {
        Value::Object(fields) if FileValue::looks_like(fields) => found.push(fields),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, found)),
        Value::Array(items) => items.iter().for_each(|value| gather(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn length(path: PathBuf) -> Result<u64> {
    let what = format!("look at {}", path.display());
    let looked = runtime::blocking(move || std::fs::metadata(path).map(|found| found.len())).await;
    let looked = looked.unwrap_or_else(|| Err(std::io::Error::other("the thread panicked")));
    looked.map_err(|error| Error::io(what, &error))
}
