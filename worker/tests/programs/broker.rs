//! The embedded broker, with a record of what the worker does on it and in which order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use candor_platform::broker::embedded::{Depth, EmbeddedBroker};
use candor_platform::broker::{Binding, Fate, Outgoing, Properties, Settle, Settled, Standing, Target, to_queue};
use candor_platform::error::{Error, Result};
use candor_platform::runtime::sync::Notify;
use candor_platform::{Broker, Consumer, Delivery, runtime};
use candor_proto::limits::PARTITIONS;
use candor_proto::message::Planned;
use candor_proto::route::{Queue, Routes, Topology};
use candor_proto::{JobId, Message, MessageId};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// The pools of the deployment.
pub(crate) const POOLS: [&str; 2] = ["default", "other"];

type Content = std::result::Result<Message, candor_proto::Error>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happened {
    Published(String, Message),
    Settled(u32, Fate),
    Abandoned(u32),
}

#[derive(Default)]
pub(crate) struct Record {
    happened: Mutex<Vec<Happened>>,
    more: Notify,
    /// Messages of the test by their id: their number, and what the worker is to find instead of them.
    sent: Mutex<HashMap<String, (u32, Option<candor_proto::Error>)>>,
}

/// What the worker holds. The test itself has a connection of its own.
pub(crate) struct Recording {
    connection: Mutex<Arc<dyn Broker>>,
    outside: Arc<dyn Broker>,
    broker: EmbeddedBroker,
    pub(crate) record: Arc<Record>,
    /// Publishes that fail from now on.
    pub(crate) failing: Mutex<u32>,
    /// Declarations that find no broker from now on.
    pub(crate) absent: Mutex<u32>,
}

impl Record {
    fn add(&self, what: Happened) {
        self.happened.lock().unwrap().push(what);
        self.more.notify_waiters();
    }

    /// What has happened, once that is enough.
    pub(crate) async fn until(&self, enough: impl Fn(&[Happened]) -> bool) -> Vec<Happened> {
        loop {
            let more = self.more.notified();
            let now = self.happened.lock().unwrap().clone();
            if enough(&now) {
                return now;
            }
            // Beside the wake-up, because one may come between the look and the wait.
            runtime::timeout(100, more).await;
        }
    }
}

impl Recording {
    /// A broker on which all queues of a deployment are declared, and one for reports.
    pub(crate) async fn new(reports: &str) -> Arc<Self> {
        let broker = EmbeddedBroker::new();
        let (connection, outside) = (broker.connect(), broker.connect());
        let mut topology = Routes::default().topology(PARTITIONS, &POOLS.map(str::to_owned));
        let like = topology.queues.iter().find(|queue| queue.name == Routes::default().jobs()).unwrap().clone();
        topology.queues.push(Queue { name: reports.to_owned(), ..like });
        outside.declare(&topology).await.unwrap();
        let connection = Mutex::new(connection);
        let (failing, absent) = (Mutex::new(0), Mutex::new(0));
        Arc::new(Self { connection, outside, broker, record: Arc::default(), failing, absent })
    }

    /// The worker's connection breaks, and it gets another one.
    pub(crate) async fn break_off(&self) {
        let before = std::mem::replace(&mut *self.connection.lock().unwrap(), self.broker.connect());
        before.close().await;
    }

    fn now(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.connection.lock().unwrap())
    }

    fn is_there(&self) -> Result<()> {
        let mut absent = self.absent.lock().unwrap();
        if *absent == 0 {
            return Ok(());
        }
        *absent -= 1;
        Err(Error::NoAnswer { ms: 1 })
    }

    /// How a queue stands.
    pub(crate) fn depth(&self, queue: &str) -> Depth {
        self.broker.depth(queue).unwrap()
    }

    /// Puts a message into a queue; gives back its number. An error is what the worker finds there.
    pub(crate) async fn send(&self, queue: &str, content: Content) -> u32 {
        let id = MessageId::from_uuid(Uuid::new_v4());
        let (message, instead) = match content {
            Ok(message) => (message, None),
            Err(error) => (Message::Planned(Planned { job: JobId::from_uuid(Uuid::new_v4()) }), Some(error)),
        };
        let number = {
            let mut sent = self.record.sent.lock().unwrap();
            let number = u32::try_from(sent.len()).unwrap() + 1;
            sent.insert(id.to_string(), (number, instead));
            number
        };
        let publish = async {
            // The worker's own queue is there as soon as the worker is.
            while let Err(error) = self.publish_outside(queue, &message, id).await {
                assert!(matches!(error, Error::Unroutable { .. }), "{error}");
                runtime::sleep(5).await;
            }
        };
        runtime::timeout(10_000, publish).await.unwrap();
        number
    }

    async fn publish_outside(&self, queue: &str, message: &Message, id: MessageId) -> Result<()> {
        let outgoing = to_queue(queue, message.clone(), Properties::fresh(id));
        self.outside.publish(vec![outgoing]).await.pop().unwrap()
    }
}

