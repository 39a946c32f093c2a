//! A deployment whose broker and store this process reaches by itself.

use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::broker::{Binding, Depth, Properties, to_queue};
use candor_platform::store::JobLine;
use candor_platform::{Artifacts, Broker, Consumer, Store};
use candor_proto::route::Routes;
use candor_proto::{JobId, Message, Recorded};
use uuid::Uuid;

use super::{Deployment, Letter, Letters, Mailbox, PAGE_EVENTS};
use crate::failure::Failure;

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
        for result in self.broker.publish(vec![to_queue(queue, message, properties)]).await {
            result?;
        }
        Ok(())
    }

    async fn line(&self, job: JobId) -> Result<Option<JobLine>, Failure> {
        Ok(self.store.line(job.partition(self.partitions), job).await?)
    }

    async fn lines(&self, max: usize) -> Result<Vec<JobLine>, Failure> {
        lines(&*self.store, self.partitions, max).await
    }

    async fn page(&self, job: JobId, after: u64) -> Result<Vec<Recorded>, Failure> {
        Ok(self.store.log(job.partition(self.partitions), job, after, PAGE_EVENTS).await?)
    }

    async fn depth(&self, queue: &str) -> Result<Option<Depth>, Failure> {
        Ok(self.broker.depth(queue).await?)
    }
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
