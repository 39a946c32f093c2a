//! The world around assemblers: a broker, a store, and whoever else speaks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use candor_assembler::service::Parts;
use candor_assembler::{Assembler, Config};
use candor_platform::artifacts::folder::Folder;
use candor_platform::broker::embedded::{Depth, EmbeddedBroker};
use candor_platform::broker::{Binding, Properties, to_queue};
use candor_platform::runtime::sync::watch;
use candor_platform::store::memory::MemoryStore;
use candor_platform::{Broker, Clock, Store, runtime};
use candor_proto::message::{Assignment, Directive, PlanReady};
use candor_proto::route::Routes;
use candor_proto::{Job, JobId, Message, MessageId, Millis, Recorded};
use candor_workflow::catalogue::Catalogue;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::diary::Diary;
use crate::line::Line;
use crate::outputs::Shelf;
use crate::weather::{Weather, WeatheredBroker, WeatheredStore};
use crate::work::{Act, report};

pub(crate) const START: Millis = 1_790_000_000_000;
/// How long anything may take, in milliseconds of a time that moves by itself.
const WAIT_MS: u64 = 3_600_000;

/// A clock that follows the paused time.
struct Sundial(tokio::time::Instant);

impl Clock for Sundial {
    fn now(&self) -> Millis {
        START + u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

pub(crate) struct Stage {
    pub(crate) hub: EmbeddedBroker,
    pub(crate) store: MemoryStore,
    pub(crate) artifacts: Arc<Folder>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) routes: Routes,
    pub(crate) diary: Diary,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) partitions: u32,
    people: Arc<dyn Broker>,
    recorded: Arc<watch::Sender<BTreeSet<JobId>>>,
    replies: Arc<watch::Sender<BTreeMap<JobId, Vec<Message>>>>,
    lives: AtomicUsize,
    ids: Arc<AtomicU64>,
    _folder: TempDir,
}

/// One life of an assembler.
pub(crate) struct Life {
    pub(crate) number: usize,
    pub(crate) assembler: Assembler,
    pub(crate) weather: Arc<Weather>,
    connection: Arc<Line>,
}

impl Life {
    /// Its connection breaks, and it gets another one.
    pub(crate) async fn break_off(&self) {
        self.connection.break_off().await;
    }

    /// The process is gone: its connection breaks, and nothing it asked for comes back.
    pub(crate) async fn kill(self) {
        self.weather.die();
        self.connection.close().await;
    }
}

/// The value that a future comes to, within the time that anything may take.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    runtime::timeout(WAIT_MS, future).await.unwrap_or_else(|| panic!("{what}: nothing came"))
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let asking = async {
        while !holds() {
            runtime::sleep(1).await;
        }
    };
    soon(what, asking).await;
}

