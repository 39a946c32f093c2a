//! What there is: partitions, live jobs, lines.

use candor_proto::JobResult;

use super::*;

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
