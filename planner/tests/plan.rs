//! A request becomes a plan or a refusal: a pure function.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use candor_planner::plan::{Envelope, Planned, plan};
use candor_proto::message::{Document, ErrorBody, JobRequest, PlanReady, PlanRefused, ReplyTo, SubmittedFile};
use candor_proto::plan::Priority;
use candor_proto::{JobId, Sha256};
use candor_workflow::catalogue::Catalogue;
use candor_workflow::{FileFact, Files, file_fact};
use serde_json::{Value, json};
use uuid::Uuid;

const TEXT: &str = "name: small\ninputs:\n  who: { type: string, required: true }\ntasks:\n  - id: only\n    run: echo ${{ inputs.who }}\n";
const NOW: u64 = 1_790_000_000_000;

fn request() -> JobRequest {
    let Value::Object(inputs) = json!({ "who": "world" }) else { unreachable!() };
    JobRequest {
        workflow: Some(Document::Text(TEXT.into())),
        inputs,
        idempotency_key: Some("key".into()),
        ..JobRequest::default()
    }
}

fn envelope() -> Envelope {
    Envelope {
        message_id: Some("message".into()),
        reply_to: Some(ReplyTo {
            queue: "client".into(),
            correlation_id: Some("mine".into()),
            content_type: "application/json".into(),
        }),
        recorded_to: Some("candor.replies.planner".into()),
        received_at: NOW,
    }
}

fn planned(request: &JobRequest) -> Planned {
    plan(request, &Files::default(), &envelope(), &Catalogue::built_in().unwrap())
}

fn ready(request: &JobRequest) -> PlanReady {
    match planned(request) {
        Planned::Ready(ready) => *ready,
        other => panic!("it has a plan, not {other:?}"),
    }
}

fn refused(request: &JobRequest) -> PlanRefused {
    match planned(request) {
        Planned::Refused(refused) => *refused,
        other => panic!("it is refused, not {other:?}"),
    }
}

fn with(change: impl FnOnce(&mut JobRequest)) -> JobRequest {
    let mut request = request();
    change(&mut request);
    request
}

#[test]
fn a_job_has_the_senders_id_else_that_of_its_key_else_that_of_its_message() {
    let own = JobId::from_uuid(Uuid::from_u128(5));
    assert_eq!(ready(&with(|request| request.job = Some(own))).job, own, "even where it has a key too");
    let by_key = ready(&request()).job;
    assert_eq!(by_key, JobId::from_key("", "key"));
    assert_eq!(by_key.uuid().get_version_num(), 8);
    let by_message = ready(&with(|request| request.idempotency_key = None)).job;
    assert_eq!(by_message, JobId::from_key("", "message"));
    assert_eq!(ready(&request()).job, by_key, "always the same");
}

#[test]
fn the_same_key_of_another_tenant_is_another_job() {
    let of = |tenant: Option<&str>| ready(&with(|request| request.tenant = tenant.map(str::to_owned))).job;
    assert_ne!(of(Some("a")), of(Some("b")));
    assert_ne!(of(Some("a")), of(None));
    assert_eq!(of(Some("a")), of(Some("a")));
}

#[test]
fn a_request_without_any_id_has_no_job() {
    let nameless = with(|request| request.idempotency_key = None);
    let envelope = Envelope { message_id: None, ..envelope() };
    let Planned::Nameless(error) = plan(&nameless, &Files::default(), &envelope, &Catalogue::built_in().unwrap())
    else {
        panic!("it cannot have a job")
    };
    assert_eq!(error.code, "no_job_id");
    assert!(!error.message.is_empty() && !error.advice.is_empty());
}

#[test]
fn the_plan_says_who_waits_for_what() {
    let ready = ready(&with(|request| request.tenant = Some("tenant".into())));
    assert_eq!(ready.reply_to, envelope().reply_to);
    assert_eq!(ready.recorded_to, envelope().recorded_to);
    assert_eq!(ready.tenant.as_deref(), Some("tenant"));
    assert_eq!(ready.plan_hash, ready.plan.hash());
    assert_eq!(ready.inputs["who"], "world");
    assert_eq!(ready.submitted_at, NOW, "when it was received, as the sender does not say when it was sent");
    assert_eq!(self::ready(&with(|request| request.submitted_at = Some(7))).submitted_at, 7);
}

#[test]
fn the_same_work_has_the_same_digest_whoever_asks_and_when() {
    let digest = ready(&request()).request_digest;
    for (what, change) in [
        ("job", (|r| r.job = Some(JobId::from_uuid(Uuid::from_u128(1)))) as fn(&mut JobRequest)),
        ("time", |r| r.submitted_at = Some(1)),
        ("key", |r| r.idempotency_key = Some("another".into())),
        ("name", |r| r.source_name = Some("other.yaml".into())),
    ] {
        assert_eq!(ready(&with(change)).request_digest, digest, "{what}");
    }
}

#[test]
fn other_work_has_another_digest() {
    let digest = ready(&request()).request_digest;
    for (what, change) in [
        ("inputs", (|r| r.inputs["who"] = json!("you")) as fn(&mut JobRequest)),
        ("workflow", |r| r.workflow = Some(Document::Text(TEXT.replace("echo", "printf")))),
        ("tenant", |r| r.tenant = Some("tenant".into())),
        ("priority", |r| r.priority = Some(Priority::High)),
        ("files", |r| {
            let file = SubmittedFile { sha256: Some(Sha256::of(b"a")), bytes: Some(1), base64: None };
            r.files.insert("a.txt".into(), file);
        }),
    ] {
        assert_ne!(ready(&with(change)).request_digest, digest, "{what}");
    }
}

