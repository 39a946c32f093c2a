//! The promises of [`crate::Artifacts`].

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use candor_proto::Sha256;
use futures_util::future::join_all;

use super::{Promise, promises, report, soon};
use crate::artifacts::{Artifacts, Stored};
use crate::error::Error;
use crate::runtime;

/// A place for artifacts of its own.
#[async_trait]
pub trait ArtifactsStage: Send + Sync + 'static {
    /// Opens them, as one more process would.
    async fn open(&self) -> Arc<dyn Artifacts>;

    /// Changes a stored body behind everybody's back, so that it has these bytes.
    async fn damage(&self, sha256: Sha256, bytes: &[u8]);

    /// A local file with this content, for the stage's lifetime.
    async fn file(&self, content: &[u8]) -> PathBuf;
}

/// Makes stages.
#[async_trait]
pub trait ArtifactsFactory: Send + Sync {
    /// A stage without artifacts.
    async fn fresh(&self) -> Arc<dyn ArtifactsStage>;
}

/// All promises.
pub fn promises() -> Vec<Promise<dyn ArtifactsStage>> {
    promises![
        a_body_is_stored_under_its_digest,
        storing_twice_is_harmless,
        a_file_is_stored_like_its_bytes,
        a_file_that_is_none_is_refused,
        a_missing_body_is_named,
        a_body_over_the_limit_is_not_read,
        a_changed_body_is_not_given_out,
        a_body_has_a_local_path,
        everybody_sees_what_is_stored,
        many_may_store_the_same_at_once,
        a_reference_points_where_it_was_pointed,
        a_reference_is_not_moved_by_who_has_not_seen_it,
        names_may_be_anything_and_do_not_meet,
        of_many_who_move_a_reference_each_step_is_won_by_one,
    ]
}

/// Checks all promises, each on a stage of its own, and panics with those that were broken.
pub async fn every_promise(factory: &dyn ArtifactsFactory) {
    let mut broken = Vec::new();
    for promise in promises() {
        if !promise.kept(factory.fresh().await).await {
            broken.push(promise.name);
        }
    }
    report("artifacts", &broken);
}

