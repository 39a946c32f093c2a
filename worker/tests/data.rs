//! Actions on data and files, as a workflow uses them.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

#[path = "data/anomalies.rs"]
mod anomalies;
#[path = "data/files.rs"]
mod files;
#[path = "data/metrics.rs"]
mod metrics;
#[path = "data/output.rs"]
mod output;
#[path = "data/planted.rs"]
mod planted;
#[path = "data/properties.rs"]
mod properties;
#[path = "data/reading.rs"]
mod reading;
#[path = "data/schemas.rs"]
mod schemas;
#[path = "data/stage.rs"]
mod stage;
#[path = "data/validate.rs"]
mod validate;
