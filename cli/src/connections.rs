//! The way to RabbitMQ, Redis and artifacts, from what somebody named.
//!
//! A service waits for servers that are not there; a command would rather fail within seconds.

use std::sync::Arc;

use candor_platform::artifacts::{self, Artifacts, Opening, sharing};
use candor_platform::broker::amqp::{AmqpBroker, AmqpSettings, SCHEMES};
use candor_platform::link::Link;
use candor_platform::runtime::sync::watch;
use candor_platform::server_url::ServerUrl;
use candor_platform::store::redis::{RedisStore, Settings as RedisSettings};
use candor_platform::{Broker, Store, runtime};

use crate::deployment::{Accepted, Direct};
use crate::failure::{Code, Failure};
use crate::settings::Services;

/// How long a command waits for a server, in milliseconds.
const COMMAND_MS: u64 = 8_000;

/// RabbitMQ, under this name in its own lists.
pub(crate) fn broker(services: &Services, name: &str) -> Result<Arc<AmqpBroker>, Failure> {
    let url = ServerUrl::parse("--amqp-url", &services.amqp_url, &SCHEMES)?;
    let settings = AmqpSettings {
        ca_file: services.ca_file.clone(),
        connection_name: format!("candor {name}"),
        routes: services.routes.clone(),
        ..AmqpSettings::new(url)
    };
    Ok(AmqpBroker::connect(&settings)?)
}

/// Redis; `None` where it was not named.
pub(crate) async fn store(services: &Services) -> Result<Option<Arc<RedisStore>>, Failure> {
    let Some(url) = &services.redis_url else { return Ok(None) };
    let settings = RedisSettings {
        prefix: services.routes.prefix().to_owned(),
        strict: services.strict,
        ca_file: services.ca_file.clone(),
        ..RedisSettings::new(url.clone())
    };
    Ok(Some(Arc::new(RedisStore::connect(settings).await?)))
}

/// Where bodies lie.
pub(crate) async fn artifacts(services: &Services) -> Result<Arc<dyn Artifacts>, Failure> {
    let Some(place) = &services.artifacts else {
        return Err(Failure::usage(Code::NoArtifacts, "nobody said where files and large outputs lie")
            .advice("name a folder that all services share, or s3://BUCKET/PREFIX, with --artifacts"));
    };
    let opening = Opening { cache: services.cache.clone(), environment: services.environment.clone() };
    Ok(artifacts::open(place, &opening).await?)
}

/// Makes sure that the artifacts are those of the deployment: whoever reaches the store compares, others wait until
/// somebody who does was there.
pub(crate) async fn agree(
    services: &Services,
    artifacts: &dyn Artifacts,
    store: Option<&RedisStore>,
    instance: &str,
) -> Result<(), Failure> {
    let location = services.artifacts.as_deref().unwrap_or_default();
    match store {
        Some(store) => sharing::agree(artifacts, location, store).await?,
        None => sharing::wait(artifacts, location).await?,
    };
    Ok(sharing::leave(artifacts, instance).await?)
}

/// Returns once a server can be used, or when a person has to mend something first.
pub(crate) async fn up(mut link: watch::Receiver<Link>) -> Result<(), Failure> {
    loop {
        let now = link.borrow_and_update().clone();
        match now {
            Link::Up | Link::Blocked { .. } => return Ok(()),
            Link::Down { reason } if !reason.transient() => return Err(reason.into()),
            Link::Down { .. } => {}
        }
        if link.changed().await.is_err() {
            return Err(Failure::internal("nobody looks after a connection any more"));
        }
    }
}

/// What a command speaks to. It does not wait for servers that are not there.
pub(crate) async fn deployment(services: &Services) -> Result<Direct, Failure> {
    let broker = broker(services, "command")?;
    let Some(store) = store(services).await? else {
        return Err(Failure::usage(Code::Settings, "--redis-url is missing: it says where Redis is"));
    };
    let both = async {
        up(broker.link()).await?;
        up(store.link()).await
    };
    match runtime::timeout(COMMAND_MS, both).await {
        Some(ready) => ready?,
        None => return Err(late(&broker.link(), &store.link())),
    }
    let partitions = store.partitions(services.partitions).await?;
    let artifacts = artifacts(services).await?;
    let broker: Arc<dyn Broker> = broker;
    let (routes, accepted) = (services.routes.clone(), Accepted::Confirmed);
    Ok(Direct { broker, store, artifacts, routes, partitions, accepted })
}

/// What a command that waited long enough says.
fn late(broker: &watch::Receiver<Link>, store: &watch::Receiver<Link>) -> Failure {
    for link in [broker, store] {
        if let Link::Down { reason } = &*link.borrow() {
            return reason.clone().into();
        }
    }
    Failure::store(Code::Platform, "RabbitMQ and Redis do not answer").advice("see whether they run, and try again")
}