/// Bytes that are no text and of no round length.
fn bytes(count: u32) -> Vec<u8> {
    (0..count).map(|each| (each.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

async fn put(artifacts: &Arc<dyn Artifacts>, bytes: &[u8]) -> Stored {
    soon("storing", artifacts.put(bytes.to_vec())).await.expect("it can be stored")
}

async fn a_body_is_stored_under_its_digest(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    for count in [0, 1, 1000, 1_000_003] {
        let body = bytes(count);
        let stored = put(&artifacts, &body).await;
        assert_eq!(stored, Stored { sha256: Sha256::of(&body), bytes: u64::from(count) });
        assert_eq!(artifacts.contains(stored.sha256).await, Ok(true));
        assert!(artifacts.get(stored.sha256, stored.bytes).await == Ok(body), "{count} bytes came back otherwise");
    }
}

async fn storing_twice_is_harmless(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    let first = put(&artifacts, b"twice").await;
    let again = put(&artifacts, b"twice").await;
    let file = stage.file(b"twice").await;
    let third = soon("storing", artifacts.put_file(&file)).await;
    assert_eq!((first, Ok(first)), (again, third));
    assert_eq!(artifacts.get(first.sha256, 100).await, Ok(b"twice".to_vec()));
}

async fn a_file_is_stored_like_its_bytes(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    for count in [0, 3_000_001] {
        let body = bytes(count);
        let file = stage.file(&body).await;
        let stored = soon("storing", artifacts.put_file(&file)).await;
        assert_eq!(stored, Ok(Stored { sha256: Sha256::of(&body), bytes: u64::from(count) }));
        assert!(artifacts.get(Sha256::of(&body), u64::MAX).await == Ok(body), "{count} bytes came back otherwise");
        assert!(file.exists(), "the file itself stays");
    }
}

async fn a_file_that_is_none_is_refused(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    let file = stage.file(b"x").await;
    let folder = file.parent().expect("a file lies in a folder").to_owned();
    for path in [file.with_extension("missing"), folder] {
        match soon("a refusal", artifacts.put_file(&path)).await {
            Err(Error::Io { what, .. }) => assert!(what.contains(&path.display().to_string()), "{what}"),
            other => panic!("{other:?}"),
        }
    }
}

async fn a_missing_body_is_named(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    let sha256 = Sha256::of(b"never stored");
    assert_eq!(artifacts.contains(sha256).await, Ok(false));
    assert_eq!(artifacts.get(sha256, 10).await, Err(Error::NoArtifact { sha256 }));
    assert_eq!(artifacts.local(sha256).await, Err(Error::NoArtifact { sha256 }));
}

async fn a_body_over_the_limit_is_not_read(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    let stored = put(&artifacts, b"four").await;
    assert_eq!(artifacts.get(stored.sha256, 4).await, Ok(b"four".to_vec()));
    assert!(matches!(artifacts.get(stored.sha256, 3).await, Err(Error::Io { .. })));
}

async fn a_changed_body_is_not_given_out(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    let stored = put(&artifacts, b"the truth").await;
    for lie in [b"the lie!!".as_slice(), b"the truth and more", b"", b"the trut"] {
        stage.damage(stored.sha256, lie).await;
        let read = soon("a refusal", artifacts.get(stored.sha256, 100)).await;
        assert_eq!(read, Err(Error::Corrupt { wanted: stored.sha256, found: Sha256::of(lie) }));
    }
}

async fn a_body_has_a_local_path(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    let body = bytes(70_000);
    let stored = put(&artifacts, &body).await;
    let path = soon("a path", artifacts.local(stored.sha256)).await.expect("a path");
    assert!(std::fs::read(path).is_ok_and(|read| read == body));
}

async fn everybody_sees_what_is_stored(stage: Arc<dyn ArtifactsStage>) {
    let (one, two) = (stage.open().await, stage.open().await);
    let stored = put(&one, b"seen").await;
    assert_eq!(two.get(stored.sha256, 10).await, Ok(b"seen".to_vec()));
    assert_eq!(two.point("name", None, stored.sha256).await, Ok(()));
    assert_eq!(one.reference("name").await, Ok(Some(stored.sha256)));
    drop((one, two));
    let third = stage.open().await;
    assert_eq!(third.get(stored.sha256, 10).await, Ok(b"seen".to_vec()));
    assert_eq!(third.reference("name").await, Ok(Some(stored.sha256)));
}

async fn many_may_store_the_same_at_once(stage: Arc<dyn ArtifactsStage>) {
    let processes = [stage.open().await, stage.open().await];
    let storing = (0..40_u32).map(|each| {
        let artifacts = processes[each as usize % 2].clone();
        runtime::spawn(async move {
            let body = bytes(10_000 + each % 4);
            let stored = put(&artifacts, &body).await;
            assert!(artifacts.get(stored.sha256, u64::MAX).await == Ok(body), "it is whole as soon as it is stored");
        })
        .join()
    });
    assert!(join_all(storing).await.iter().all(Option::is_some));
}

async fn a_reference_points_where_it_was_pointed(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    let (one, two) = (Sha256::of(b"1"), Sha256::of(b"2"));
    assert_eq!(artifacts.reference("memory").await, Ok(None));
    assert_eq!(artifacts.point("memory", None, one).await, Ok(()));
    assert_eq!(artifacts.reference("memory").await, Ok(Some(one)));
    assert_eq!(artifacts.point("memory", Some(one), two).await, Ok(()));
    assert_eq!(artifacts.point("memory", Some(two), two).await, Ok(()));
    assert_eq!(artifacts.reference("memory").await, Ok(Some(two)));
}

async fn a_reference_is_not_moved_by_who_has_not_seen_it(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    let (one, two) = (Sha256::of(b"1"), Sha256::of(b"2"));
    let moved = Err(Error::Moved { name: "memory".to_owned() });
    assert_eq!(artifacts.point("memory", Some(one), two).await, moved);
    assert_eq!(artifacts.reference("memory").await, Ok(None));
    assert_eq!(artifacts.point("memory", None, one).await, Ok(()));
    assert_eq!(artifacts.point("memory", None, two).await, moved);
    assert_eq!(artifacts.point("memory", Some(two), two).await, moved);
    assert_eq!(artifacts.reference("memory").await, Ok(Some(one)));
}

async fn names_may_be_anything_and_do_not_meet(stage: Arc<dyn ArtifactsStage>) {
    let artifacts = stage.open().await;
    let long = "n".repeat(700);
    let names = ["a", "A", "a/b", "..", ".", "", "/etc/passwd", "ä", "a\u{308}", "a b\nc", "a%2Fb", &long];
    for name in names {
        assert_eq!(artifacts.reference(name).await, Ok(None), "{name}");
        assert_eq!(artifacts.point(name, None, Sha256::of(name.as_bytes())).await, Ok(()), "{name}");
    }
    for name in names {
        assert_eq!(artifacts.reference(name).await, Ok(Some(Sha256::of(name.as_bytes()))), "{name}");
    }
}

async fn of_many_who_move_a_reference_each_step_is_won_by_one(stage: Arc<dyn ArtifactsStage>) {
    const MOVERS: usize = 6;
    const MOVES: usize = 10;
    let movers = (0..MOVERS).map(|mover| {
        let stage = stage.clone();
        runtime::spawn(async move {
            let artifacts = stage.open().await;
            let mut won = Vec::new();
            let mut tries = 0;
            while won.len() < MOVES {
                let seen = artifacts.reference("contested").await.expect("it can be read");
                tries += 1;
                let to = Sha256::of(format!("{mover} {tries}").as_bytes());
                match soon("a move", artifacts.point("contested", seen, to)).await {
                    Ok(()) => won.push((seen, to)),
                    Err(Error::Moved { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            won
        })
        .join()
    });
    let won: Vec<_> = join_all(movers).await.into_iter().flat_map(|won| won.expect("a mover")).collect();
    assert_eq!(won.len(), MOVERS * MOVES);
    let artifacts = stage.open().await;
    // From nothing each move leads to exactly one next, up to where it points now: none was overwritten.
    let mut at = None;
    for _ in 0..won.len() {
        let next: Vec<Sha256> = won.iter().filter(|(from, _)| *from == at).map(|(_, to)| *to).collect();
        assert_eq!(next.len(), 1, "from {at:?} it was moved {} times", next.len());
        at = next.first().copied();
    }
    assert_eq!(artifacts.reference("contested").await, Ok(at));
}
