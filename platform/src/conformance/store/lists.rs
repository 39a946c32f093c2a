//! What there is: partitions, live jobs, lines.

use candor_proto::JobResult;
use futures_util::future::join_all;

use super::*;
use crate::runtime;

pub(super) async fn the_number_of_partitions_is_fixed_by_the_first(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    assert_eq!(store.partitions(8).await, Ok(8));
    assert_eq!(store.partitions(8).await, Ok(8));
    assert_eq!(store.partitions(16).await, Err(Error::Partitions { found: 8, wanted: 16 }));
    drop(store);
    stage.restart().await;
    let store = stage.store().await;
    assert_eq!(store.partitions(4).await, Err(Error::Partitions { found: 8, wanted: 4 }));
    assert_eq!(store.partitions(8).await, Ok(8));
}

pub(super) async fn the_id_of_a_deployment_is_that_of_the_first(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    assert_eq!(store.deployment(None).await, Ok(None));
    let proposals = (1..=8).map(|number| {
        let store = store.clone();
        runtime::spawn(async move { store.deployment(Some(Uuid::from_u128(number))).await }).join()
    });
    let agreed: Vec<_> = join_all(proposals).await.into_iter().map(|id| id.expect("an id").expect("an id")).collect();
    let first = agreed.first().copied().flatten();
    assert!(first.is_some() && agreed.iter().all(|id| *id == first), "{agreed:?}");
    drop(store);
    stage.restart().await;
    let store = stage.store().await;
    assert_eq!(store.deployment(Some(Uuid::from_u128(9))).await, Ok(first));
    assert_eq!(store.deployment(None).await, Ok(first));
}

pub(super) async fn live_jobs_come_oldest_first_until_they_are_not_live(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    // The ids say nothing about the age.
    for (number, at) in [(5, 10), (1, 20), (9, 30), (3, 40)] {
        let append_one = Append { line: line(job(number), at), ..grow(job(number), 0, 1) };
        append(&store, 0, epoch, vec![append_one]).await.expect("an append");
    }
    assert_eq!(store.live(0).await, Ok(vec![job(5), job(1), job(9), job(3)]));
    let ended = Append { line: line(job(1), 20), live: false, ..grow(job(1), 1, 1) };
    append(&store, 0, epoch, vec![ended]).await.expect("an append");
    let born_dead = Append { line: line(job(2), 50), live: false, ..grow(job(2), 0, 1) };
    append(&store, 0, epoch, vec![born_dead]).await.expect("an append");
    assert_eq!(store.live(0).await, Ok(vec![job(5), job(9), job(3)]));
    drop(store);
    stage.restart().await;
    let store = stage.store().await;
    assert_eq!(store.live(0).await, Ok(vec![job(5), job(9), job(3)]));
    assert_eq!(log(&store, 0, job(1)).await, events(0, 2), "the log stays");
}

pub(super) async fn the_line_of_a_job_is_that_of_its_last_append(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    append(&store, 0, epoch, vec![grow(job(1), 0, 1)]).await.expect("an append");
    assert_eq!(store.line(0, job(1)).await, Ok(Some(line(job(1), 1))));
    let last = JobLine {
        state: JobState::Completed,
        result: Some(JobResult::Complete),
        ended_at: Some(77),
        succeeded: 3,
        running: 0,
        ..line(job(1), 1)
    };
    let ended = Append { line: last.clone(), live: false, ..grow(job(1), 1, 1) };
    append(&store, 0, epoch, vec![ended]).await.expect("an append");
    assert_eq!(store.line(0, job(1)).await, Ok(Some(last.clone())));
    drop(store);
    stage.restart().await;
    let store = stage.store().await;
    assert_eq!(store.line(0, job(1)).await, Ok(Some(last.clone())));
    assert_eq!(store.lines(0, 10).await, Ok(vec![last]), "one line a job");
}

pub(super) async fn lines_come_newest_first(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    for (number, at) in [(5, 10), (1, 20), (9, 30), (3, 40)] {
        let one = Append { line: line(job(number), at), live: number != 9, ..grow(job(number), 0, 1) };
        append(&store, 0, epoch, vec![one]).await.expect("an append");
    }
    let jobs = |lines: Result<Vec<JobLine>>| lines.expect("lines").iter().map(|line| line.job).collect::<Vec<_>>();
    assert_eq!(jobs(store.lines(0, 10).await), [job(3), job(9), job(1), job(5)]);
    assert_eq!(jobs(store.lines(0, 2).await), [job(3), job(9)]);
    assert_eq!(jobs(store.lines(0, 0).await), []);
}

pub(super) async fn what_counts_is_the_time_in_the_first_line(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    for (number, at, length) in [(1, 10, 0), (2, 20, 0), (1, 90, 1), (2, 1, 1)] {
        let one = Append { line: line(job(number), at), ..grow(job(number), length, 1) };
        append(&store, 0, epoch, vec![one]).await.expect("an append");
    }
    // Of the same time the id decides.
    let same = Append { line: line(job(3), 10), ..grow(job(3), 0, 1) };
    append(&store, 0, epoch, vec![same]).await.expect("an append");
    assert_eq!(store.live(0).await, Ok(vec![job(1), job(3), job(2)]));
    let lines = store.lines(0, 10).await.expect("lines");
    assert_eq!(lines, [line(job(2), 1), line(job(3), 10), line(job(1), 90)]);
}

pub(super) async fn thousands_of_lines_come_at_once(stage: Arc<dyn StoreStage>) {
    const JOBS: u128 = 3_000;
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    let jobs: Vec<u128> = (1..=JOBS).collect();
    for some in jobs.chunks(500) {
        // Ids and ages run against each other.
        let at = |number: u128| (JOBS - number) as u64;
        let batch =
            some.iter().map(|number| Append { line: line(job(*number), at(*number)), ..grow(job(*number), 0, 1) });
        append(&store, 0, epoch, batch.collect()).await.expect("an append");
    }
    let lines = store.lines(0, usize::MAX).await.expect("lines");
    assert!(lines.iter().map(|line| line.job).eq(jobs.iter().map(|number| job(*number))));
    assert_eq!(store.lines(0, 2_500).await.map(|lines| lines.len()), Ok(2_500));
    assert_eq!(store.live(0).await.map(|jobs| jobs.len()), Ok(jobs.len()));
}
