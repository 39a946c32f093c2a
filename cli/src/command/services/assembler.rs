//! `candor assembler`.

use std::sync::Arc;

use candor_assembler::service::Parts;
use candor_assembler::{Assembler, Config};
use candor_platform::config::Environment;
use uuid::Uuid;

use super::ground::{Ground, Told};
use crate::arguments;
use crate::failure::{Exit, Failure};
use crate::gather;
use crate::settings::{self, Needs};

/// Serves until it is asked to end.
pub(in crate::command) async fn assembler(
    options: &arguments::Assembler,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let flags = [options.place.given(), options.settings.given()].concat();
    let (told, lease_ms) = settings::read(flags, environment, |reader| {
        let (told, lease_ms) =
            (Told::read(reader, environment, "assembler", Needs::Store), reader.millis(&settings::LEASE));
        Some((told?, lease_ms?))
    })?;
    let catalogue = Arc::new(gather::catalogue(told.actions_dir.as_deref())?);
    let Some(ground) = Ground::reach(&told).await? else { return Ok(Exit::Complete) };
    let (store, wanted) = (ground.store()?, told.services.partitions);
    let partitions = ground.patiently("reading the number of partitions", || store.partitions(wanted)).await?;
    let Some(partitions) = partitions else { return Ok(Exit::Complete) };
    let routes = told.services.routes.clone();
    if ground.declare(&routes.topology(partitions, &[])).await?.is_none() {
        return Ok(Exit::Complete);
    }
    let config = Config {
        instance: told.instance.clone(),
        partitions,
        lease_ms,
        workers_inside: false,
        sharing: true,
        ..Config::default()
    };
    let parts = Parts {
        broker: ground.broker.clone(),
        store,
        artifacts: Arc::clone(&ground.artifacts),
        clock: Arc::clone(&ground.clock),
        routes,
        catalogue,
        fresh: Arc::new(Uuid::now_v7),
    };
    let assembler = Assembler::start(config, parts);
    let trouble = assembler.trouble();
    ground.ready(move || trouble.borrow().as_ref().map(ToString::to_string));
    tracing::info!(instance = told.instance, partitions, "assembler ready");
    ground.asked_to_end().await;
    let _ = ground.drain.or_stopping(assembler.drain()).await;
    candor_platform::Broker::close(&*ground.broker).await;
    tracing::info!(instance = told.instance, "assembler ended");
    Ok(Exit::Complete)
}
