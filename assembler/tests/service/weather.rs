//! What befalls one life of an assembler: calls that fail, hang, or never come back, and what it did meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use candor_platform::broker::{Binding, Delivery, Fate, Outgoing, Settle, Settled, Standing};
use candor_platform::error::{Error, Result};
use candor_platform::runtime::sync::watch;
use candor_platform::store::{Append, JobLine};
use candor_platform::{Broker, Consumer, Store};
use candor_proto::route::{Queue, Topology};
use candor_proto::{Epoch, JobId, Message, OwnerId, Recorded};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::diary::{Deed, Diary, id_of};

/// A call to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Call {
    Consume,
    Declare,
    Publish,
    Settle,
    Claim,
    Live,
    Log,
    Append,
    Fence,
}

/// What befalls it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Hit {
    /// Nothing.
    Pass,
    /// The power fails before it.
    DieBefore,
    /// The power fails after it, and nobody hears how it went.
    DieAfter,
    /// It does not happen.
    FailBefore(Error),
    /// It happens, and nobody hears of it.
    FailAfter(Error),
    /// A defect of ours.
    Panic,
}

type Decide = Box<dyn FnMut(Call, usize) -> Hit + Send>;
type Screen = Box<dyn FnMut(&Outgoing) -> Option<Error> + Send>;
type Garble = Box<dyn Fn(&Message) -> bool + Send>;

/// The weather of one life.
pub(crate) struct Weather {
    life: usize,
    diary: Diary,
    decide: Mutex<Decide>,
    screen: Mutex<Screen>,
    garble: Mutex<Garble>,
    calls: AtomicUsize,
    dead: watch::Sender<bool>,
}

impl Weather {
    pub(crate) fn new(life: usize, diary: Diary) -> Arc<Self> {
        Arc::new(Self {
            life,
            diary,
            decide: Mutex::new(Box::new(|_, _| Hit::Pass)),
            screen: Mutex::new(Box::new(|_| None)),
            garble: Mutex::new(Box::new(|_| false)),
            calls: AtomicUsize::new(0),
            dead: watch::Sender::new(false),
        })
    }

    /// From now on this decides what befalls the calls, which are numbered from 0.
    pub(crate) fn decide(&self, decide: impl FnMut(Call, usize) -> Hit + Send + 'static) {
        *self.decide.lock().unwrap() = Box::new(decide);
    }

    /// From now on the broker refuses the messages for which this has an error.
    pub(crate) fn screen(&self, screen: impl FnMut(&Outgoing) -> Option<Error> + Send + 'static) {
        *self.screen.lock().unwrap() = Box::new(screen);
    }

