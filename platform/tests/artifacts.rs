//! A folder keeps every promise of artifacts, and some of its own.

#![expect(clippy::expect_used, reason = "the stage of a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use candor_platform::Error;
use candor_platform::artifacts::Artifacts;
use candor_platform::artifacts::folder::Folder;
use candor_platform::conformance::artifacts::{ArtifactsFactory, ArtifactsStage, every_promise};
use candor_proto::Sha256;

struct InFolder;

#[async_trait]
impl ArtifactsFactory for InFolder {
    async fn fresh(&self) -> Arc<dyn ArtifactsStage> {
        Arc::new(Stage { folder: tempfile::tempdir().expect("a folder"), files: AtomicU32::new(0) })
    }
}

struct Stage {
    folder: tempfile::TempDir,
    files: AtomicU32,
}

impl Stage {
    fn root(&self) -> PathBuf {
        self.folder.path().join("artifacts")
    }
}

fn body(root: &Path, sha256: Sha256) -> PathBuf {
    let text = sha256.to_string();
    root.join(&text[..2]).join(&text[2..])
}

#[async_trait]
impl ArtifactsStage for Stage {
    async fn open(&self) -> Arc<dyn Artifacts> {
        Arc::new(Folder::open(self.root()).await.expect("the folder opens"))
    }

    async fn damage(&self, sha256: Sha256, bytes: &[u8]) {
        let path = body(&self.root(), sha256);
        fs::remove_file(&path).expect("it is there");
        fs::write(&path, bytes).expect("it can be changed");
    }

    async fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(format!("file-{}", self.files.fetch_add(1, Ordering::Relaxed)));
        fs::write(&path, content).expect("a file");
        path
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_keeps_every_promise() {
    every_promise(&InFolder).await;
}

#[tokio::test]
async fn a_body_is_read_only_and_named_by_its_digest() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifacts = Folder::open(folder.path().join("deep/er")).await.expect("it opens");
    let stored = artifacts.put(b"hello".to_vec()).await.expect("it is stored");
    let path = artifacts.local(stored.sha256).await.expect("a path");
    assert_eq!(path, body(&folder.path().join("deep/er"), stored.sha256));
    assert_eq!(fs::metadata(path).expect("a file").permissions().mode() & 0o777, 0o444);
}

#[tokio::test]
async fn a_body_that_lost_its_end_is_stored_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifacts = Folder::open(folder.path()).await.expect("it opens");
    let stored = artifacts.put(b"whole".to_vec()).await.expect("it is stored");
    let path = body(folder.path(), stored.sha256);
    fs::remove_file(&path).expect("it is there");
    fs::write(&path, b"who").expect("it can be cut");
    artifacts.put(b"whole".to_vec()).await.expect("it is stored again");
    assert_eq!(artifacts.get(stored.sha256, 10).await, Ok(b"whole".to_vec()));
}

#[tokio::test]
async fn what_the_dead_left_is_cleared_away_and_the_living_keep_theirs() {
    let folder = tempfile::tempdir().expect("a folder");
    let living = Folder::open(folder.path()).await.expect("it opens");
    let desks = folder.path().join("tmp");
    let dead = desks.join("dead");
    fs::create_dir(&dead).expect("a desk");
    fs::write(dead.join("alive"), b"").expect("a lock that nobody holds");
    fs::write(dead.join("half"), b"half a body").expect("a draft");
    let other = Folder::open(folder.path()).await.expect("it opens again");
    assert!(!dead.exists(), "nobody holds it");
    let left = || fs::read_dir(&desks).expect("desks").count();
    assert_eq!(left(), 2, "both that live keep theirs");
    living.put(b"still".to_vec()).await.expect("the first still writes");
    drop(living);
    assert_eq!(left(), 1);
    drop(other);
    assert_eq!(left(), 0);
}

#[tokio::test]
async fn a_place_that_is_no_folder_is_refused_with_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, b"").expect("a file");
    match Folder::open(&file).await {
        Err(Error::Io { what, .. }) => assert!(what.contains(&file.display().to_string()), "{what}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_damaged_reference_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let artifacts = Folder::open(folder.path()).await.expect("it opens");
    artifacts.point("name", None, Sha256::of(b"x")).await.expect("it points");
    let path = folder.path().join("refs").join(Sha256::of(b"name").to_string());
    fs::remove_file(&path).expect("it is there");
    fs::write(&path, b"nonsense").expect("it can be changed");
    assert!(matches!(artifacts.reference("name").await, Err(Error::Damaged { .. })));
}
