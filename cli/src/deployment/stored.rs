//! A store that nobody serves at this moment: it can be read, and nothing can be sent.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::artifacts::folder::Folder;
use candor_platform::broker::{Properties, Standing};
use candor_platform::store::JobLine;
use candor_platform::{Artifacts, Store};
use candor_proto::route::Routes;
use candor_proto::{JobId, Message, Recorded};

use super::direct::{line, lines, page};
use super::{Deployment, Letters, Mailbox};
use crate::failure::{Code, Failure};

/// The store of `candor up`, opened by a command while `candor up` does not run.
pub(super) struct Stored {
    pub(super) store: Arc<dyn Store>,
    pub(super) artifacts: PathBuf,
    pub(super) routes: Routes,
    pub(super) partitions: u32,
}

/// Nobody would take what is sent.
pub(super) fn nobody() -> Failure {
    Failure::store(Code::NobodyListens, "`candor up` does not run here, and no services were named")
        .advice("start `candor up`, or name the services with --amqp-url and --redis-url")
}

#[async_trait]
impl Deployment for Stored {
    fn routes(&self) -> &Routes {
        &self.routes
    }

    fn partitions(&self) -> u32 {
        self.partitions
    }

    async fn artifacts(&self) -> Result<Arc<dyn Artifacts>, Failure> {
        Ok(Arc::new(Folder::open(&self.artifacts).await?))
    }

    async fn mailbox(&self) -> Result<Mailbox, Failure> {
        Err(nobody())
    }

    async fn notices(&self, _job: JobId) -> Result<Box<dyn Letters>, Failure> {
        Err(nobody())
    }

    async fn send(&self, _queue: String, _message: Message, _properties: Properties) -> Result<(), Failure> {
        Err(nobody())
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

    async fn standing(&self, _queue: &str) -> Result<Option<Standing>, Failure> {
        Ok(None)
    }
}
