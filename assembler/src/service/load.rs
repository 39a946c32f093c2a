//! A partition's jobs, folded from their logs.

use candor_platform::Store;
use candor_proto::event::{Event, LOG_FORMAT};
use candor_proto::{Job, JobId};

use crate::error::Error;

/// Events read at once: about a megabyte of small ones.
const PAGE_EVENTS: usize = 4_096;

/// Folds a job from its log; a job without a log has no events.
pub(super) async fn job(store: &dyn Store, partition: u32, id: JobId) -> Result<Job, Error> {
    let mut job = Job::new(id);
    loop {
        let page = store.log(partition, id, job.seq(), PAGE_EVENTS).await?;
        if page.is_empty() {
            return Ok(job);
        }
        for recorded in &page {
            let format = match &recorded.event {
                Event::Accepted(accepted) => accepted.format,
                Event::Refused(refused) => refused.format,
                _ => LOG_FORMAT,
            };
            if format > LOG_FORMAT {
                return Err(Error::NewerLog { job: id, found: format, known: LOG_FORMAT });
            }
            job.evolve(recorded);
        }
    }
}
