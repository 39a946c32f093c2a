//! Files that come with a request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candor_platform::Artifacts;
use candor_proto::message::{Document, JobRequest, PlanReady, SubmittedFile};
use candor_proto::{Message, Sha256};

use serde_json::{Value, json};

use crate::stage::{Stage, next, properties, request};

const BODY: &[u8] = b"country,deadline\nTX,2026-01-01\n";
const TEXT: &str = "name: filed\nfiles: [data.csv]\ntasks:\n  - id: only\n    run: cat data.csv\n";

fn with_file(key: &str, file: SubmittedFile) -> JobRequest {
    let mut request = request(key);
    request.workflow = Some(Document::Text(TEXT.into()));
    request.files.insert("data.csv".into(), file);
    request
}

fn inside(body: &[u8]) -> SubmittedFile {
    SubmittedFile { base64: Some(STANDARD.encode(body)), ..SubmittedFile::default() }
}

async fn handed_over(stage: &Stage, request: JobRequest) -> Message {
    stage.submit(request, properties(None, None)).await;
    let mut assembler = stage.assembler().await;
    let (message, _) = next(&mut *assembler).await;
    stage.say_recorded(&message).await;
    stage.served().await;
    message
}

async fn planned(stage: &Stage, request: JobRequest) -> PlanReady {
    match handed_over(stage, request).await {
        Message::PlanReady(ready) => *ready,
        other => panic!("a plan, not {other:?}"),
    }
}

/// What the refusal says about the file.
async fn refused(stage: &Stage, key: &str, file: SubmittedFile) -> String {
    match handed_over(stage, with_file(key, file)).await {
        Message::PlanRefused(refused) => {
            assert_eq!(refused.error.code, "invalid_workflow");
            refused.diagnostics.iter().map(|found| found.message.clone()).collect()
        }
        other => panic!("a refusal, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_are_stored_and_the_plan_names_them() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let ready = planned(&stage, with_file("one", inside(BODY))).await;
    let file = &ready.plan.files["data.csv"];
    assert_eq!((file.sha256, file.bytes), (Sha256::of(BODY), BODY.len() as u64));
    assert_eq!(stage.artifacts.get(file.sha256, 1_000).await.unwrap(), BODY);
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_is_the_same_whether_its_bytes_come_or_only_their_digest() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let by_bytes = planned(&stage, with_file("one", inside(BODY))).await;
    let digest = Sha256::of(BODY);
    let known = SubmittedFile { base64: None, sha256: Some(digest), bytes: Some(BODY.len() as u64) };
    let by_digest = planned(&stage, with_file("two", known)).await;
    let both = SubmittedFile { sha256: Some(digest), bytes: Some(BODY.len() as u64), ..inside(BODY) };
    let by_both = planned(&stage, with_file("three", both)).await;
    assert_eq!(by_bytes.request_digest, by_digest.request_digest);
    assert_eq!(by_bytes.request_digest, by_both.request_digest);
    assert_eq!(by_bytes.plan_hash, by_digest.plan_hash);
    let other = planned(&stage, with_file("four", inside(b"other\n"))).await;
    assert_ne!(by_bytes.request_digest, other.request_digest);
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_what_it_says_is_refused() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let wrong = Some(Sha256::of(b"something else"));
    let said = refused(&stage, "digest", SubmittedFile { sha256: wrong, ..inside(BODY) }).await;
    assert!(said.contains("has a `sha256` that is not that of its bytes"), "{said}");
    let said = refused(&stage, "length", SubmittedFile { bytes: Some(1), ..inside(BODY) }).await;
    assert!(said.contains("not its length"), "{said}");
    let said = refused(&stage, "base64", SubmittedFile { base64: Some("!".into()), ..inside(BODY) }).await;
    assert!(said.contains("has a `base64` that is none"), "{said}");
    let said = refused(&stage, "nothing", SubmittedFile::default()).await;
    assert!(said.contains("has neither"), "{said}");
    let unknown = SubmittedFile { base64: None, sha256: wrong, bytes: Some(1) };
    let said = refused(&stage, "unknown", unknown).await;
    assert!(said.contains("nothing is stored"), "{said}");
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_stored_file_with_another_length_is_refused_whatever_its_size() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    for (key, size) in [("small", 10), ("large", 3 * 1024 * 1024)] {
        let stored = stage.artifacts.put(vec![b'x'; size]).await.unwrap();
        let lie = SubmittedFile { base64: None, sha256: Some(stored.sha256), bytes: Some(5) };
        let said = refused(&stage, key, lie).await;
        assert!(said.contains("cannot be used"), "{said}");
    }
    planner.drain().await;
}

#[tokio::test(start_paused = true)]
async fn inputs_that_stand_for_a_file_which_is_not_there_are_refused() {
    let stage = Stage::new().await;
    let planner = stage.planner().await;
    let stored = stage.artifacts.put(BODY.to_vec()).await.unwrap();
    let file = |sha256: Sha256, bytes: u64| json!({"name": "a.csv", "sha256": sha256, "bytes": bytes, "media_type": "text/csv"});
    let text = "name: given\ninputs: { m: { type: map } }\ntasks:\n  - { id: only, uses: noop, with: { m: \"${{ inputs.m }}\" } }\n";
    let given = |key: &str, value: Value| {
        let mut request = request(key);
        request.workflow = Some(Document::Text(text.into()));
        request.inputs.insert("m".into(), json!({"deep": [value]}));
        request
    };
    planned(&stage, given("good", file(stored.sha256, stored.bytes))).await;
    let strange = json!({"name": "a.csv", "sha256": "none", "bytes": 1, "media_type": "text/csv"});
    let bad = [file(Sha256::of(b"elsewhere"), 9), file(stored.sha256, stored.bytes + 1), strange];
    for (place, value) in bad.into_iter().enumerate() {
        match handed_over(&stage, given(&format!("bad{place}"), value)).await {
            Message::PlanRefused(refused) => {
                assert_eq!(refused.error.code, "invalid_inputs");
                assert!(refused.error.message.contains("`a.csv`"), "{}", refused.error.message);
            }
            other => panic!("a refusal, not {other:?}"),
        }
    }
    planner.drain().await;
}
