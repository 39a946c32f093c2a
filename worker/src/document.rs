//! Small documents that people write, such as schemas and rules: in the workflow itself, or in a JSON or YAML file.

use std::fs::File;
use std::io::Read;

use candor_proto::limits::DOCUMENT_BYTES_MAX;
use candor_proto::{ErrorClass, FileValue, TaskError};
use candor_workflow::read_document;
use serde_json::Value;

use crate::action::Context;
use crate::disk;
use crate::source::Source;

/// The document that `value` is, or that the path or file in it names.
pub(crate) async fn read(context: &Context, field: &str, value: &Value) -> Result<Value, TaskError> {
    let named = value.is_string() || FileValue::from_value(value).is_some();
    if !named {
        return Ok(value.clone());
    }
    let source = Source::locate(context, field, value).await?;
    let text = text(&source)?;
    read_document(&text).map_err(|reason| {
        let message = format!("`{field}`: {} cannot be read: {reason}", source.name);
        TaskError::new(ErrorClass::Validation, "document", message).with_advice("write it as YAML or JSON")
    })
}

fn text(source: &Source) -> Result<String, TaskError> {
    let what = format!("cannot read {}", source.name);
    let file = File::open(&source.path).map_err(|error| disk::fault(&what, &error))?;
    let mut bytes = Vec::new();
    file.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| disk::fault(&what, &error))?;
    let refused =
        |reason: &str| TaskError::new(ErrorClass::Validation, "document", format!("{} {reason}", source.name));
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(refused(&format!("has more than {DOCUMENT_BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| refused("is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
