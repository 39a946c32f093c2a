//! `candor doctor`.
use candor_platform::config::Environment;

use crate::arguments::Doctor;
use crate::failure::{Exit, Failure};

pub(super) async fn doctor(_options: &Doctor, _environment: &Environment) -> Result<Exit, Failure> {
    Err(Failure::internal("not yet"))
}
