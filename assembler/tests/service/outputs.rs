//! Outputs that are too large to travel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use candor_platform::artifacts::{Artifacts, Stored, folder::Folder};
use candor_platform::error::{Error, Result};
use candor_proto::message::{Assignment, Report};
use candor_proto::value::FileValue;
use candor_proto::{Evidence, Message, Outcome, Plan, Sha256};
use serde_json::{Map, Value, json};

use crate::order;
use crate::stage::{Life, Stage, until};
use crate::work::{Act, done, job, plan, ready, report};

/// Artifacts that cannot be reached for a while.
pub(crate) struct Shelf {
    folder: Arc<Folder>,
    /// Reads that fail from now on.
    pub(crate) failing: AtomicU32,
    pub(crate) reads: AtomicU32,
}

impl Shelf {
    pub(crate) fn new(folder: Arc<Folder>) -> Self {
        Self { folder, failing: AtomicU32::new(0), reads: AtomicU32::new(0) }
    }
}

#[async_trait]
impl Artifacts for Shelf {
    async fn put(&self, bytes: Vec<u8>) -> Result<Stored> {
        self.folder.put(bytes).await
    }

    async fn put_file(&self, path: &std::path::Path) -> Result<Stored> {
        self.folder.put_file(path).await
    }

    async fn get(&self, sha256: Sha256, max: u64) -> Result<Vec<u8>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let failing = self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if failing.is_ok() {
            return Err(Error::NoAnswer { ms: 1 });
        }
        self.folder.get(sha256, max).await
    }

    async fn local(&self, sha256: Sha256) -> Result<std::path::PathBuf> {
        self.folder.local(sha256).await
    }

    async fn contains(&self, sha256: Sha256) -> Result<bool> {
        self.folder.contains(sha256).await
    }

    async fn reference(&self, name: &str) -> Result<Option<Sha256>> {
        self.folder.reference(name).await
    }

    async fn point(&self, name: &str, expected: Option<Sha256>, to: Sha256) -> Result<()> {
        self.folder.point(name, expected, to).await
    }
}

/// A task that makes a long list, and one that reads it.
fn two(retry: &str) -> Plan {
    plan(&format!(
        "
name: large
tasks:
  - id: make
    run: make
    outputs: {{ numbers: list, half: number }}
{retry}
  - id: read
    needs: make
    run: cat
    with:
      stdin: ${{{{ string(size(tasks.make.outputs.numbers)) }}}} and ${{{{ tasks.make.outputs.half }}}}
outputs:
  count: ${{{{ size(tasks.make.outputs.numbers) }}}}
"
    ))
}

fn numbers(count: u32) -> Map<String, Value> {
    let Value::Object(outputs) = json!({
        "numbers": (0..count).collect::<Vec<_>>(), "half": 2.0, "stdout": "", "stderr": "", "exit_code": 0,
    }) else {
        unreachable!()
    };
    outputs
}

fn made(outputs: Map<String, Value>) -> Outcome {
    Outcome::Done { outputs, evidence: vec![Evidence::checked("exit_code")] }
}

/// The report that says where its outputs lie.
fn by_reference(assignment: &Assignment, sha256: Sha256, bytes: u64) -> Report {
    let (name, media_type) = ("outputs.json".to_owned(), "application/json".to_owned());
    let stored = Some(FileValue { name, sha256, bytes, media_type });
    Report { stored, ..report(assignment, made(Map::new())) }
}

async fn stored(stage: &Stage, outputs: &Map<String, Value>) -> Stored {
    stage.artifacts.put(serde_json::to_vec(outputs).unwrap()).await.unwrap()
}

/// A worker whose first attempts at `make` report this; later ones travel by themselves.
async fn worker(stage: &Stage, sha256: Sha256, bytes: u64) {
    stage
        .worker("default", move |assignment| match (assignment.task.as_str(), assignment.number) {
            ("make", 1) => Act::Send(Box::new(by_reference(assignment, sha256, bytes))),
            ("make", _) => Act::Report(made(numbers(3))),
            _ => Act::Report(done(assignment)),
        })
        .await;
}

async fn finish(stage: Stage, life: Life) {
    stage.quiet().await;
    order::check(&stage.diary.entries());
    life.assembler.drain().await;
}

