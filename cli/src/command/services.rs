//! `candor planner`, `assembler` and `worker`: one part as a service of its own.

use candor_platform::config::Environment;

use crate::arguments::{Assembler, Planner, Worker};
use crate::failure::{Exit, Failure};

pub(super) async fn planner(_options: &Planner, _environment: &Environment) -> Result<Exit, Failure> {
    Err(Failure::internal("not yet"))
}
pub(super) async fn assembler(_options: &Assembler, _environment: &Environment) -> Result<Exit, Failure> {
    Err(Failure::internal("not yet"))
}
pub(super) async fn worker(_options: &Worker, _environment: &Environment) -> Result<Exit, Failure> {
    Err(Failure::internal("not yet"))
}