    /// From now on these messages arrive unreadable.
    pub(crate) fn garble(&self, garble: impl Fn(&Message) -> bool + Send + 'static) {
        *self.garble.lock().unwrap() = Box::new(garble);
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// From now on no call comes back.
    pub(crate) fn die(&self) {
        self.dead.send_replace(true);
    }

    /// Returns when this life is over.
    pub(crate) async fn dead(&self) {
        self.dead.subscribe().wait_for(|dead| *dead).await.unwrap();
    }

    async fn hang<T>(&self) -> T {
        self.die();
        std::future::pending().await
    }

    async fn next(&self, call: Call) -> Hit {
        if *self.dead.borrow() {
            return std::future::pending().await;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        assert!(number < 1_000_000, "something runs round and round");
        let hit = (self.decide.lock().unwrap())(call, number);
        match hit {
            Hit::DieBefore => self.hang().await,
            Hit::Panic => panic!("a defect in the middle of {call:?}"),
            other => other,
        }
    }

    async fn around<T>(&self, call: Call, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        match self.next(call).await {
            Hit::FailBefore(error) => Err(error),
            Hit::FailAfter(error) => work.await.and(Err(error)),
            Hit::DieAfter => {
                let _ = work.await;
                self.hang().await
            }
            Hit::Pass | Hit::DieBefore | Hit::Panic => work.await,
        }
    }
}

/// A broker under the weather.
pub(crate) struct WeatheredBroker {
    pub(crate) weather: Arc<Weather>,
    pub(crate) inner: Arc<dyn Broker>,
}

impl WeatheredBroker {
    async fn pass_on(&self, batch: Vec<Outgoing>) -> Vec<Result<()>> {
        for outgoing in &batch {
            self.weather.diary.write(self.weather.life, Deed::Offered(Box::new(outgoing.clone())));
        }
        let mut results: Vec<Option<Result<()>>> = Vec::new();
        let mut passing = Vec::new();
        for outgoing in &batch {
            let refused = (self.weather.screen.lock().unwrap())(outgoing);
            if refused.is_none() {
                passing.push(outgoing.clone());
            }
            results.push(refused.map(Err));
        }
        let mut passed = self.inner.publish(passing).await.into_iter();
        results.into_iter().map(|refused| refused.unwrap_or_else(|| passed.next().unwrap())).collect()
    }
}

#[async_trait]
impl Broker for WeatheredBroker {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.weather.around(Call::Declare, self.inner.declare(topology)).await
    }

    async fn declare_private(&self, queue: &Queue, bindings: &[Binding]) -> Result<()> {
        self.inner.declare_private(queue, bindings).await
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<()>> {
        let count = batch.len();
        match self.weather.next(Call::Publish).await {
            Hit::FailBefore(error) => vec![Err(error); count],
            Hit::FailAfter(error) => {
                self.pass_on(batch).await;
                vec![Err(error); count]
            }
            Hit::DieAfter => {
                self.pass_on(batch).await;
                self.weather.hang().await
            }
            Hit::Pass | Hit::DieBefore | Hit::Panic => {
                let results = self.pass_on(batch.clone()).await;
                for (outgoing, result) in batch.iter().zip(&results) {
                    if result.is_ok() {
                        self.weather.diary.write(self.weather.life, Deed::Taken(id_of(outgoing)));
                    }
                }
                results
            }
        }
    }

    async fn consume(&self, queue: &str, prefetch: u32) -> Result<Box<dyn Consumer>> {
        let inner = self.weather.around(Call::Consume, self.inner.consume(queue, prefetch)).await?;
        Ok(Box::new(WeatheredConsumer { weather: Arc::clone(&self.weather), inner }))
    }

    async fn standing(&self, queue: &str) -> Result<Option<Standing>> {
        self.inner.standing(queue).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

struct WeatheredConsumer {
    weather: Arc<Weather>,
    inner: Box<dyn Consumer>,
}

impl WeatheredConsumer {
    fn wrap(&self, mut inner: Delivery) -> Delivery {
        let message = inner.take().and_then(|message| match (self.weather.garble.lock().unwrap())(&message) {
            true => Err(candor_proto::Error::MessageType { found: "nonsense".into() }),
            false => Ok(message),
        });
        let (properties, redelivered) = (inner.properties.clone(), inner.redelivered);
        let settle = WeatheredSettle { weather: Arc::clone(&self.weather), message: message.clone(), inner };
        Delivery::new(message, properties, redelivered, Box::new(settle))
    }
}

#[async_trait]
impl Consumer for WeatheredConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        let delivery = self.inner.next().await?;
        Some(self.wrap(delivery))
    }

    async fn next_batch(&mut self, max: usize, linger_ms: u64) -> Vec<Delivery> {
        let batch = self.inner.next_batch(max, linger_ms).await;
        batch.into_iter().map(|delivery| self.wrap(delivery)).collect()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

struct WeatheredSettle {
    weather: Arc<Weather>,
    message: std::result::Result<Message, candor_proto::Error>,
    inner: Delivery,
}

impl Settle for WeatheredSettle {
    fn settle(self: Box<Self>, fate: Fate) -> BoxFuture<'static, Settled> {
        let Self { weather, message, inner } = *self;
        Box::pin(async move {
            let hit = weather.next(Call::Settle).await;
            if matches!(hit, Hit::FailBefore(_)) {
                return Settled::TooLate;
            }
            let settled = match fate {
                Fate::Done => inner.done().await,
                Fate::Again => inner.again().await,
                Fate::Dead => inner.dead().await,
            };
            match hit {
                Hit::DieAfter => weather.hang().await,
                Hit::FailAfter(_) => Settled::TooLate,
                Hit::Pass | Hit::DieBefore | Hit::FailBefore(_) | Hit::Panic => {
                    if settled == Settled::Yes {
                        weather.diary.write(weather.life, Deed::Settled(Box::new(message), fate));
                    }
                    settled
                }
            }
        })
    }

    fn abandon(self: Box<Self>) {
        drop(self.inner);
    }
}

/// A store under the weather.
pub(crate) struct WeatheredStore {
    pub(crate) weather: Arc<Weather>,
    pub(crate) inner: Arc<dyn Store>,
}

#[async_trait]
impl Store for WeatheredStore {
    async fn partitions(&self, wanted: u32) -> Result<u32> {
        self.inner.partitions(wanted).await
    }

    async fn deployment(&self, proposed: Option<Uuid>) -> Result<Option<Uuid>> {
        self.inner.deployment(proposed).await
    }

    async fn claim(&self, partition: u32, owner: OwnerId) -> Result<Epoch> {
        self.weather.around(Call::Claim, self.inner.claim(partition, owner)).await
    }

    async fn live(&self, partition: u32) -> Result<Vec<JobId>> {
        self.weather.around(Call::Live, self.inner.live(partition)).await
    }

    async fn log(&self, partition: u32, job: JobId, after: u64, max: usize) -> Result<Vec<Recorded>> {
        self.weather.around(Call::Log, self.inner.log(partition, job, after, max)).await
    }

    async fn append(&self, partition: u32, epoch: Epoch, batch: Vec<Append>) -> Result<()> {
        let work = async {
            self.inner.append(partition, epoch, batch.clone()).await?;
            self.weather.diary.write(self.weather.life, Deed::Appended(batch.clone()));
            Ok(())
        };
        self.weather.around(Call::Append, work).await
    }

    async fn confirm(&self, partition: u32, epoch: Epoch) -> Result<()> {
        self.weather.around(Call::Fence, self.inner.confirm(partition, epoch)).await?;
        self.weather.diary.write(self.weather.life, Deed::Fenced);
        Ok(())
    }

    async fn line(&self, partition: u32, job: JobId) -> Result<Option<JobLine>> {
        self.inner.line(partition, job).await
    }

    async fn lines(&self, partition: u32, max: usize) -> Result<Vec<JobLine>> {
        self.inner.lines(partition, max).await
    }
}
