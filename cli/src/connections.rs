//! The way to services: RabbitMQ, Redis and artifacts from what somebody named.

use crate::deployment::Direct;
use crate::failure::Failure;
use crate::settings::Services;

/// What a command speaks to.
pub(crate) async fn deployment(_services: &Services) -> Result<Direct, Failure> {
    Err(Failure::internal("not yet"))
}