#[test]
fn a_file_is_part_of_the_digest_by_its_content_and_its_path() {
    let of = |path: &str, content: &[u8]| {
        let file = SubmittedFile { sha256: Some(Sha256::of(content)), bytes: Some(9), base64: None };
        ready(&with(|request| {
            request.files.insert(path.into(), file);
        }))
        .request_digest
    };
    assert_eq!(of("a", b"one"), of("a", b"one"));
    assert_ne!(of("a", b"one"), of("a", b"two"));
    assert_ne!(of("a", b"one"), of("b", b"one"));
}

#[test]
fn the_digest_of_a_refusal_is_that_of_its_request() {
    let wrong = |text: &str| refused(&with(|request| request.workflow = Some(Document::Text(text.into()))));
    assert_eq!(wrong("name: [").request_digest, wrong("name: [").request_digest);
    assert_ne!(wrong("name: [").request_digest, wrong("name: {").request_digest);
}

#[test]
fn a_request_is_either_a_workflow_or_words() {
    let code = |change: fn(&mut JobRequest)| {
        let refused = refused(&with(change));
        let ErrorBody { code, message, advice } = refused.error;
        assert!(!message.is_empty() && !advice.is_empty());
        assert!(refused.diagnostics.is_empty());
        code
    };
    assert_eq!(code(|request| request.request = Some("do it".into())), "workflow_and_request");
    assert_eq!(code(|request| request.workflow = None), "empty_request");
    let words: fn(&mut JobRequest) = |request| {
        request.workflow = None;
        request.request = Some("do it".into());
    };
    assert_eq!(code(words), "no_model");
}

#[test]
fn every_diagnostic_comes_with_the_refusal() {
    let text = "name: wrong\ntasks:\n  - id: a\n    uses: nothing-known\n  - id: b\n    needs: nobody\n    run: echo\n";
    let refused = refused(&with(|request| request.workflow = Some(Document::Text(text.into()))));
    assert_eq!(refused.error.code, "invalid_workflow");
    assert!(refused.diagnostics.len() >= 2, "{:?}", refused.diagnostics);
    assert!(refused.diagnostics.iter().all(|diagnostic| diagnostic.line > 1 && !diagnostic.code.is_empty()));
    let errors = refused.diagnostics.iter().filter(|found| found.severity == candor_proto::message::Severity::Error);
    assert!(refused.error.message.contains(&errors.count().to_string()), "{}", refused.error.message);
    assert_eq!(refused.reply_to, envelope().reply_to);
    assert_eq!(refused.recorded_to, envelope().recorded_to);
    assert_eq!(refused.job, JobId::from_key("", "key"), "it has its job all the same");
}

#[test]
fn inputs_that_do_not_fit_are_diagnostics() {
    let refused = refused(&with(|request| {
        request.inputs = json!({ "whom": 1, "other": 2 }).as_object().unwrap().clone();
    }));
    assert_eq!(refused.error.code, "invalid_inputs");
    assert_eq!(refused.diagnostics.len(), 3, "two unknown and one missing: {:?}", refused.diagnostics);
}

#[test]
fn a_document_that_came_as_an_object_means_the_same_plan() {
    let object = json!({
        "name": "small",
        "inputs": { "who": { "type": "string", "required": true } },
        "tasks": [{ "id": "only", "run": "echo ${{ inputs.who }}" }],
    });
    let Value::Object(fields) = object else { unreachable!() };
    let from_object = ready(&with(|request| request.workflow = Some(Document::Object(fields))));
    assert_eq!(from_object.plan_hash, ready(&request()).plan_hash);
}

#[test]
fn an_object_with_an_odd_value_is_refused_as_text_would_be() {
    let Value::Object(fields) = json!({ "name": "odd", "tasks": "none" }) else { unreachable!() };
    let refused = refused(&with(|request| request.workflow = Some(Document::Object(fields))));
    assert_eq!(refused.error.code, "invalid_workflow");
    assert!(!refused.diagnostics.is_empty());
}

#[test]
fn the_requests_priority_goes_before_the_workflows() {
    let urgent = TEXT.replace("name: small", "name: small\npriority: low");
    let of = |own: Option<Priority>| {
        ready(&with(|request| {
            request.workflow = Some(Document::Text(urgent.clone()));
            request.priority = own;
        }))
        .priority
    };
    assert_eq!(of(None), Priority::Low);
    assert_eq!(of(Some(Priority::High)), Priority::High);
}

#[test]
fn files_are_looked_at_while_compiling() {
    let text = TEXT.replace("name: small", "name: small\nfiles: [data.csv]");
    let request = with(|request| request.workflow = Some(Document::Text(text)));
    let with_files = |files: Files| plan(&request, &files, &envelope(), &Catalogue::built_in().unwrap());
    let mut files = Files::default();
    let Planned::Refused(refused) = with_files(files.clone()) else { panic!("the file is missing") };
    assert_eq!(refused.error.code, "invalid_workflow");
    files.facts.insert("data.csv".into(), file_fact(b"a,b\n".to_vec()));
    let Planned::Ready(ready) = with_files(files.clone()) else { panic!("the file is there") };
    assert_eq!(ready.plan.files["data.csv"].sha256, Sha256::of(b"a,b\n"));
    let problem = FileFact { problem: Some("is no file".into()), ..FileFact::default() };
    files.facts.insert("data.csv".into(), problem);
    let Planned::Refused(refused) = with_files(files) else { panic!("the file cannot be used") };
    assert!(refused.diagnostics.iter().any(|found| found.message.contains("is no file")), "{refused:?}");
}
