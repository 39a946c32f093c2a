//! What every service stands on, and how it comes to stand there.

use std::sync::{Arc, Mutex, PoisonError};

use candor_platform::artifacts::Artifacts;
use candor_platform::broker::amqp::AmqpBroker;
use candor_platform::config::{Environment, Reader};
use candor_platform::health::{self, Readiness};
use candor_platform::link::Link;
use candor_platform::runtime::{self, Running, sync::watch};
use candor_platform::service::{Drain, Switch};
use candor_platform::store::redis::RedisStore;
use candor_platform::{Broker, Clock, Error as PlatformError, Store, SystemClock};
use candor_proto::route::Topology;
use uuid::Uuid;

use crate::command::up::ending;
use crate::connections;
use crate::failure::{Code, Failure};
use crate::settings::{self, Services};

/// First and longest pause before something is tried again that the servers did not take, in milliseconds.
const PAUSE_MS: (u64, u64) = (100, 2_000);

/// What every service is told.
pub(super) struct Told {
    pub(super) services: Services,
    pub(super) instance: String,
    pub(super) health: Option<String>,
    pub(super) grace_ms: u64,
    pub(super) actions_dir: Option<std::path::PathBuf>,
}

impl Told {
    /// Reads it, for a service of this role.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        environment: &Environment,
        role: &str,
        needs: settings::Needs,
    ) -> Option<Self> {
        let services = settings::services(reader, environment, needs);
        let (instance, health) = (reader.text(&settings::INSTANCE), reader.text(&settings::HEALTH_ADDR));
        let (grace_ms, actions_dir) = (reader.millis(&settings::GRACE), reader.path(&settings::ACTIONS_DIR));
        let plain = |name: &str| name.chars().all(|each| each.is_ascii_alphanumeric() || "-_.".contains(each));
        if let Some(name) = instance.as_deref().filter(|name| !plain(name) || name.len() > INSTANCE_BYTES_MAX) {
            let form = format!("must be up to {INSTANCE_BYTES_MAX} letters, digits, `-`, `_` and `.`, not `{name}`");
            reader.object(&settings::INSTANCE, form);
        }
        let random = || format!("{role}-{}", &Uuid::new_v4().simple().to_string()[..8]);
        let (services, grace_ms) = (services?, grace_ms?);
        Some(Self { services, instance: instance.unwrap_or_else(random), health, grace_ms, actions_dir })
    }
}

/// The longest name of a process, in bytes: it is part of a queue's name.
const INSTANCE_BYTES_MAX: usize = 100;

/// What every service stands on.
pub(super) struct Ground {
    pub(super) broker: Arc<AmqpBroker>,
    pub(super) store: Option<Arc<RedisStore>>,
    pub(super) artifacts: Arc<dyn Artifacts>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) drain: Drain,
    health: Health,
    _listening: Running<()>,
    _switch: Switch,
}

impl Ground {
    /// Waits for the servers, however long it takes. `None` when the service was asked to end before.
    ///
    /// # Errors
    ///
    /// When something is wrong that a person has to mend first.
    pub(super) async fn reach(told: &Told) -> Result<Option<Self>, Failure> {
        let (switch, drain) = Drain::new();
        let grace_ms = told.grace_ms;
        let listening = switch.on_signals(move |phase| ending(phase, grace_ms));
        let listening = listening
            .map_err(|error| Failure::store(Code::NotStarted, format!("could not listen to signals: {error}")))?;
        let health = Health::start(told.health.as_deref()).await?;
        let broker = connections::broker(&told.services, &told.instance)?;
        let store = connections::store(&told.services).await?;
        health.links(broker.link(), store.as_ref().map(|store| store.link()));
        let reaching = async {
            connections::up(broker.link()).await?;
            if let Some(store) = &store {
                connections::up(store.link()).await?;
            }
            let artifacts = connections::artifacts(&told.services).await?;
            connections::agree(&told.services, &*artifacts, store.as_deref(), &told.instance).await?;
            Ok::<_, Failure>(artifacts)
        };
        let artifacts = runtime::select! {
            artifacts = reaching => artifacts?,
            () = drain.draining() => return Ok(None),
        };
        let clock = Arc::new(SystemClock);
        Ok(Some(Self { broker, store, artifacts, clock, drain, health, _listening: listening, _switch: switch }))
    }

