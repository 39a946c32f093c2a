//! A folder, artifacts in it, and a context around one attempt.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use candor_platform::artifacts::Stored;
use candor_platform::{Artifacts, SystemClock};
use candor_proto::plan::{Limits, PlanFile};
use candor_proto::{AttemptId, FileValue, JobId, Outcome, Sha256, TableValue, TaskError};
use candor_worker::action::{Action, Context, Stop, Used};
use candor_worker::table::Reader;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Bodies in a folder, under their digest.
pub(crate) struct Bodies {
    folder: PathBuf,
    references: Mutex<HashMap<String, Sha256>>,
}

impl Bodies {
    pub(crate) fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        Self { folder: folder.to_owned(), references: Mutex::default() }
    }

    fn place(&self, sha256: Sha256) -> PathBuf {
        self.folder.join(sha256.to_string())
    }
}

type Result<T> = std::result::Result<T, candor_platform::Error>;

#[async_trait]
impl Artifacts for Bodies {
    async fn put(&self, bytes: Vec<u8>) -> Result<Stored> {
        let sha256 = Sha256::of(&bytes);
        std::fs::write(self.place(sha256), &bytes).unwrap();
        Ok(Stored { sha256, bytes: bytes.len() as u64 })
    }

    async fn put_file(&self, path: &Path) -> Result<Stored> {
        use sha2::Digest;
        let failed = |error: std::io::Error| candor_platform::Error::io("copy", &error);
        let mut input = std::fs::File::open(path).map_err(failed)?;
        let mut copy = tempfile::NamedTempFile::new_in(&self.folder).unwrap();
        let (mut hasher, mut buffer, mut bytes) = (sha2::Sha256::new(), vec![0; 65536], 0);
        loop {
            let read = input.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            copy.write_all(&buffer[..read]).unwrap();
            bytes += read as u64;
        }
        let sha256 = Sha256::from_bytes(hasher.finalize().into());
        copy.persist(self.place(sha256)).unwrap();
        Ok(Stored { sha256, bytes })
    }

    async fn get(&self, sha256: Sha256, _max: u64) -> Result<Vec<u8>> {
        std::fs::read(self.place(sha256)).map_err(|_| candor_platform::Error::NoArtifact { sha256 })
    }

    async fn local(&self, sha256: Sha256) -> Result<PathBuf> {
        let place = self.place(sha256);
        if place.exists() { Ok(place) } else { Err(candor_platform::Error::NoArtifact { sha256 }) }
    }

    async fn contains(&self, sha256: Sha256) -> Result<bool> {
        Ok(self.place(sha256).exists())
    }

    async fn reference(&self, name: &str) -> Result<Option<Sha256>> {
        Ok(self.references.lock().unwrap().get(name).copied())
    }

    async fn point(&self, name: &str, _expected: Option<Sha256>, to: Sha256) -> Result<()> {
        self.references.lock().unwrap().insert(name.to_owned(), to);
        Ok(())
    }
}

/// One attempt and the world around it.
pub(crate) struct Stage {
    pub(crate) home: tempfile::TempDir,
    pub(crate) context: Context,
    pub(crate) bodies: Arc<Bodies>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("attempt");
        std::fs::create_dir(&directory).unwrap();
        let bodies = Arc::new(Bodies::new(&home.path().join("artifacts")));
        let context = Context {
            job: JobId::from_uuid(Uuid::from_u128(1)),
            attempt: AttemptId::from_uuid(Uuid::from_u128(2)),
            task: "task".to_owned(),
            number: 1,
            idempotency_key: "key".to_owned(),
            env: BTreeMap::new(),
            files: Arc::default(),
            outputs: BTreeMap::new(),
            limits: Limits::default(),
            deadline: u64::MAX,
            timeout_ms: u64::MAX,
            stop: Stop::default(),
            directory,
            allow_paths: None,
            artifacts: Arc::clone(&bodies) as Arc<dyn Artifacts>,
            clock: Arc::new(SystemClock),
            masks: candor_worker::secrets::Masks::default(),
            usage: Arc::new(Used::default()),
        };
        Self { home, context, bodies }
    }

    /// A path in a folder of this stage that is no attempt's.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file of the machine and gives its path as a value.
    pub(crate) fn machine_file(&self, name: &str, bytes: impl AsRef<[u8]>) -> Value {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().into()
    }

    /// Makes a file of the workflow.
    pub(crate) async fn plan_file(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        let body = self.bodies.put(bytes.as_ref().to_vec()).await.unwrap();
        let files = Arc::make_mut(&mut self.context.files);
        files.insert(name.to_owned(), PlanFile { sha256: body.sha256, bytes: body.bytes });
    }

    /// Stores a body and gives it as a file value.
    pub(crate) async fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> Value {
        let body = self.bodies.put(bytes.as_ref().to_vec()).await.unwrap();
        let media_type = "application/octet-stream".to_owned();
        FileValue { name: name.to_owned(), sha256: body.sha256, bytes: body.bytes, media_type }.to_value()
    }

    pub(crate) async fn done(&self, action: impl Action, with: Value) -> Map<String, Value> {
        match action.run(&self.context, with).await {
            Outcome::Done { outputs, evidence } => {
                assert!(!evidence.is_empty(), "every outcome says what it rests on");
                self.assert_nothing_left();
                outputs
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn fails(&self, action: impl Action, with: Value) -> TaskError {
        match action.run(&self.context, with).await {
            Outcome::Fail { error } => {
                self.assert_nothing_left();
                error
            }
            other => panic!("{other:?}"),
        }
    }

    /// Temporary files are gone, however it ended.
    fn assert_nothing_left(&self) {
        let left: Vec<_> = std::fs::read_dir(&self.context.directory).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// The rows of a table.
    pub(crate) fn rows(&self, value: &Value) -> Vec<Vec<Value>> {
        let table = TableValue::from_value(value).unwrap();
        let path = self.bodies.place(table.sha256);
        Reader::open(&path, &table).unwrap().collect::<std::result::Result<_, _>>().unwrap()
    }

    /// The bytes of a file value.
    pub(crate) fn bytes(&self, value: &Value) -> Vec<u8> {
        let file = FileValue::from_value(value).unwrap();
        std::fs::read(self.bodies.place(file.sha256)).unwrap()
    }

    pub(crate) fn text(&self, value: &Value) -> String {
        String::from_utf8(self.bytes(value)).unwrap()
    }
}