#[tokio::test(start_paused = true)]
async fn stored_outputs_read_as_themselves() {
    let stage = Stage::new().await;
    let outputs = numbers(300_000);
    let body = stored(&stage, &outputs).await;
    assert!(body.bytes > 1024 * 1024, "no message holds it");
    let life = stage.life();
    worker(&stage, body.sha256, body.bytes).await;
    stage.submit(ready(job(1), two("")));
    let answer = stage.answer(job(1)).await;
    assert_eq!((&answer["result"], &answer["outputs"]["count"]), (&json!("complete"), &json!(300_000)));
    let log = stage.log(job(1)).await;
    let recorded = log.iter().find_map(|recorded| match &recorded.event {
        candor_proto::Event::Succeeded(success) if success.node.task == 0 => Some(success.outputs.clone()),
        _ => None,
    });
    assert_eq!(recorded.unwrap().as_object(), Some(&outputs), "2.0 is not 2");
    finish(stage, life).await;
}

#[tokio::test(start_paused = true)]
async fn outputs_that_cannot_be_reached_are_waited_for() {
    let stage = Stage::new().await;
    let body = stored(&stage, &numbers(30_000)).await;
    let life = stage.life();
    stage.shelf.failing.store(4, Ordering::SeqCst);
    worker(&stage, body.sha256, body.bytes).await;
    stage.submit(ready(job(1), two("")));
    assert_eq!(stage.answer(job(1)).await["outputs"]["count"], 30_000);
    assert_eq!(stage.shelf.failing.load(Ordering::SeqCst), 0);
    finish(stage, life).await;
}

#[tokio::test(start_paused = true)]
async fn outputs_that_are_lost_count_as_an_error_of_the_system() {
    for (retry, result, number) in [("", "failed", 1), ("    retry: { max_attempts: 2, on: [system] }", "complete", 2)]
    {
        let stage = Stage::new().await;
        let no_object = stage.artifacts.put(b"[1, 2]".to_vec()).await.unwrap();
        for sha256 in [Sha256::of(b"nobody stored this"), no_object.sha256] {
            let stage = Stage::new().await;
            stage.artifacts.put(b"[1, 2]".to_vec()).await.unwrap();
            let life = stage.life();
            worker(&stage, sha256, 6).await;
            stage.submit(ready(job(1), two(retry)));
            assert_eq!(stage.answer(job(1)).await["result"], result);
            let failure = stage.log(job(1)).await.into_iter().find_map(|recorded| match recorded.event {
                candor_proto::Event::Failed(failure) => Some(failure),
                _ => None,
            });
            let error = failure.unwrap().error;
            assert_eq!(error.code, "outputs_lost");
            assert!(error.advice.unwrap().contains("--artifacts"));
            assert_eq!(stage.folded(job(1)).await.tasks()[0].node.attempts, number);
            finish(stage, life).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_a_job_may_have_fails_without_being_fetched() {
    let stage = Stage::new().await;
    let life = stage.life();
    worker(&stage, Sha256::of(b"a mountain"), 64 * 1024 * 1024 + 1).await;
    stage.submit(ready(job(1), two("")));
    assert_eq!(stage.answer(job(1)).await["result"], "failed");
    let job = stage.folded(job(1)).await;
    assert_eq!(job.tasks()[0].node.error.as_ref().unwrap().code, "outputs_too_large");
    assert_eq!(stage.shelf.reads.load(Ordering::SeqCst), 0);
    finish(stage, life).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_late_is_not_fetched() {
    let stage = Stage::new().await;
    let body = stored(&stage, &numbers(30_000)).await;
    let life = stage.life();
    let kept = Arc::new(std::sync::Mutex::new(None));
    let keep = Arc::clone(&kept);
    stage
        .worker("default", move |assignment| {
            if assignment.task != "make" {
                return Act::Hold;
            }
            let report = by_reference(assignment, body.sha256, body.bytes);
            *keep.lock().unwrap() = Some(report.clone());
            Act::Send(Box::new(report))
        })
        .await;
    stage.submit(ready(job(1), two("")));
    until("the second task is out", || stage.depth(&stage.routes.tasks("default")).unsettled == 1).await;
    let report = kept.lock().unwrap().clone().unwrap();
    let counters = life.assembler.counters();
    stage.tell(Message::Report(Box::new(report))).await;
    until("it is known", || counters.known.load(Ordering::Relaxed) > 0).await;
    assert_eq!(stage.shelf.reads.load(Ordering::SeqCst), 1);
    life.assembler.drain().await;
}
