//! A partition's jobs, folded from their logs.

use candor_platform::Store;
use candor_proto::event::{Event, LOG_FORMAT};
use candor_proto::{Job, JobId, Recorded};

use crate::error::Error;

/// Events read at once: about a megabyte of small ones.
const PAGE_EVENTS: usize = 4_096;

/// Folds a job from its log; a job without a log has no events.
pub(super) async fn job(store: &dyn Store, partition: u32, id: JobId) -> Result<Job, Error> {
    let mut job = Job::new(id);
    while let Some(page) = page(store, partition, id, job.seq()).await? {
        page.iter().for_each(|recorded| job.evolve(recorded));
    }
    Ok(job)
}

/// The whole log of a job of any partition, as it stands; empty where there is none.
pub(super) async fn log(store: &dyn Store, partition: u32, id: JobId) -> Result<Vec<Recorded>, Error> {
    let mut log: Vec<Recorded> = Vec::new();
    while let Some(page) = page(store, partition, id, log.last().map_or(0, |last| last.seq)).await? {
        log.extend(page);
    }
    Ok(log)
}

/// The next events of a log, all of which this build reads; `None` at its end.
async fn page(store: &dyn Store, partition: u32, id: JobId, after: u64) -> Result<Option<Vec<Recorded>>, Error> {
    let page = store.log(partition, id, after, PAGE_EVENTS).await?;
    let newer = page.iter().map(|recorded| format(&recorded.event)).find(|format| *format > LOG_FORMAT);
    match newer {
        Some(found) => Err(Error::NewerLog { job: id, found, known: LOG_FORMAT }),
        None => Ok(Some(page).filter(|page| !page.is_empty())),
    }
}

fn format(event: &Event) -> u32 {
    match event {
        Event::Accepted(accepted) => accepted.format,
        Event::Refused(refused) => refused.format,
        _ => LOG_FORMAT,
    }
}