#[async_trait]
impl Broker for Recording {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.is_there()?;
        self.now().declare(topology).await
    }

    async fn declare_private(&self, queue: &Queue, bindings: &[Binding]) -> Result<()> {
        self.is_there()?;
        self.now().declare_private(queue, bindings).await
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<()>> {
        let mut results = Vec::new();
        for outgoing in batch {
            let fails = {
                let mut failing = self.failing.lock().unwrap();
                let fails = *failing > 0;
                *failing = failing.saturating_sub(1);
                fails
            };
            if fails {
                results.push(Err(Error::NoAnswer { ms: 1 }));
                continue;
            }
            let (Target::Queue(place) | Target::Exchange { name: place, .. }) = outgoing.target.clone();
            let message = outgoing.message.clone();
            let result = self.now().publish(vec![outgoing]).await.pop().unwrap();
            if result.is_ok() {
                self.record.add(Happened::Published(place, message));
            }
            results.push(result);
        }
        results
    }

    async fn consume(&self, queue: &str, prefetch: u32) -> Result<Box<dyn Consumer>> {
        let consumer = self.now().consume(queue, prefetch).await?;
        Ok(Box::new(Deliveries { consumer, record: Arc::clone(&self.record) }))
    }

    async fn standing(&self, queue: &str) -> Result<Option<Standing>> {
        self.now().standing(queue).await
    }

    async fn close(&self) {
        self.now().close().await;
    }
}

struct Deliveries {
    consumer: Box<dyn Consumer>,
    record: Arc<Record>,
}

impl Deliveries {
    /// The delivery as the worker gets it, whose settlement is written down.
    fn watched(&self, mut delivery: Delivery) -> Delivery {
        let id = delivery.properties.message_id.clone().unwrap_or_default();
        let known = self.record.sent.lock().unwrap().get_mut(&id).map(|(number, instead)| (*number, instead.take()));
        let content = delivery.take();
        let (number, content) = match known {
            Some((number, Some(instead))) => (number, Err(instead)),
            Some((number, None)) => (number, content),
            None => (0, content),
        };
        let (properties, redelivered) = (delivery.properties.clone(), delivery.redelivered);
        let settle = Box::new(Settlement { number, delivery, record: Arc::clone(&self.record) });
        Delivery::new(content, properties, redelivered, settle)
    }
}

#[async_trait]
impl Consumer for Deliveries {
    async fn next(&mut self) -> Option<Delivery> {
        let delivery = self.consumer.next().await?;
        Some(self.watched(delivery))
    }

    async fn next_batch(&mut self, max: usize, linger_ms: u64) -> Vec<Delivery> {
        let batch = self.consumer.next_batch(max, linger_ms).await;
        batch.into_iter().map(|delivery| self.watched(delivery)).collect()
    }

    async fn cancel(&mut self) {
        self.consumer.cancel().await;
    }
}

struct Settlement {
    number: u32,
    delivery: Delivery,
    record: Arc<Record>,
}

impl Settle for Settlement {
    fn settle(self: Box<Self>, fate: Fate) -> BoxFuture<'static, Settled> {
        let Self { number, delivery, record } = *self;
        Box::pin(async move {
            let settled = match fate {
                Fate::Done => delivery.done().await,
                Fate::Again => delivery.again().await,
                Fate::Dead => delivery.dead().await,
            };
            assert_eq!(settled, Settled::Yes);
            record.add(Happened::Settled(number, fate));
            settled
        })
    }

    fn abandon(self: Box<Self>) {
        self.record.add(Happened::Abandoned(self.number));
    }
}
