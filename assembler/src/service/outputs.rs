//! Outputs that a report carries by reference: fetched before the core decides, so that it reads them as themselves.
//!
//! | the body | what becomes of it |
//! |---|---|
//! | cannot be fetched at this moment | the partition is lost and loaded again; the report comes again |
//! | is not there, was changed, or is no JSON object | the attempt went wrong by the system: tried again as the task allows |
//! | is over what a job may have | the attempt failed |
//!
//! Why not as a lost worker: that is tried again without counting, and a folder that is not shared would never end.

use candor_platform::Error as PlatformError;
use candor_proto::limits::{JOB_INLINE_BYTES_MAX, VALUE_NESTING_MAX};
use candor_proto::message::Report;
use candor_proto::value::nests_within;
use candor_proto::{ErrorClass, FileValue, Outcome, TaskError};
use serde_json::{Map, Value};

use super::Shared;
use crate::error::Error;
use crate::partition::Partition;

/// Puts stored outputs into the report, where the log waits for them; a late one is not worth the way.
pub(super) async fn fetch(shared: &Shared, partition: &Partition, report: &mut Report) -> Result<(), Error> {
    if !is_awaited(partition, report) {
        return Ok(());
    }
    let Some(file) = report.stored.take() else { return Ok(()) };
    let Outcome::Done { outputs, .. } = &mut report.outcome else { return Ok(()) };
    match body(shared, &file).await? {
        Ok(fetched) => *outputs = fetched,
        Err(outcome) => report.outcome = outcome,
    }
    Ok(())
}

fn is_awaited(partition: &Partition, report: &Report) -> bool {
    let node = partition.job(report.job).and_then(|job| job.node(report.node));
    node.is_some_and(|node| !node.state.ended() && node.known_input(report.attempt) == Some(report.input_digest))
}

/// The outputs, or what became of the attempt instead.
async fn body(shared: &Shared, file: &FileValue) -> Result<Result<Map<String, Value>, Outcome>, Error> {
    if file.bytes > JOB_INLINE_BYTES_MAX as u64 {
        let message = format!("the outputs of the attempt have {} bytes, and a job may have 64 MiB", file.bytes);
        let error = TaskError::new(ErrorClass::Validation, "outputs_too_large", message);
        let advice = "write large results to files below `out/`, or return a table";
        return Ok(Err(Outcome::Fail { error: error.with_advice(advice) }));
    }
    let bytes = match shared.parts.artifacts.get(file.sha256, JOB_INLINE_BYTES_MAX as u64).await {
        Ok(bytes) => bytes,
        Err(error @ (PlatformError::NoArtifact { .. } | PlatformError::Corrupt { .. })) => {
            return Ok(Err(lost(&error.to_string())));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(match serde_json::from_slice::<Map<String, Value>>(&bytes) {
        Ok(outputs) if outputs.values().all(|value| nests_within(value, VALUE_NESTING_MAX)) => Ok(outputs),
        Ok(_) => Err(lost("their lists and maps are too deep inside each other")),
        Err(error) => Err(lost(&format!("they are no JSON object: {error}"))),
    })
}

fn lost(reason: &str) -> Outcome {
    tracing::error!(reason, "the stored outputs of an attempt are lost");
    let error = TaskError::new(ErrorClass::System, "outputs_lost", format!("its stored outputs are lost: {reason}"))
        .with_advice("every service needs the same `--artifacts`, shared by all machines");
    Outcome::Retry { error, after_ms: None }
}
