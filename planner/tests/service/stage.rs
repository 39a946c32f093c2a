//! The world around a planner.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use candor_planner::{Config, Parts, Planner};
use candor_platform::artifacts::folder::Folder;
use candor_platform::broker::embedded::{Depth, EmbeddedBroker};
use candor_platform::broker::{Binding, Delivery, Fate, Outgoing, Properties, Settle, Settled, Standing, to_queue};
use candor_platform::error::{Error, Result};
use candor_platform::{Broker, Clock, Consumer, runtime};
use candor_proto::message::{Document, JobRequest, Planned};
use candor_proto::route::{Queue, Routes, Topology};
use candor_proto::{JobId, Message, Millis};
use candor_workflow::catalogue::Catalogue;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const START: Millis = 1_790_000_000_000;
/// How long anything may take, in milliseconds of a time that moves by itself.
const WAIT_MS: u64 = 3_600_000;
pub(crate) const TEXT: &str = "name: small\ntasks:\n  - id: only\n    run: echo small\n";

/// A clock that follows the paused time.
struct Sundial(tokio::time::Instant);

impl Clock for Sundial {
    fn now(&self) -> Millis {
        START + u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

type Screen = Box<dyn FnMut(&Outgoing) -> Option<Error> + Send>;

/// A broker that refuses what a test says, hands over what a test made unreadable, and can be cut off.
pub(crate) struct Screened {
    inner: Mutex<Arc<dyn Broker>>,
    screen: Mutex<Screen>,
    published: AtomicU64,
}

impl Screened {
    fn inner(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.inner.lock().unwrap())
    }

    /// From now on the messages for which this has an error are refused.
    pub(crate) fn screen(&self, screen: impl FnMut(&Outgoing) -> Option<Error> + Send + 'static) {
        *self.screen.lock().unwrap() = Box::new(screen);
    }

    /// How many messages the planner has sent or tried to send.
    pub(crate) fn published(&self) -> u64 {
        self.published.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Broker for Screened {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.inner().declare(topology).await
    }

    async fn declare_private(&self, queue: &Queue, bindings: &[Binding]) -> Result<()> {
        self.inner().declare_private(queue, bindings).await
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<()>> {
        let mut results = Vec::new();
        for outgoing in batch {
            assert!(self.published.fetch_add(1, Ordering::SeqCst) < 100_000, "something runs round and round");
            let refused = (self.screen.lock().unwrap())(&outgoing);
            results.push(match refused {
                Some(error) => Err(error),
                None => self.inner().publish(vec![outgoing]).await.remove(0),
            });
        }
        results
    }

    async fn consume(&self, queue: &str, prefetch: u32) -> Result<Box<dyn Consumer>> {
        Ok(Box::new(Garbled(self.inner().consume(queue, prefetch).await?)))
    }

    async fn standing(&self, queue: &str) -> Result<Option<Standing>> {
        self.inner().standing(queue).await
    }

    async fn close(&self) {
        self.inner().close().await;
    }
}

/// Requests whose source is named so arrive unreadable, as a broker of bytes would hand them over.
pub(crate) const UNREADABLE: &str = "unreadable";

struct Garbled(Box<dyn Consumer>);

struct Through(Delivery);

impl Settle for Through {
    fn settle(self: Box<Self>, fate: Fate) -> futures_util::future::BoxFuture<'static, Settled> {
        let Self(delivery) = *self;
        Box::pin(async move {
            match fate {
                Fate::Done => delivery.done().await,
                Fate::Again => delivery.again().await,
                Fate::Dead => delivery.dead().await,
            }
        })
    }

    fn abandon(self: Box<Self>) {}
}

fn garble(mut delivery: Delivery) -> Delivery {
    let message = match delivery.take() {
        Ok(Message::JobRequest(request)) if request.source_name.as_deref() == Some(UNREADABLE) => {
            Err(candor_proto::Error::MessageType { found: UNREADABLE.into() })
        }
        message => message,
    };
    let (properties, redelivered) = (delivery.properties.clone(), delivery.redelivered);
    Delivery::new(message, properties, redelivered, Box::new(Through(delivery)))
}

#[async_trait]
impl Consumer for Garbled {
    async fn next(&mut self) -> Option<Delivery> {
        self.0.next().await.map(garble)
    }

    async fn next_batch(&mut self, max: usize, linger_ms: u64) -> Vec<Delivery> {
        self.0.next_batch(max, linger_ms).await.into_iter().map(garble).collect()
    }

    async fn cancel(&mut self) {
        self.0.cancel().await;
    }
}

pub(crate) struct Stage {
    pub(crate) hub: EmbeddedBroker,
    pub(crate) broker: Arc<Screened>,
    pub(crate) artifacts: Arc<Folder>,
    pub(crate) routes: Routes,
    pub(crate) people: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    _folder: TempDir,
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

pub(crate) fn request(key: &str) -> JobRequest {
    JobRequest {
        workflow: Some(Document::Text(TEXT.into())),
        idempotency_key: Some(key.into()),
        ..JobRequest::default()
    }
}

pub(crate) fn job(key: &str) -> JobId {
    JobId::from_key("", key)
}

/// What a client sends beside its request.
pub(crate) fn properties(reply_to: Option<&str>, content_type: Option<&str>) -> Properties {
    Properties {
        reply_to: reply_to.map(str::to_owned),
        content_type: content_type.map(str::to_owned),
        correlation_id: Some("mine".into()),
        ..Properties::default()
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let hub = EmbeddedBroker::new();
        let people = hub.connect();
        let routes = Routes::default();
        people.declare(&routes.topology(1, &[])).await.unwrap();
        let folder = TempDir::new().unwrap();
        let broker = Screened {
            inner: Mutex::new(hub.connect()),
            screen: Mutex::new(Box::new(|_| None)),
            published: AtomicU64::new(0),
        };
        Self {
            broker: Arc::new(broker),
            hub,
            artifacts: Arc::new(Folder::open(folder.path()).await.unwrap()),
            routes,
            people,
            clock: Arc::new(Sundial(tokio::time::Instant::now())),
            _folder: folder,
        }
    }

    pub(crate) async fn planner(&self) -> Planner {
        self.named("planner").await
    }

    pub(crate) async fn named(&self, instance: &str) -> Planner {
        let config = Config { instance: instance.into(), partitions: 1 };
        let parts = Parts {
            broker: self.broker.clone(),
            artifacts: self.artifacts.clone(),
            clock: Arc::clone(&self.clock),
            routes: self.routes.clone(),
            catalogue: Arc::new(Catalogue::built_in().unwrap()),
            fresh: Arc::new(Uuid::new_v4),
        };
        Planner::start(config, parts).await.unwrap()
    }

    /// The connection of the planner breaks, and one takes its place.
    pub(crate) async fn break_connection(&self) {
        let broken = std::mem::replace(&mut *self.broker.inner.lock().unwrap(), self.hub.connect());
        broken.close().await;
    }

    pub(crate) async fn submit(&self, request: JobRequest, properties: Properties) {
        self.put(&self.routes.jobs(), Message::JobRequest(Box::new(request)), properties).await;
    }

    pub(crate) async fn put(&self, queue: &str, message: Message, properties: Properties) {
        for result in self.people.publish(vec![to_queue(queue, message, properties)]).await {
            result.unwrap();
        }
    }

    /// A queue of somebody's own.
    pub(crate) async fn mailbox(&self, name: &str) -> Box<dyn Consumer> {
        self.people.declare_private(&self.routes.private(name.into()), &[]).await.unwrap();
        self.people.consume(name, 1_000).await.unwrap()
    }

    /// The assembler's end of the partition's queue.
    pub(crate) async fn assembler(&self) -> Box<dyn Consumer> {
        self.people.consume(&self.routes.assembler(0), 10_000).await.unwrap()
    }

    /// What the assembler says once it has a plan.
    pub(crate) async fn say_recorded(&self, message: &Message) {
        let (job, to) = match message {
            Message::PlanReady(ready) => (ready.job, ready.recorded_to.clone()),
            Message::PlanRefused(refused) => (refused.job, refused.recorded_to.clone()),
            other => panic!("no plan: {other:?}"),
        };
        self.put(&to.unwrap(), Message::Planned(Planned { job }), Properties::default()).await;
    }

    pub(crate) fn requests(&self) -> Depth {
        self.hub.depth(&self.routes.jobs()).unwrap()
    }

    pub(crate) fn dead(&self) -> usize {
        self.hub.depth(&self.routes.dead()).unwrap().ready
    }

    /// Waits until no request is left.
    pub(crate) async fn served(&self) {
        until("every request is served", || {
            let depth = self.requests();
            depth.ready + depth.unsettled == 0
        })
        .await;
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }
}

/// The next message of a queue, settled.
pub(crate) async fn next(consumer: &mut dyn Consumer) -> (Message, Properties) {
    let mut delivery = soon("a message", consumer.next()).await.expect("the queue is there");
    let message = delivery.take().unwrap();
    let properties = delivery.properties.clone();
    assert_eq!(delivery.done().await, Settled::Yes);
    (message, properties)
}

/// Whether nothing comes for a long while.
pub(crate) async fn is_silent(consumer: &mut dyn Consumer, ms: u64) -> bool {
    runtime::timeout(ms, consumer.next()).await.is_none()
}
