//! The promises of [`crate::Store`].

mod fencing;
mod lists;
mod logs;

use std::sync::Arc;

use async_trait::async_trait;
use candor_proto::{AttemptId, Epoch, Event, JobId, JobState, Node, OwnerId, Recorded, Sha256};
use uuid::Uuid;

use super::{Promise, promises, report, soon};
use crate::error::{Error, Result};
use crate::store::{Append, JobLine, Store};

/// A store of its own.
#[async_trait]
pub trait StoreStage: Send + Sync + 'static {
    /// A handle to it. Asked for again, another one to the same store.
    async fn store(&self) -> Arc<dyn Store>;

    /// Whatever holds the store dies and is started again: what is not durable is gone.
    /// Handles from before are of no use any more, and the suite has dropped them.
    async fn restart(&self);
}

/// Makes stages.
#[async_trait]
pub trait StoreFactory: Send + Sync {
    /// A stage with an empty store.
    async fn fresh(&self) -> Arc<dyn StoreStage>;
}

/// All promises.
pub fn promises() -> Vec<Promise<dyn StoreStage>> {
    promises![
        logs::what_is_appended_is_read_again,
        logs::a_log_is_read_in_pieces,
        logs::a_log_grows_by_many_appends,
        logs::a_big_log_survives_a_restart,
        logs::awkward_values_come_back_as_they_were,
        logs::a_job_may_come_several_times_in_one_batch,
        logs::a_job_may_begin_without_events,
        logs::an_unknown_job_has_an_empty_log,
        logs::partitions_do_not_see_each_other,
        fencing::every_claim_is_a_new_epoch,
        fencing::an_old_epoch_cannot_append,
        fencing::the_same_counter_of_another_owner_cannot_append,
        fencing::a_partition_that_nobody_claimed_takes_nothing,
        fencing::a_wrong_length_is_refused,
        fencing::wrongly_numbered_events_are_refused,
        fencing::a_batch_is_written_whole_or_not_at_all,
        fencing::of_many_claims_at_once_one_is_the_newest,
        fencing::of_two_appends_at_one_place_one_is_written,
        fencing::appends_at_once_for_many_jobs_are_all_written,
        fencing::nothing_is_appended_behind_a_claim,
        lists::the_number_of_partitions_is_fixed_by_the_first,
        lists::the_id_of_a_deployment_is_that_of_the_first,
        lists::live_jobs_come_oldest_first_until_they_are_not_live,
        lists::the_line_of_a_job_is_that_of_its_last_append,
        lists::lines_come_newest_first,
        lists::what_counts_is_the_time_in_the_first_line,
        lists::thousands_of_lines_come_at_once,
    ]
}

/// Checks all promises, each on a stage of its own, and panics with those that were broken.
pub async fn every_promise(factory: &dyn StoreFactory) {
    let mut broken = Vec::new();
    for promise in promises() {
        if !promise.kept(factory.fresh().await).await {
            broken.push(promise.name);
        }
    }
    report("store", &broken);
}

fn owner(number: u128) -> OwnerId {
    OwnerId::from_uuid(Uuid::from_u128(number))
}

fn job(number: u128) -> JobId {
    JobId::from_uuid(Uuid::from_u128(number))
}

/// Events that can be told apart, numbered from `after + 1`.
fn events(after: u64, count: u64) -> Vec<Recorded> {
    (after + 1..=after + count)
        .map(|seq| {
            let attempt = AttemptId::from_uuid(Uuid::from_u128(seq.into()));
            let event = Event::Released { node: Node::task(7), attempt, input_digest: Sha256::of(&seq.to_be_bytes()) };
            Recorded { seq, at: 1_000 + seq, event }
        })
        .collect()
}

fn line(job: JobId, created_at: u64) -> JobLine {
    JobLine {
        job,
        workflow: "a workflow".to_owned(),
        state: JobState::InProgress,
        result: None,
        created_at,
        ended_at: None,
        total: 3,
        succeeded: 1,
        failed: 0,
        running: 2,
    }
}

/// `count` events more for a job.
fn grow(job: JobId, expected_seq: u64, count: u64) -> Append {
    Append { job, expected_seq, events: events(expected_seq, count), line: line(job, 1), live: true }
}

async fn claim(store: &Arc<dyn Store>, partition: u32, number: u128) -> Epoch {
    soon("an epoch", store.claim(partition, owner(number))).await.expect("a claim")
}

async fn append(store: &Arc<dyn Store>, partition: u32, epoch: Epoch, batch: Vec<Append>) -> Result<()> {
    soon("an append", store.append(partition, epoch, batch)).await
}

/// The whole log of a job.
async fn log(store: &Arc<dyn Store>, partition: u32, job: JobId) -> Vec<Recorded> {
    soon("a log", store.log(partition, job, 0, usize::MAX)).await.expect("a log")
}

fn stale(result: &Result<()>) -> bool {
    matches!(result, Err(Error::Stale { .. }))
}
