//! What is written is what is read.

use candor_proto::event::Success;
use candor_proto::message::{Order, Usage};
use serde_json::json;

use super::*;

pub(super) async fn what_is_appended_is_read_again(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 3, 1).await;
    append(&store, 3, epoch, vec![grow(job(1), 0, 5), grow(job(2), 0, 2)]).await.expect("an append");
    assert_eq!(log(&store, 3, job(1)).await, events(0, 5));
    assert_eq!(log(&store, 3, job(2)).await, events(0, 2));
    assert_eq!(store.confirm(3, epoch).await, Ok(()));
    drop(store);
    stage.restart().await;
    let store = stage.store().await;
    assert_eq!(log(&store, 3, job(1)).await, events(0, 5));
    assert_eq!(log(&store, 3, job(2)).await, events(0, 2));
    assert_eq!(store.confirm(3, epoch).await, Ok(()), "an epoch outlives a restart");
}

pub(super) async fn a_log_is_read_in_pieces(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    // Uneven appends, so that pieces and appends never agree.
    let mut length = 0;
    for count in [1, 300, 7, 0, 129, 63] {
        append(&store, 0, epoch, vec![grow(job(1), length, count)]).await.expect("an append");
        length += count;
    }
    let whole = events(0, length);
    for max in [1, 2, 100, 128, 129, 499, 500, 501] {
        let mut read = Vec::new();
        loop {
            let piece = store.log(0, job(1), read.len() as u64, max).await.expect("a piece");
            assert!(piece.len() <= max);
            if piece.is_empty() {
                break;
            }
            read.extend(piece);
        }
        assert!(read == whole, "in pieces of {max}");
    }
    assert_eq!(store.log(0, job(1), 0, 0).await, Ok(Vec::new()));
    assert_eq!(store.log(0, job(1), length, 10).await, Ok(Vec::new()));
    assert_eq!(store.log(0, job(1), u64::MAX, 10).await, Ok(Vec::new()));
}

pub(super) async fn a_log_grows_by_many_appends(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    for turn in 0..50 {
        append(&store, 0, epoch, vec![grow(job(1), turn * 3, 3), grow(job(2), turn, 1)]).await.expect("an append");
    }
    assert_eq!(log(&store, 0, job(1)).await, events(0, 150));
    assert_eq!(log(&store, 0, job(2)).await, events(0, 50));
}

pub(super) async fn a_big_log_survives_a_restart(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    let batch = (1..=500).map(|each| grow(job(each), 0, 4)).chain([grow(job(1000), 0, 20_000)]).collect();
    append(&store, 0, epoch, batch).await.expect("a big append");
    drop(store);
    stage.restart().await;
    let store = stage.store().await;
    for each in 1..=500 {
        assert_eq!(log(&store, 0, job(each)).await, events(0, 4));
    }
    assert!(log(&store, 0, job(1000)).await == events(0, 20_000));
    assert_eq!(store.live(0).await.map(|jobs| jobs.len()), Ok(501));
}

pub(super) async fn awkward_values_come_back_as_they_were(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    let outputs = json!({
        "": null,
        "text": "e\u{301}\0\u{1F600}\n\"\\",
        "long": "x".repeat(60_000),
        "integers": [0, -1, u64::MAX, i64::MIN, 9_007_199_254_740_993_u64],
        "numbers": [0.1, -0.0, 1e-300, 1.797_693_134_862_315_7e308, 3.0],
        "deep": [[[[{"a": [true, false, {}]}]]]],
    });
    let success = Event::Succeeded(Box::new(Success {
        node: Node::item(1, u32::MAX),
        attempt: AttemptId::from_uuid(Uuid::max()),
        outputs: Arc::new(outputs),
        evidence: Vec::new(),
        warnings: vec![0, u32::MAX],
        low_confidence: true,
        usage: Usage { started_at: u64::MAX, ..Usage::default() },
    }));
    let directed = Event::Directed {
        id: candor_proto::DirectiveId::from_uuid(Uuid::nil()),
        order: Order::Rerun { parent: job(u128::MAX), from: Some("ä".to_owned()), failed: true },
        by: None,
    };
    let kinds =
        [success, directed, Event::Published { nodes: vec![Node::task(0)] }, Event::BudgetSpent, Event::Answered];
    let recorded: Vec<Recorded> = (1..).zip(kinds).map(|(seq, event)| Recorded { seq, at: u64::MAX, event }).collect();
    let mut big = grow(job(u128::MAX), 0, 0);
    big.events.clone_from(&recorded);
    append(&store, 0, epoch, vec![big]).await.expect("an append");
    drop(store);
    stage.restart().await;
    assert_eq!(log(&stage.store().await, 0, job(u128::MAX)).await, recorded);
}

pub(super) async fn a_job_may_come_several_times_in_one_batch(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    let last = Append { line: line(job(1), 9), live: false, ..grow(job(1), 5, 1) };
    append(&store, 0, epoch, vec![grow(job(1), 0, 2), grow(job(2), 0, 1), grow(job(1), 2, 3), last])
        .await
        .expect("all");
    assert_eq!(log(&store, 0, job(1)).await, events(0, 6));
    assert_eq!(store.line(0, job(1)).await, Ok(Some(line(job(1), 9))), "the last says how the line is");
    assert_eq!(store.live(0).await, Ok(vec![job(2)]), "and whether the job is live");
    let gap = vec![grow(job(2), 1, 1), grow(job(2), 3, 1)];
    assert!(stale(&append(&store, 0, epoch, gap).await));
    assert_eq!(log(&store, 0, job(2)).await, events(0, 1));
}

pub(super) async fn a_job_may_begin_without_events(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let epoch = claim(&store, 0, 1).await;
    append(&store, 0, epoch, vec![grow(job(1), 0, 0)]).await.expect("an append");
    assert_eq!(log(&store, 0, job(1)).await, Vec::new());
    assert_eq!(store.line(0, job(1)).await, Ok(Some(line(job(1), 1))));
    assert_eq!(store.live(0).await, Ok(vec![job(1)]));
    append(&store, 0, epoch, vec![grow(job(1), 0, 2)]).await.expect("an append");
    assert_eq!(log(&store, 0, job(1)).await, events(0, 2));
    assert_eq!(store.lines(0, 10).await.map(|lines| lines.len()), Ok(1));
}

pub(super) async fn an_unknown_job_has_an_empty_log(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    assert_eq!(log(&store, 0, job(1)).await, Vec::new());
    assert_eq!(store.line(0, job(1)).await, Ok(None));
    assert_eq!(store.live(0).await, Ok(Vec::new()));
    assert_eq!(store.lines(0, 10).await, Ok(Vec::new()));
}

pub(super) async fn partitions_do_not_see_each_other(stage: Arc<dyn StoreStage>) {
    let store = stage.store().await;
    let (zero, one) = (claim(&store, 0, 1).await, claim(&store, 1, 1).await);
    append(&store, 0, zero, vec![grow(job(1), 0, 2)]).await.expect("an append");
    append(&store, 1, one, vec![grow(job(2), 0, 3)]).await.expect("an append");
    assert_eq!(store.live(0).await, Ok(vec![job(1)]));
    assert_eq!(store.live(1).await, Ok(vec![job(2)]));
    assert_eq!(log(&store, 1, job(1)).await, Vec::new());
    assert_eq!(store.line(0, job(2)).await, Ok(None));
    claim(&store, 1, 2).await;
    assert_eq!(store.confirm(0, zero).await, Ok(()), "a claim is of one partition");
    append(&store, 0, zero, vec![grow(job(1), 2, 1)]).await.expect("an append");
}
