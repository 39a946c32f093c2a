//! A worker to try programs on, and the eye that sees what they leave.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use candor_platform::{Artifacts, SystemClock};
use candor_proto::message::{Assignment, Report, With};
use candor_proto::plan::{Limits, PlanFile};
use candor_proto::{AttemptId, FileValue, JobId, Node, Outcome, Sha256, TaskError};
use candor_worker::Executor;
use candor_worker::action::Processes;
use candor_worker::executor::{Brake, Tables};
use candor_worker::registry::Registry;
use candor_worker::secrets::Known;
use candor_worker::supervisor::Supervisor;
use candor_worker::workspace::Workspace;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::artifacts::Folder;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) body: Box<dyn FnOnce(Arc<Stage>) -> BoxFuture<'static, ()> + Send>,
}

pub(crate) fn case<F>(name: &'static str, body: fn(Arc<Stage>) -> F) -> Case
where
    F: Future<Output = ()> + Send + 'static,
{
    Case { name, body: Box::new(move |stage| Box::pin(body(stage))) }
}

pub(crate) struct Stage {
    pub(crate) executor: Executor,
    pub(crate) artifacts: Arc<Folder>,
    _bodies: TempDir,
    pub(crate) work: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let (bodies, work) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        use std::os::unix::fs::PermissionsExt;
        for folder in [&bodies, &work] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        }
        let artifacts = Arc::new(Folder(bodies.path().to_owned()));
        let workspace = Workspace::open(Some(work.path())).unwrap();
        let supervisor = Supervisor::new(None, workspace.folder().to_owned()).unwrap();
        let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
        let processes = Arc::new(Processes { supervisor, path });
        let executor = Executor {
            instance: "tester".to_owned(),
            registry: Registry::new(&processes),
            processes,
            workspace,
            secrets: Arc::new(crate::secrets::lookup),
            allow_paths: None,
            artifacts: Arc::clone(&artifacts) as Arc<dyn Artifacts>,
            tables: Tables::default(),
            known: Known::default(),
            clock: Arc::new(SystemClock),
        };
        Self { executor, artifacts, _bodies: bodies, work }
    }

    /// Another worker with these actions.
    pub(crate) fn another(&self, registry: Registry) -> Executor {
        Executor {
            instance: "another".to_owned(),
            registry,
            processes: Arc::clone(&self.executor.processes),
            workspace: Workspace::open(Some(self.work.path())).unwrap(),
            secrets: Arc::clone(&self.executor.secrets),
            allow_paths: None,
            artifacts: Arc::clone(&self.artifacts) as Arc<dyn Artifacts>,
            tables: Tables::default(),
            known: Known::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// An assignment with limits that a small machine can bear.
    pub(crate) fn assignment(&self, uses: &str, with: Value) -> Assignment {
        Assignment {
            job: JobId::from_uuid(Uuid::new_v4()),
            attempt: AttemptId::from_uuid(Uuid::new_v4()),
            node: Node::task(0),
            task: "step".to_owned(),
            number: 1,
            uses: uses.to_owned(),
            with: With::Inline(with),
            input_digest: Sha256::of(b""),
            env: BTreeMap::new(),
            files: Arc::default(),
            outputs: BTreeMap::new(),
            timeout_ms: 20_000,
            limits: Limits {
                processes: Some(40),
                memory_bytes: Some(1 << 30),
                output_bytes: Some(1 << 20),
                ..Limits::default()
            },
            idempotency_key: "key".to_owned(),
            claim: false,
            report_to: "reports".to_owned(),
            traceparent: None,
        }
    }

    pub(crate) async fn report(&self, assignment: &Assignment) -> Report {
        self.executor.execute(assignment, &Brake::default()).await.unwrap()
    }

    pub(crate) async fn execute(&self, assignment: &Assignment) -> Outcome {
        self.report(assignment).await.outcome
    }

    pub(crate) async fn shell(&self, script: &str) -> Outcome {
        self.execute(&self.assignment("shell", json!({"run": script}))).await
    }

    pub(crate) async fn shell_within(&self, timeout_ms: u64, script: &str) -> Outcome {
        let mut assignment = self.assignment("shell", json!({"run": script}));
        assignment.timeout_ms = timeout_ms;
        self.execute(&assignment).await
    }

    pub(crate) async fn store(&self, name: &str, bytes: &[u8]) -> FileValue {
        let stored = self.artifacts.put(bytes.to_vec()).await.unwrap();
        FileValue { name: name.to_owned(), sha256: stored.sha256, bytes: stored.bytes, media_type: "text/plain".into() }
    }

    pub(crate) async fn with_file(&self, assignment: &mut Assignment, name: &str, bytes: &[u8]) {
        let stored = self.artifacts.put(bytes.to_vec()).await.unwrap();
        let file = PlanFile { sha256: stored.sha256, bytes: stored.bytes };
        Arc::make_mut(&mut assignment.files).insert(name.to_owned(), file);
    }

    /// The bytes behind a file value.
    pub(crate) async fn body(&self, value: &Value) -> Vec<u8> {
        let file = FileValue::from_value(value).unwrap_or_else(|| panic!("{value} is no file value"));
        self.artifacts.get(file.sha256, u64::MAX).await.unwrap()
    }

    /// Working directories that were not removed.
    pub(crate) fn left_folders(&self) -> Vec<String> {
        let entries = fs::read_dir(self.executor.workspace.folder()).unwrap();
        entries.map(|entry| entry.unwrap().path().display().to_string()).collect()
    }
}

pub(crate) fn done(outcome: Outcome) -> Map<String, Value> {
    match outcome {
        Outcome::Done { outputs, .. } => outputs,
        other => panic!("not done: {other:?}"),
    }
}

pub(crate) fn failed(outcome: Outcome) -> TaskError {
    match outcome {
        Outcome::Fail { error } => error,
        other => panic!("not failed: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn expect_code(outcome: Outcome, code: &str) -> TaskError {
    let error = failed(outcome);
    assert_eq!(error.code, code, "{error:?}");
    error
}

/// Children of this process that are no supervisors: what escaped one. With `dead`, also those that have ended unseen.
pub(crate) fn strays(dead: bool) -> Vec<String> {
    let mut found = Vec::new();
    for thread in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(children) = fs::read_to_string(thread.path().join("children")) else { continue };
        for child in children.split_whitespace() {
            let line = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default().replace('\0', " ");
            let status = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            let zombie = status.contains(") Z ");
            let supervisor = line.contains("__supervise")
                || line.contains("programs")
                || status.contains(" (exe) ")
                || status.contains(" (tokio-rt-worker) ");
            // Whoever kills its own supervisor becomes our child before it is swept.
            let zombie_counts = dead && nix::unistd::geteuid().is_root();
            if !status.is_empty() && !supervisor && (zombie_counts || !zombie) {
                found.push(format!("{child} `{line}` {status}"));
            }
        }
    }
    found
}

/// Whether a process works in this attempt's directory.
pub(crate) fn runs(attempt: AttemptId) -> bool {
    processes(attempt) > 0
}

/// Processes that work in this attempt's directory.
pub(crate) fn processes(attempt: AttemptId) -> usize {
    let name = attempt.to_string();
    let inside = |entry: &fs::DirEntry| {
        fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.to_string_lossy().contains(&name))
    };
    fs::read_dir("/proc").unwrap().flatten().filter(inside).count()
}

/// A worker process that runs one long attempt and never ends by itself.
pub(crate) fn doomed_worker(attempt: &str) -> std::process::ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let stage = Stage::new();
        let script = "trap '' TERM HUP; setsid sh -c 'trap \"\" TERM; sleep 87' & while :; do sleep 88; done";
        let mut assignment = stage.assignment("shell", json!({"run": script}));
        assignment.attempt = attempt.parse().unwrap();
        stage.execute(&assignment).await;
    });
    std::process::ExitCode::SUCCESS
}
