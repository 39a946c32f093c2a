//! `candor planner`.

use std::sync::Arc;

use candor_planner::{Config, Parts, Planner};
use candor_platform::config::Environment;
use uuid::Uuid;

use super::ground::{Ground, Told};
use crate::arguments;
use crate::failure::{Exit, Failure};
use crate::gather;
use crate::settings::{self, Needs};

/// Serves until it is asked to end.
pub(in crate::command) async fn planner(
    options: &arguments::Planner,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let flags = [options.place.given(), options.settings.given()].concat();
    let told =
        settings::read(flags, environment, |reader| Told::read(reader, environment, "planner", Needs::Artifacts))?;
    let catalogue = Arc::new(gather::catalogue(told.actions_dir.as_deref())?);
    let Some(ground) = Ground::reach(&told).await? else { return Ok(Exit::Complete) };
    let routes = told.services.routes.clone();
    if ground.same_partitions(&told).await?.is_none() || ground.declare(&routes.topology(0, &[])).await?.is_none() {
        return Ok(Exit::Complete);
    }
    let start = || {
        let parts = Parts {
            broker: ground.broker.clone(),
            artifacts: Arc::clone(&ground.artifacts),
            clock: Arc::clone(&ground.clock),
            routes: routes.clone(),
            catalogue: Arc::clone(&catalogue),
            fresh: Arc::new(Uuid::now_v7),
        };
        let config = Config { instance: told.instance.clone(), partitions: told.services.partitions };
        async { Planner::start(config, parts).await.map_err(|candor_planner::Error::Platform(error)| error) }
    };
    let Some(planner) = ground.patiently("starting to plan", start).await? else { return Ok(Exit::Complete) };
    ground.ready(|| None);
    tracing::info!(instance = told.instance, "planner ready");
    ground.asked_to_end().await;
    let _ = ground.drain.or_stopping(planner.drain()).await;
    candor_platform::Broker::close(&*ground.broker).await;
    tracing::info!(instance = told.instance, "planner ended");
    Ok(Exit::Complete)
}
