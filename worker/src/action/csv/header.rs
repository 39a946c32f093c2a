//! Where the names of the columns come from.

use candor_proto::{ErrorClass, TaskError};
use serde::Deserialize;

use super::record::Record;
use crate::schema::shown;

/// What `header` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Header {
    /// Whether the first record holds the names.
    First(bool),
    /// The names; the first record is data.
    Names(Vec<String>),
}

/// The names that the first record holds.
pub(super) fn names(record: &Record) -> Result<Vec<String>, TaskError> {
    if record.broken.is_some() {
        return Err(refused("the header has a quote that is not closed, or is too long", None));
    }
    let mut names = Vec::with_capacity(record.count);
    for index in 0..record.count {
        let bytes = record.value(index).unwrap_or_default().into_owned();
        let name = String::from_utf8(bytes).ok().filter(|name| !name.contains('\0'));
        let advice = "give the encoding of the file, such as `encoding: windows-1252`";
        let unreadable = || refused(&format!("the name of column {} cannot be decoded", index + 1), Some(advice));
        names.push(name.ok_or_else(unreadable)?);
    }
    checked(names)
}

/// The names, if each is there once.
pub(super) fn checked(names: Vec<String>) -> Result<Vec<String>, TaskError> {
    let advice = "name the columns in the file, or with `header: [name, …]`";
    let mut seen = std::collections::HashMap::new();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(refused(&format!("column {} has no name", index + 1), Some(advice)));
        }
        if let Some(earlier) = seen.insert(name.as_str(), index) {
            let message = format!("columns {} and {} have the same name {}", earlier + 1, index + 1, shown(name));
            return Err(refused(&message, Some(advice)));
        }
    }
    Ok(names)
}

/// An error about the columns of a file.
pub(super) fn refused(message: &str, advice: Option<&str>) -> TaskError {
    let error = TaskError::new(ErrorClass::Validation, "columns", message);
    match advice {
        Some(advice) => error.with_advice(advice),
        None => error,
    }
}
