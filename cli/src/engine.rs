//! All parts in one process, on the embedded broker and store: planner, assembler and worker.

mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use candor_assembler::Assembler;
use candor_planner::Planner;
use candor_platform::artifacts::folder::Folder;
use candor_platform::broker::embedded::EmbeddedBroker;
use candor_platform::config::Environment;
use candor_platform::store::embedded::EmbeddedStore;
use candor_platform::{Artifacts, Clock, Store, SystemClock};
use candor_proto::route::Routes;
use candor_workflow::catalogue::Catalogue;
use uuid::Uuid;

use crate::deployment::{Accepted, Direct};
use crate::failure::{Code, Failure};
use worker::Worker;
pub(crate) use worker::secrets;

/// What an engine is told.
pub(crate) struct Settings {
    /// Its name in queues and logs.
    pub(crate) instance: &'static str,
    /// The store's file.
    pub(crate) store: PathBuf,
    /// How long to wait for another process that has it open, in milliseconds.
    pub(crate) wait_ms: u64,
    /// Partitions of the store.
    pub(crate) partitions: u32,
    /// Where bodies lie.
    pub(crate) artifacts: PathBuf,
    /// Where attempts have their folders; `None` means the system's temporary directory.
    pub(crate) work_dir: Option<PathBuf>,
    /// Where files with secrets lie.
    pub(crate) secrets_dir: Option<PathBuf>,
    /// Where installed actions are declared.
    pub(crate) actions_dir: Option<PathBuf>,
    /// Parents of absolute paths that may be read; `None` allows all.
    pub(crate) allow_paths: Option<Vec<PathBuf>>,
    /// What makes a request accepted.
    pub(crate) accepted: Accepted,
    /// Pools to serve.
    pub(crate) pools: Vec<String>,
    /// Attempts at once.
    pub(crate) concurrency: u32,
    /// How long running attempts may go on while the engine drains, in milliseconds.
    pub(crate) grace_ms: u64,
    /// The variables of this process: attempts are told where programs are, and secrets are looked up in them.
    pub(crate) environment: Environment,
    /// What actions there are.
    pub(crate) catalogue: Arc<Catalogue>,
}

/// A running engine.
pub(crate) struct Engine {
    direct: Direct,
    planner: Planner,
    assembler: Assembler,
    worker: Worker,
}

impl Engine {
    /// Starts everything; recovery of what the store holds begins at once.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Failure> {
        let hub = EmbeddedBroker::new();
        let broker = hub.connect();
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open_waiting(&settings.store, settings.wait_ms).await?);
        let partitions = store.partitions(settings.partitions).await?;
        let artifacts: Arc<dyn Artifacts> = Arc::new(Folder::open(&settings.artifacts).await?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let routes = Routes::default();
        let fresh: Arc<dyn Fn() -> Uuid + Send + Sync> = Arc::new(Uuid::now_v7);
        broker.declare(&routes.topology(partitions, &settings.pools)).await?;
        let direct = Direct {
            broker,
            store: store.clone(),
            artifacts: artifacts.clone(),
            routes: routes.clone(),
            partitions,
            accepted: settings.accepted,
        };
        let worker = Worker::start(&settings, &direct, hub.connect(), Arc::clone(&clock))?;
        let assembler = Assembler::start(
            candor_assembler::Config {
                instance: settings.instance.to_owned(),
                partitions,
                ..candor_assembler::Config::default()
            },
            candor_assembler::service::Parts {
                broker: hub.connect(),
                store,
                artifacts: artifacts.clone(),
                clock: Arc::clone(&clock),
                routes: routes.clone(),
                catalogue: Arc::clone(&settings.catalogue),
                fresh: Arc::clone(&fresh),
            },
        );
        let planner = Planner::start(
            candor_planner::Config { instance: format!("{}.planner", settings.instance), partitions },
            candor_planner::Parts {
                broker: hub.connect(),
                artifacts,
                clock,
                routes,
                catalogue: settings.catalogue,
                fresh,
            },
        )
        .await
        .map_err(|error| Failure::store(Code::NotStarted, error.to_string()))?;
        Ok(Self { direct, planner, assembler, worker })
    }

    /// What commands speak to.
    pub(crate) const fn deployment(&self) -> &Direct {
        &self.direct
    }

    /// What keeps the assembler from its work.
    pub(crate) fn trouble(&self) -> candor_platform::runtime::sync::watch::Receiver<Option<candor_assembler::Error>> {
        self.assembler.trouble()
    }

    /// What keeps the worker from carrying attempts out.
    pub(crate) fn worker_trouble(
        &self,
    ) -> candor_platform::runtime::sync::watch::Receiver<Option<candor_worker::Trouble>> {
        self.worker.trouble()
    }

    /// Takes nothing new, lets what runs end within its grace or ends it now, writes what is decided, and closes.
    pub(crate) async fn drain(self, at_once: bool) {
        self.planner.drain().await;
        self.worker.drain(at_once).await;
        self.assembler.drain().await;
        self.direct.broker.close().await;
    }
}
