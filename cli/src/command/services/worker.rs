//! `candor worker`.

use std::path::PathBuf;
use std::sync::Arc;

use candor_platform::config::{Environment, Reader};
use candor_worker::{Config, Service};

use super::ground::{Ground, Told};
use crate::arguments;
use crate::engine::secrets;
use crate::failure::{Code, Exit, Failure};
use crate::settings::{self, Needs, cores};

/// Serves until it is asked to end.
pub(in crate::command) async fn worker(
    options: &arguments::Worker,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let flags = [options.place.given(), options.settings.given()].concat();
    let (told, config) = settings::read(flags, environment, |reader| read(reader, environment))?;
    let Some(ground) = Ground::reach(&told).await? else { return Ok(Exit::Complete) };
    if ground.same_partitions(&told).await?.is_none() {
        return Ok(Exit::Complete);
    }
    let service = Service::new(config, ground.broker.clone(), Arc::clone(&ground.artifacts), Arc::clone(&ground.clock))
        .map_err(|error| Failure::store(Code::NotStarted, format!("the worker cannot start: {error}")))?;
    ground.ready(|| None);
    let (drain, stop) = (ground.drain.clone(), ground.drain.clone());
    let served = service.run(async move { drain.draining().await }, async move { stop.stopping().await });
    served.await.map_err(|error| Failure::store(Code::NotStarted, error.to_string()))?;
    candor_platform::Broker::close(&*ground.broker).await;
    tracing::info!(instance = told.instance, "worker ended");
    Ok(Exit::Complete)
}

fn read(reader: &mut Reader<'_>, environment: &Environment) -> Option<(Told, Config)> {
    let told = Told::read(reader, environment, "worker", Needs::Artifacts);
    let (pools, concurrency) = (reader.list(&settings::POOL), reader.number::<u32>(&settings::CONCURRENCY));
    let (work_dir, secrets_dir) = (reader.path(&settings::WORK_DIR), reader.path(&settings::SECRETS_DIR));
    let (allowed, settle_after_ms) = (reader.list(&settings::ALLOW_PATH), reader.millis(&settings::SETTLE_AFTER));
    let told = told?;
    let config = Config {
        pools: pools?,
        concurrency: concurrency.unwrap_or_else(cores) as usize,
        routes: told.services.routes.clone(),
        partitions: told.services.partitions,
        work_dir,
        secrets: secrets(environment.clone(), secrets_dir.as_deref()),
        allow_paths: Some(allowed.unwrap_or_default().into_iter().map(PathBuf::from).collect()),
        actions_dir: told.actions_dir.clone(),
        grace_ms: told.grace_ms,
        settle_after_ms: settle_after_ms?,
        ..Config::new(told.instance.clone(), environment.get("PATH").unwrap_or_default())
    };
    Some((told, config))
}