/// Lets time pass.
pub(crate) async fn pass(ms: u64) {
    runtime::sleep(ms).await;
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(1, &["default"]).await
    }

    pub(crate) async fn with(partitions: u32, pools: &[&str]) -> Self {
        let hub = EmbeddedBroker::new();
        let people = hub.connect();
        let routes = Routes::default();
        let pools: Vec<String> = pools.iter().map(|pool| (*pool).to_owned()).collect();
        people.declare(&routes.topology(partitions, &pools)).await.unwrap();
        let folder = TempDir::new().unwrap();
        let artifacts = Arc::new(Folder::open(folder.path()).await.unwrap());
        let stage = Self {
            hub,
            store: MemoryStore::new(),
            shelf: Arc::new(Shelf::new(Arc::clone(&artifacts))),
            artifacts,
            routes,
            diary: Diary::default(),
            clock: Arc::new(Sundial(tokio::time::Instant::now())),
            partitions,
            people,
            recorded: Arc::new(watch::Sender::new(BTreeSet::new())),
            replies: Arc::new(watch::Sender::new(BTreeMap::new())),
            lives: AtomicUsize::new(0),
            ids: Arc::new(AtomicU64::new(0)),
            _folder: folder,
        };
        stage.listen("planner").await;
        stage.listen("client").await;
        stage
    }

    /// Keeps what comes to this queue.
    pub(crate) async fn listen(&self, queue: &str) {
        self.people.declare_private(&self.routes.private(queue.to_owned()), &[]).await.unwrap();
        let mut consumer = self.people.consume(queue, 1_000).await.unwrap();
        let (recorded, replies) = (Arc::clone(&self.recorded), Arc::clone(&self.replies));
        runtime::spawn(async move {
            while let Some(mut delivery) = consumer.next().await {
                match delivery.take().unwrap() {
                    Message::Planned(planned) => recorded.send_modify(|jobs| {
                        jobs.insert(planned.job);
                    }),
                    message => replies.send_modify(|replies| {
                        replies.entry(message.job().unwrap()).or_default().push(message);
                    }),
                }
                let _ = delivery.done().await;
            }
        });
    }

    /// One more assembler, with a connection of its own.
    pub(crate) fn life(&self) -> Life {
        self.life_with(Config { lease_ms: 15_000, ..Config::default() })
    }

    pub(crate) fn life_with(&self, config: Config) -> Life {
        let number = self.lives.fetch_add(1, Ordering::SeqCst);
        let weather = Weather::new(number, self.diary.clone());
        self.life_under(config, number, weather)
    }

    /// One more assembler, under a weather that is decided before it begins.
    pub(crate) fn life_in(&self, config: Config, prepare: impl FnOnce(&Weather)) -> Life {
        let number = self.lives.fetch_add(1, Ordering::SeqCst);
        let weather = Weather::new(number, self.diary.clone());
        prepare(&weather);
        self.life_under(config, number, weather)
    }

    fn life_under(&self, config: Config, number: usize, weather: Arc<Weather>) -> Life {
        let connection = Arc::new(Line::new(&self.hub));
        let ids = Arc::clone(&self.ids);
        let parts = Parts {
            broker: Arc::new(WeatheredBroker { weather: Arc::clone(&weather), inner: connection.clone() }),
            store: Arc::new(WeatheredStore { weather: Arc::clone(&weather), inner: Arc::new(self.store.clone()) }),
            artifacts: self.shelf.clone(),
            clock: Arc::clone(&self.clock),
            routes: self.routes.clone(),
            catalogue: Arc::new(Catalogue::built_in().unwrap()),
            fresh: Arc::new(move || Uuid::from_u64_pair(8, ids.fetch_add(1, Ordering::SeqCst))),
        };
        let config = Config { partitions: self.partitions, ..config };
        let assembler = Assembler::start(config, parts);
        Life { number, assembler, weather, connection }
    }

    /// A worker of a pool, with a connection of its own. What it holds it keeps for ever.
    pub(crate) async fn worker(&self, pool: &str, act: impl FnMut(&Assignment) -> Act + Send + 'static) {
        let connection = self.hub.connect();
        let consumer = connection.consume(&self.routes.tasks(pool), 10_000).await.unwrap();
        runtime::spawn(carry_out(connection, consumer, act));
    }

    /// Sends a message to the queue of its job's partition.
    pub(crate) async fn tell(&self, message: Message) {
        let partition = message.job().map_or(0, |job| job.partition(self.partitions));
        self.put(&self.routes.assembler(partition), message).await;
    }

    pub(crate) async fn put(&self, queue: &str, message: Message) {
        send(&*self.people, queue, message).await;
    }

    /// A person decides something.
    pub(crate) async fn direct(&self, directive: Directive, properties: Properties) {
        let queue = self.routes.assembler(directive.job.partition(self.partitions));
        let outgoing = to_queue(queue, Message::Directive(Box::new(directive)), properties);
        for result in self.people.publish(vec![outgoing]).await {
            result.unwrap();
        }
    }

    /// The jobs that are revoked as a whole, as a worker hears it.
    pub(crate) async fn control(&self, queue: &str) -> runtime::sync::mpsc::Receiver<JobId> {
        let binding = Binding { exchange: self.routes.control(), key: String::new() };
        self.people.declare_private(&self.routes.private(queue.to_owned()), &[binding]).await.unwrap();
        let mut consumer = self.people.consume(queue, 10).await.unwrap();
        let (heard, revoked) = runtime::sync::mpsc::channel(10);
        runtime::spawn(async move {
            while let Some(mut delivery) = consumer.next().await {
                if let Ok(Message::Revocation(revocation)) = delivery.take() {
                    assert!(revocation.attempts.is_empty(), "the whole job");
                    heard.send(revocation.job).await.unwrap();
                }
                let _ = delivery.done().await;
            }
        });
        revoked
    }

    /// What the planner does: sends the plan until it is recorded.
    pub(crate) fn submit(&self, ready: PlanReady) {
        let (people, mut recorded) = (Arc::clone(&self.people), self.recorded.subscribe());
        let queue = self.routes.assembler(ready.job.partition(self.partitions));
        runtime::spawn(async move {
            loop {
                send(&*people, &queue, Message::PlanReady(Box::new(ready.clone()))).await;
                let waiting = recorded.wait_for(|jobs| jobs.contains(&ready.job));
                if runtime::timeout(5_000, waiting).await.is_some() {
                    return;
                }
            }
        });
    }

    pub(crate) async fn recorded(&self, job: JobId) {
        let mut recorded = self.recorded.subscribe();
        soon("recorded", recorded.wait_for(|jobs| jobs.contains(&job))).await.unwrap();
    }

    /// The replies about a job so far.
    pub(crate) fn replies(&self, job: JobId) -> Vec<Message> {
        self.replies.borrow().get(&job).cloned().unwrap_or_default()
    }

    /// The first reply about a job.
    pub(crate) async fn reply(&self, job: JobId) -> Message {
        let mut replies = self.replies.subscribe();
        let found = soon("a reply", replies.wait_for(|replies| replies.contains_key(&job))).await.unwrap();
        found[&job][0].clone()
    }

    /// The first reply about a job, which must be its answer.
    pub(crate) async fn answer(&self, job: JobId) -> Value {
        answer_of(self.reply(job).await)
    }

    pub(crate) fn depth(&self, queue: &str) -> Depth {
        self.hub.depth(queue).unwrap_or_default()
    }

    /// Whether no partition has anything left to do, in its queue or its logs.
    pub(crate) fn is_quiet(&self) -> bool {
        (0..self.partitions).all(|partition| {
            let depth = self.depth(&self.routes.assembler(partition));
            depth.ready == 0 && depth.unsettled == 0 && self.live(partition).is_empty()
        })
    }

    /// The live jobs of a partition. The store in memory never waits.
    pub(crate) fn live(&self, partition: u32) -> Vec<JobId> {
        let live = futures_util::FutureExt::now_or_never(self.store.live(partition));
        live.expect("it does not wait").unwrap_or_default()
    }

    /// The log of a job.
    pub(crate) async fn log(&self, job: JobId) -> Vec<Recorded> {
        self.store.log(job.partition(self.partitions), job, 0, usize::MAX).await.unwrap()
    }

    /// A job as its log has it.
    pub(crate) async fn folded(&self, job: JobId) -> Job {
        let mut folded = Job::new(job);
        self.log(job).await.iter().for_each(|recorded| folded.evolve(recorded));
        folded
    }

    pub(crate) async fn quiet(&self) {
        until("everything is done", || self.is_quiet()).await;
    }
}

