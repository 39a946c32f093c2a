//! A deployment whose broker and store this process reaches by itself.

use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::broker::{Binding, Properties, Standing, to_queue};
use candor_platform::store::JobLine;
use candor_platform::{Artifacts, Broker, Consumer, Store, runtime};
use candor_proto::route::Routes;
use candor_proto::{JobId, Message, Recorded};
use uuid::Uuid;

use super::{Deployment, Letter, Letters, Mailbox, PAGE_EVENTS};
use crate::failure::{Code, Failure};

/// Replies that may wait for a command.
const REPLIES_PREFETCH: u32 = 64;
/// Notices that may wait for a display.
const NOTICES_PREFETCH: u32 = 10_000;

/// Broker, store and artifacts in reach.
#[derive(Clone)]
pub(crate) struct Direct {
    /// Queues.
    pub(crate) broker: Arc<dyn Broker>,
    /// Logs.
    pub(crate) store: Arc<dyn Store>,
    /// Bodies.
    pub(crate) artifacts: Arc<dyn Artifacts>,
    /// Names of queues.
    pub(crate) routes: Routes,
    /// Partitions.
    pub(crate) partitions: u32,
    /// What makes a request accepted.
    pub(crate) accepted: Accepted,
}

/// When a request is accepted, that is, never lost again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// When the broker has confirmed it: its queues outlive every process.
    Confirmed,
    /// When its job is recorded: the queues end with the process.
    Recorded,
}

/// How often the store is asked for a request that is to be recorded, in milliseconds.
const LOOK_MS: u64 = 5;
/// How long recording may take, in milliseconds.
const RECORDED_MS: u64 = 30_000;

impl Direct {
    /// Waits until the job of a request is recorded.
    async fn recorded(&self, job: JobId) -> Result<(), Failure> {
        let recorded = async {
            while self.line(job).await?.is_none() {
                runtime::sleep(LOOK_MS).await;
            }
            Ok(())
        };
        runtime::timeout(RECORDED_MS, recorded).await.unwrap_or_else(|| {
            Err(Failure::store(Code::Unanswered, format!("{job} is not recorded within {} s", RECORDED_MS / 1_000))
                .advice("see the log of `candor up`; the request may still be carried out"))
        })
    }
}

/// The job that a message asks for, where it is a request.
fn requested(message: &Message, properties: &Properties) -> Option<JobId> {
    let Message::JobRequest(request) = message else { return None };
    let key = request.idempotency_key.as_deref().or(properties.message_id.as_deref());
    let tenant = request.tenant.as_deref().unwrap_or_default();
    request.job.or_else(|| key.map(|key| JobId::from_key(tenant, key)))
}

#[async_trait]
impl Deployment for Direct {
    fn routes(&self) -> &Routes {
        &self.routes
    }

    fn partitions(&self) -> u32 {
        self.partitions
    }

    async fn artifacts(&self) -> Result<Arc<dyn Artifacts>, Failure> {
        Ok(Arc::clone(&self.artifacts))
    }

    async fn mailbox(&self) -> Result<Mailbox, Failure> {
        let address = self.routes.replies(&Uuid::new_v4().simple().to_string());
        self.broker.declare_private(&self.routes.private(address.clone()), &[]).await?;
        let consumer = self.broker.consume(&address, REPLIES_PREFETCH).await?;
        Ok(Mailbox { address, letters: Box::new(Consumed(consumer)) })
    }

    async fn notices(&self, job: JobId) -> Result<Box<dyn Letters>, Failure> {
        let queue = self.routes.replies(&format!("{}.watch", Uuid::new_v4().simple()));
        let binding = Binding { exchange: self.routes.events(), key: format!("job.{job}.#") };
        self.broker.declare_private(&self.routes.private(queue.clone()), &[binding]).await?;
        Ok(Box::new(Consumed(self.broker.consume(&queue, NOTICES_PREFETCH).await?)))
    }

    async fn send(&self, queue: String, message: Message, properties: Properties) -> Result<(), Failure> {
        let job = requested(&message, &properties);
        for result in self.broker.publish(vec![to_queue(queue, message, properties)]).await {
            result?;
        }
        match (self.accepted, job) {
            (Accepted::Recorded, Some(job)) => self.recorded(job).await,
            (Accepted::Recorded, None) | (Accepted::Confirmed, _) => Ok(()),
        }
    }

    async fn line(&self, job: JobId) -> Result<Option<JobLine>, Failure> {
        line(&*self.store, self.partitions, job).await
    }

    async fn lines(&self, max: usize) -> Result<Vec<JobLine>, Failure> {
        lines(&*self.store, self.partitions, max).await
    }

    async fn page(&self, job: JobId, after: u64) -> Result<Vec<Recorded>, Failure> {
        page(&*self.store, self.partitions, job, after).await
    }

    async fn standing(&self, queue: &str) -> Result<Option<Standing>, Failure> {
        Ok(self.broker.standing(queue).await?)
    }
}

/// The line of a job in a store with these partitions.
pub(super) async fn line(store: &dyn Store, partitions: u32, job: JobId) -> Result<Option<JobLine>, Failure> {
    Ok(store.line(job.partition(partitions), job).await?)
}

/// Events of a job in a store with these partitions.
pub(super) async fn page(store: &dyn Store, partitions: u32, job: JobId, after: u64) -> Result<Vec<Recorded>, Failure> {
    Ok(store.log(job.partition(partitions), job, after, PAGE_EVENTS).await?)
}

/// The newest jobs of a store, over all its partitions.
pub(super) async fn lines(store: &dyn Store, partitions: u32, max: usize) -> Result<Vec<JobLine>, Failure> {
    let mut all = Vec::new();
    for partition in 0..partitions {
        all.extend(store.lines(partition, max).await?);
    }
    all.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.job.cmp(&a.job)));
    all.truncate(max);
    Ok(all)
}

/// What a consumer delivers, settled as it comes: the log has everything that these messages say.
struct Consumed(Box<dyn Consumer>);

#[async_trait]
impl Letters for Consumed {
    async fn next_batch(&mut self, max: usize, linger_ms: u64) -> Vec<Letter> {
        let mut letters = Vec::new();
        for mut delivery in self.0.next_batch(max, linger_ms).await {
            letters.push(Letter { message: delivery.take() });
            // A private queue is gone with its connection: how this is settled does not matter.
            let _ = delivery.done().await;
        }
        letters
    }
}
