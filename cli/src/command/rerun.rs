//! `candor rerun`.
use candor_platform::config::Environment;

use crate::arguments::Rerun;
use crate::failure::{Exit, Failure};

pub(super) async fn rerun(_options: &Rerun, _environment: &Environment) -> Result<Exit, Failure> {
    Err(Failure::internal("not yet"))
}