    /// Does something that the servers may not take yet, until they do. `None` when the service was asked to end before.
    pub(super) async fn patiently<T, F>(&self, what: &str, mut act: impl FnMut() -> F) -> Result<Option<T>, Failure>
    where
        F: Future<Output = Result<T, PlatformError>>,
    {
        let mut pause_ms = PAUSE_MS.0;
        loop {
            match act().await {
                Ok(value) => return Ok(Some(value)),
                Err(error) if error.transient() => {
                    tracing::warn!(%error, "{what} does not work yet; trying again");
                }
                Err(error) => return Err(error.into()),
            }
            runtime::select! {
                () = runtime::sleep(pause_ms) => {}
                () = self.drain.draining() => return Ok(None),
            }
            pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
        }
    }

    /// Declares queues. `None` when the service was asked to end before.
    pub(super) async fn declare(&self, topology: &Topology) -> Result<Option<()>, Failure> {
        self.patiently("declaring the queues", || self.broker.declare(topology)).await
    }

    /// Whether a deployment with another number of partitions is here; its store says so to assemblers, its queues to the others.
    pub(super) async fn same_partitions(&self, told: &Told) -> Result<Option<()>, Failure> {
        let Services { routes, partitions, .. } = &told.services;
        let beyond = routes.assembler(*partitions);
        let found = self.patiently("looking for the partitions' queues", || self.broker.standing(&beyond)).await?;
        match found {
            None => Ok(None),
            Some(None) => Ok(Some(())),
            Some(Some(_)) => Err(Failure::usage(
                Code::Settings,
                format!("there is a queue `{beyond}`, so this deployment has more than {partitions} partitions"),
            )
            .advice("give every service the same --partitions")),
        }
    }

    /// The store, of a service that needs one.
    pub(super) fn store(&self) -> Result<Arc<dyn Store>, Failure> {
        let store = self.store.clone().ok_or_else(|| Failure::internal("this service has no store"))?;
        Ok(store)
    }

    /// The service does its work from now on; `trouble` says what keeps it from it.
    pub(super) fn ready(&self, trouble: impl Fn() -> Option<String> + Send + Sync + 'static) {
        self.health.ready(trouble);
    }

    /// Waits until the service is asked to end; from then on it is not ready.
    pub(super) async fn asked_to_end(&self) {
        self.drain.draining().await;
        self.health.ready(|| Some("it is about to end".to_owned()));
    }
}

type Trouble = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// What health checks are told.
#[derive(Clone)]
struct Health {
    links: Arc<Mutex<Vec<watch::Receiver<Link>>>>,
    trouble: Arc<Mutex<Trouble>>,
}

impl Health {
    /// Begins to answer, where somebody asks for it.
    async fn start(address: Option<&str>) -> Result<Self, Failure> {
        let starting: Trouble = Box::new(|| Some("it is starting".to_owned()));
        let health = Self { links: Arc::default(), trouble: Arc::new(Mutex::new(starting)) };
        if let Some(address) = address {
            let asked = health.clone();
            health::serve(address, move || asked.readiness()).await?;
        }
        Ok(health)
    }

    fn links(&self, broker: watch::Receiver<Link>, store: Option<watch::Receiver<Link>>) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        *links = std::iter::once(broker).chain(store).collect();
    }

    fn ready(&self, trouble: impl Fn() -> Option<String> + Send + Sync + 'static) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(trouble);
    }

    fn readiness(&self) -> Readiness {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let down = links.iter().filter_map(|link| match &*link.borrow() {
            Link::Up => None,
            Link::Blocked { reason } => Some(format!("blocked: {reason}")),
            Link::Down { reason } => Some(reason.to_string()),
        });
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner)();
        Readiness::of(down.chain(trouble))
    }
}