pub(crate) fn answer_of(message: Message) -> Value {
    match message {
        Message::Answer(reply) => reply.answer,
        other => panic!("it is answered, not {other:?}"),
    }
}

async fn send(broker: &dyn Broker, queue: &str, message: Message) {
    let properties = Properties::fresh(MessageId::from_uuid(Uuid::new_v4()));
    for result in broker.publish(vec![to_queue(queue, message, properties)]).await {
        result.unwrap();
    }
}

async fn carry_out(
    connection: Arc<dyn Broker>,
    mut consumer: Box<dyn candor_platform::Consumer>,
    mut act: impl FnMut(&Assignment) -> Act,
) {
    let mut held = Vec::new();
    while let Some(delivery) = consumer.next().await {
        let Ok(Message::Assignment(assignment)) = delivery.message.clone() else { panic!("no assignment") };
        match act(&assignment) {
            Act::Report(outcome) => {
                let message = Message::Report(Box::new(report(&assignment, outcome)));
                send(&*connection, &assignment.report_to, message).await;
                let _ = delivery.done().await;
            }
            Act::Send(report) => {
                send(&*connection, &assignment.report_to, Message::Report(report)).await;
                let _ = delivery.done().await;
            }
            Act::Hold => held.push(delivery),
            Act::Forget => {
                let _ = delivery.done().await;
            }
        }
    }
}
