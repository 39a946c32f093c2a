//! An S3-compatible store keeps every promise of artifacts, and some of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use candor_platform::artifacts::{Artifacts, Opening, open, sharing};
use candor_platform::config::Environment;
use candor_platform::conformance::artifacts::{ArtifactsFactory, ArtifactsStage, every_promise};
use candor_platform::store::memory::MemoryStore;
use candor_platform::{Error, runtime};
use candor_proto::Sha256;
use candor_tests::server::{S3, python};

/// So unlike anything else that it would be found.
const SECRET: &str = "zQ9planted7secret";

fn on_threads<F: Future>(test: F) -> F::Output {
    runtime::start().expect("threads").block_on(test)
}

fn environment(server: &S3) -> Environment {
    Environment::of([
        ("AWS_ENDPOINT_URL", server.url().as_str()),
        ("AWS_ACCESS_KEY_ID", "somebody"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_SOMETHING_OF_OTHERS", "ignored"),
    ])
}

/// Does something behind everybody's back, with the client that comes with moto.
fn behind(server: &S3, work: &str, arguments: &[&str]) {
    let program = format!(
        "import sys, boto3\ns3 = boto3.client('s3', endpoint_url='{}', region_name='us-east-1', \
         aws_access_key_id='x', aws_secret_access_key='x')\n{work}",
        server.url()
    );
    let python = python().expect("it was there before");
    let done = std::process::Command::new(python).args(["-c", &program]).args(arguments).output();
    let done = done.expect("python can be started");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn bucket(server: &S3) {
    behind(server, "s3.create_bucket(Bucket='bucket')", &[]);
}

struct Stages {
    server: Arc<S3>,
    count: AtomicU32,
}

struct Stage {
    server: Arc<S3>,
    prefix: String,
    folder: tempfile::TempDir,
    files: AtomicU32,
}

#[async_trait]
impl ArtifactsFactory for Stages {
    async fn fresh(&self) -> Arc<dyn ArtifactsStage> {
        let prefix = format!("stage/{}", self.count.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().expect("a folder");
        Arc::new(Stage { server: self.server.clone(), prefix, folder, files: AtomicU32::new(0) })
    }
}

impl Stage {
    /// A file that nobody else has.
    fn next(&self) -> PathBuf {
        self.folder.path().join(format!("file-{}", self.files.fetch_add(1, Ordering::Relaxed)))
    }
}

#[async_trait]
impl ArtifactsStage for Stage {
    async fn open(&self) -> Arc<dyn Artifacts> {
        let opening = Opening { cache: self.folder.path().join("cache"), environment: environment(&self.server) };
        open(&format!("s3://bucket/{}", self.prefix), &opening).await.expect("settings that can work")
    }

    async fn damage(&self, sha256: Sha256, bytes: &[u8]) {
        let (text, path) = (sha256.to_string(), self.next());
        std::fs::write(&path, bytes).expect("a file");
        let key = format!("{}/{}/{}", self.prefix, &text[..2], &text[2..]);
        let work = "s3.put_object(Bucket='bucket', Key=sys.argv[1], Body=open(sys.argv[2], 'rb').read())";
        behind(&self.server, work, &[&key, candor_tests::shown(&path)]);
    }

    async fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.next();
        std::fs::write(&path, content).expect("a file");
        path
    }
}

fn stages() -> Option<Stages> {
    let server = S3::start()?;
    bucket(&server);
    Some(Stages { server: Arc::new(server), count: AtomicU32::new(0) })
}

#[test]
fn a_bucket_keeps_every_promise() {
    let Some(stages) = stages() else { return };
    on_threads(every_promise(&stages));
}

#[test]
fn a_large_file_goes_there_and_back_in_parts() {
    let Some(stages) = stages() else { return };
    on_threads(async {
        let stage = stages.fresh().await;
        let body: Vec<u8> = (0..20_000_003_u32).map(|each| (each.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let file = stage.file(&body).await;
        let stored = stage.open().await.put_file(&file).await.expect("it is stored");
        assert_eq!((stored.sha256, stored.bytes), (Sha256::of(&body), 20_000_003));
        let path = stage.open().await.local(stored.sha256).await.expect("it is fetched");
        assert!(std::fs::read(&path).is_ok_and(|read| read == body));
        assert_eq!(stage.open().await.local(stored.sha256).await, Ok(path), "the second time it lies there");
    });
}

#[test]
fn what_was_changed_there_is_not_given_out_as_a_file() {
    let Some(stages) = stages() else { return };
    on_threads(async {
        let stage = stages.fresh().await;
        let artifacts = stage.open().await;
        let stored = artifacts.put(b"the truth".to_vec()).await.expect("it is stored");
        stage.damage(stored.sha256, b"a lie").await;
        let refused = artifacts.local(stored.sha256).await;
        assert_eq!(refused, Err(Error::Corrupt { wanted: stored.sha256, found: Sha256::of(b"a lie") }));
        artifacts.put(b"the truth".to_vec()).await.expect("it is stored again, because its length is wrong");
        assert_eq!(artifacts.get(stored.sha256, 100).await, Ok(b"the truth".to_vec()));
    });
}

#[test]
fn a_missing_bucket_an_absent_server_and_a_wrong_location_are_told_apart() {
    let Some(mut server) = S3::start() else { return };
    let cache = tempfile::tempdir().expect("a folder");
    let opening = Opening { cache: cache.path().to_owned(), environment: environment(&server) };
    on_threads(async {
        for wrong in ["s3://", "s3:///prefix", "s3://bucket/a//b"] {
            let refused = open(wrong, &opening).await.err();
            assert!(matches!(refused, Some(Error::Unfit { .. })), "{wrong}: {refused:?}");
        }
        let artifacts = open("s3://nobodys/prefix", &opening).await.expect("settings that can work");
        for refused in [
            artifacts.reference("name").await.map(drop),
            artifacts.put(b"x".to_vec()).await.map(drop),
            sharing::agree(&*artifacts, "s3://nobodys/prefix", &MemoryStore::new()).await.map(drop),
        ] {
            match refused {
                Err(Error::Unfit { reason, .. }) => assert!(reason.contains("no such bucket"), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
        server.kill();
        match artifacts.reference("name").await {
            Err(error @ Error::Unreachable { .. }) => {
                let said = format!("{error} {error:?} ");
                assert!(error.transient() && said.contains("s3://nobodys/prefix") && !said.contains(SECRET), "{said}");
            }
            other => panic!("{other:?}"),
        }
    });
    assert!(Path::new(cache.path()).exists());
}

#[test]
fn services_with_the_same_bucket_agree() {
    let Some(stages) = stages() else { return };
    on_threads(async {
        let stage = stages.fresh().await;
        let store = MemoryStore::new();
        let id = sharing::agree(&*stage.open().await, "s3://bucket", &store).await.expect("an id");
        assert_eq!(sharing::agree(&*stage.open().await, "s3://bucket", &store).await, Ok(id));
        let other = stages.fresh().await;
        let refused = sharing::agree(&*other.open().await, "s3://bucket/other", &store).await;
        assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    });
}
