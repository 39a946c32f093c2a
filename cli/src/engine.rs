//! All parts in one process, on the embedded broker and store: planner, assembler and worker around one job.

mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use candor_assembler::Assembler;
use candor_planner::Planner;
use candor_platform::artifacts::folder::Folder;
use candor_platform::broker::embedded::EmbeddedBroker;
use candor_platform::broker::{Binding, Properties, to_queue};
use candor_platform::config::Environment;
use candor_platform::store::embedded::EmbeddedStore;
use candor_platform::{Broker, Clock, Consumer, Store, SystemClock};
use candor_proto::codec::Encoding;
use candor_proto::message::JobRequest;
use candor_proto::route::Routes;
use candor_proto::{JobId, Message, MessageId, Recorded};
use candor_workflow::catalogue::Catalogue;
use uuid::Uuid;

use crate::failure::{Code, Failure};
use worker::Worker;

/// Partitions of an engine that carries one job.
const PARTITIONS: u32 = 1;
/// Notices that may wait for the display.
const NOTICES_PREFETCH: u32 = 10_000;
/// Events read from the store at once.
const PAGE_EVENTS: usize = 8_192;

/// What an engine is told.
pub(crate) struct Settings {
    /// The store's file.
    pub(crate) store: PathBuf,
    /// How long to wait for another process that has it open, in milliseconds.
    pub(crate) wait_ms: u64,
    /// Where bodies lie.
    pub(crate) artifacts: PathBuf,
    /// Where attempts have their folders; `None` means the system's temporary directory.
    pub(crate) work_dir: Option<PathBuf>,
    /// Where files with secrets lie.
    pub(crate) secrets_dir: Option<PathBuf>,
    /// Where installed actions are declared.
    pub(crate) actions_dir: Option<PathBuf>,
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
    broker: Arc<dyn Broker>,
    store: Arc<EmbeddedStore>,
    clock: Arc<dyn Clock>,
    routes: Routes,
    planner: Planner,
    assembler: Assembler,
    worker: Worker,
    replies: Box<dyn Consumer>,
    notices: Box<dyn Consumer>,
    mailbox: String,
}

impl Engine {
    /// Starts everything; recovery of what the store holds begins at once.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Failure> {
        let hub = EmbeddedBroker::new();
        let broker = hub.connect();
        let store = Arc::new(EmbeddedStore::open_waiting(&settings.store, settings.wait_ms).await?);
        store.partitions(PARTITIONS).await?;
        let artifacts = Arc::new(Folder::open(&settings.artifacts).await?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let routes = Routes::default();
        let fresh: Arc<dyn Fn() -> Uuid + Send + Sync> = Arc::new(Uuid::now_v7);
        broker.declare(&routes.topology(PARTITIONS, &settings.pools)).await?;
        let mailbox = routes.replies("run");
        broker.declare_private(&routes.private(mailbox.clone()), &[]).await?;
        let replies = broker.consume(&mailbox, 8).await?;
        let watch = routes.worker("run.watch");
        let everything = Binding { exchange: routes.events(), key: "#".to_owned() };
        broker.declare_private(&routes.private(watch.clone()), &[everything]).await?;
        let notices = broker.consume(&watch, NOTICES_PREFETCH).await?;
        let worker = Worker::start(&settings, &routes, hub.connect(), Arc::clone(&artifacts), Arc::clone(&clock))?;
        let assembler = Assembler::start(
            candor_assembler::Config { partitions: PARTITIONS, ..candor_assembler::Config::default() },
            candor_assembler::service::Parts {
                broker: hub.connect(),
                store: store.clone(),
                artifacts: artifacts.clone(),
                clock: Arc::clone(&clock),
                routes: routes.clone(),
                catalogue: Arc::clone(&settings.catalogue),
                fresh: Arc::clone(&fresh),
            },
        );
        let planner = Planner::start(
            candor_planner::Config { instance: "run.planner".to_owned(), partitions: PARTITIONS },
            candor_planner::Parts {
                broker: hub.connect(),
                artifacts: artifacts.clone(),
                clock: Arc::clone(&clock),
                routes: routes.clone(),
                catalogue: settings.catalogue,
                fresh,
            },
        )
        .await
        .map_err(|error| Failure::store(Code::NotStarted, error.to_string()))?;
        Ok(Self { broker, store, clock, routes, planner, assembler, worker, replies, notices, mailbox })
    }

    /// Hands a request in; its answer will come to [`Engine::replies`].
    pub(crate) async fn submit(&self, request: JobRequest) -> Result<(), Failure> {
        let properties = Properties {
            message_id: Some(MessageId::from_uuid(Uuid::now_v7()).to_string()),
            reply_to: Some(self.mailbox.clone()),
            content_type: Some(Encoding::MessagePack.content_type().to_owned()),
            timestamp: Some(self.clock.now()),
            ..Properties::default()
        };
        let outgoing = to_queue(self.routes.jobs(), Message::JobRequest(Box::new(request)), properties);
        for result in self.broker.publish(vec![outgoing]).await {
            result?;
        }
        Ok(())
    }

    /// Answers and progress, to be waited for together, and the last trouble of the assembler.
    pub(crate) fn channels(&mut self) -> (&mut dyn Consumer, &mut dyn Consumer) {
        (&mut *self.replies, &mut *self.notices)
    }

    /// What keeps the assembler from its work.
    pub(crate) fn trouble(&self) -> candor_platform::runtime::sync::watch::Receiver<Option<candor_assembler::Error>> {
        self.assembler.trouble()
    }

    /// A job's whole log.
    pub(crate) async fn log(&self, job: JobId) -> Result<Vec<Recorded>, Failure> {
        let mut log: Vec<Recorded> = Vec::new();
        loop {
            let after = log.last().map_or(0, |recorded| recorded.seq);
            let page = self.store.log(job.partition(PARTITIONS), job, after, PAGE_EVENTS).await?;
            if page.is_empty() {
                return Ok(log);
            }
            log.extend(page);
        }
    }

    /// Takes nothing new, lets what runs end within its grace or ends it now, writes what is decided, and closes.
    pub(crate) async fn drain(self, at_once: bool) {
        self.planner.drain().await;
        self.worker.drain(at_once).await;
        self.assembler.drain().await;
        self.broker.close().await;
    }
}
