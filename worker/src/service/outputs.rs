//! Outputs that are too large to travel: they are stored, and the report says where.

use candor_platform::runtime;
use candor_proto::limits::INLINE_BYTES_MAX;
use candor_proto::message::Report;
use candor_proto::value::json_bytes;
use candor_proto::{FileValue, Outcome};
use serde_json::{Map, Value};

use super::Shared;
use super::attempt::REPEAT_MS;
use crate::error::Error;

/// Stores large outputs. An attempt whose outputs cannot be stored is to be tried again, as far as its task allows that.
pub(super) async fn by_reference(shared: &Shared, report: &mut Report) {
    let Outcome::Done { outputs, .. } = &mut report.outcome else { return };
    if outputs.iter().map(|(name, value)| name.len() + json_bytes(value)).sum::<usize>() <= INLINE_BYTES_MAX {
        return;
    }
    match store(shared, outputs).await {
        Ok(file) => {
            outputs.clear();
            report.stored = Some(file);
        }
        Err(error) => {
            tracing::error!(%error, attempt = %report.attempt, "the outputs of an attempt cannot be stored");
            report.outcome = Outcome::Retry { error: error.into_task_error(), after_ms: None };
        }
    }
}

/// Stores until it is known that they are stored, or that they cannot be.
async fn store(shared: &Shared, outputs: &Map<String, Value>) -> Result<FileValue, Error> {
    let body = serde_json::to_vec(outputs).map_err(|error| Error::io("write the outputs", &error.into()))?;
    let (mut pause_ms, longest_ms) = REPEAT_MS;
    loop {
        match shared.executor.artifacts.put(body.clone()).await {
            Ok(stored) => {
                return Ok(FileValue {
                    name: "outputs.json".to_owned(),
                    sha256: stored.sha256,
                    bytes: stored.bytes,
                    media_type: "application/json".to_owned(),
                });
            }
            Err(error) if error.transient() => {
                tracing::warn!(%error, "outputs were not taken; they are stored again");
                runtime::sleep(pause_ms).await;
                pause_ms = (pause_ms * 2).min(longest_ms);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
