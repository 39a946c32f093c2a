//! A request becomes a plan, or is refused with every reason at once. Pure.

use std::collections::BTreeMap;

use candor_proto::message::{Diagnostic, Document, ErrorBody, JobRequest, PlanReady, PlanRefused, ReplyTo, Severity};
use candor_proto::{JobId, Millis, Sha256, time};
use candor_workflow::catalogue::Catalogue;
use candor_workflow::{Files, InputProblem, Mode, Source, compile, resolve_inputs};
use serde_json::{Value, json};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Planned {
    /// It has a plan.
    Ready(Box<PlanReady>),
    /// It has a job, and cannot become a plan.
    Refused(Box<PlanRefused>),
    /// It cannot even have a job: the sender is told, and nothing is recorded.
    Nameless(ErrorBody),
}

/// What is known of a request beside its body.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The message's own id, from which a job's id follows where the sender gave no other.
    pub message_id: Option<String>,
    /// Who wants the answer.
    pub reply_to: Option<ReplyTo>,
    /// Where the assembler says that it has recorded the plan.
    pub recorded_to: Option<String>,
    /// When it was received.
    pub received_at: Millis,
}

/// Plans a request whose files have been looked at.
pub fn plan(request: &JobRequest, files: &Files, envelope: &Envelope, catalogue: &Catalogue) -> Planned {
    let Some(job) = job_id(request, envelope) else {
        return Planned::Nameless(ErrorBody {
            code: "no_job_id".to_owned(),
            message: "the request has no `job`, no `idempotency_key` and no `message_id`".to_owned(),
            advice: "set one of them, so that a repeated request is the same job".to_owned(),
        });
    };
    let submitted_at = request.submitted_at.unwrap_or(envelope.received_at);
    let request_digest = digest(request);
    let refused = |error: ErrorBody, diagnostics: Vec<Diagnostic>| {
        Planned::Refused(Box::new(PlanRefused {
            job,
            error,
            diagnostics,
            submitted_at,
            request_digest,
            reply_to: envelope.reply_to.clone(),
            recorded_to: envelope.recorded_to.clone(),
        }))
    };
    let text = match document(request) {
        Ok(text) => text,
        Err(error) => return refused(error, Vec::new()),
    };
    let name = request.source_name.as_deref().unwrap_or("workflow");
    let compiled = compile(&Source { name, text: &text }, files, catalogue, Mode::Execute);
    let wrong = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
    let Some(plan) = compiled.plan.filter(|_| !wrong) else {
        let count = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
        let error = ErrorBody {
            code: "invalid_workflow".to_owned(),
            message: format!("the workflow has {count} error{}", if count == 1 { "" } else { "s" }),
            advice: "mend what the diagnostics name and send it again".to_owned(),
        };
        return refused(error, compiled.diagnostics);
    };
    let inputs = match resolve_inputs(&plan, &request.inputs, &time::date(submitted_at), &job.to_string()) {
        Ok(inputs) => inputs,
        Err(problems) => {
            let diagnostics = problems.into_iter().map(diagnostic).collect();
            let error = ErrorBody {
                code: "invalid_inputs".to_owned(),
                message: "the inputs do not fit the workflow".to_owned(),
                advice: "give every required input a value of its declared type".to_owned(),
            };
            return refused(error, diagnostics);
        }
    };
    Planned::Ready(Box::new(PlanReady {
        job,
        plan_hash: plan.hash(),
        priority: request.priority.unwrap_or(plan.priority),
        plan,
        inputs,
        tenant: request.tenant.clone(),
        submitted_at,
        request_digest,
        reply_to: envelope.reply_to.clone(),
        recorded_to: envelope.recorded_to.clone(),
    }))
}

/// An input has no place in the document: its diagnostic stands at the beginning.
fn diagnostic(problem: InputProblem) -> Diagnostic {
    Diagnostic {
        code: problem.code.word().to_owned(),
        severity: Severity::Error,
        line: 1,
        column: 1,
        length: 0,
        message: problem.message,
        advice: problem.advice,
    }
}

/// The job that a request means: the sender's own id, else the one that its key or its message always means.
pub fn job_id(request: &JobRequest, envelope: &Envelope) -> Option<JobId> {
    let tenant = request.tenant.as_deref().unwrap_or_default();
    let key = request.idempotency_key.as_deref().or(envelope.message_id.as_deref());
    request.job.or_else(|| key.map(|key| JobId::from_key(tenant, key)))
}

/// The workflow's text. A document that came as an object is compiled from its JSON text.
pub fn document(request: &JobRequest) -> Result<String, ErrorBody> {
    let error = |code: &str, message: &str, advice: &str| ErrorBody {
        code: code.to_owned(),
        message: message.to_owned(),
        advice: advice.to_owned(),
    };
    match (&request.workflow, &request.request) {
        (Some(_), Some(_)) => Err(error(
            "workflow_and_request",
            "the request has both a `workflow` and a `request` in words",
            "send one of them",
        )),
        (None, None) => {
            Err(error("empty_request", "the request has neither a `workflow` nor a `request`", "send a workflow"))
        }
        (None, Some(_)) => Err(error(
            "no_model",
            "a request in words needs a language model, and this build has no support for one yet",
            "write the work as a workflow; `candor new` makes a first one",
        )),
        (Some(Document::Text(text)), None) => Ok(text.clone()),
        (Some(Document::Object(fields)), None) => serde_json::to_string_pretty(fields)
            .map_err(|reason| error("unreadable", &reason.to_string(), "send valid JSON")),
    }
}

/// What makes two requests the same: everything that is to be done, and nothing about who asks when.
fn digest(request: &JobRequest) -> Sha256 {
    let files: BTreeMap<&String, Option<Sha256>> =
        request.files.iter().map(|(path, file)| (path, file.sha256)).collect();
    let workflow = match &request.workflow {
        Some(Document::Text(text)) => json!(text),
        Some(Document::Object(fields)) => json!(fields),
        None => Value::Null,
    };
    Sha256::of_value(&json!({
        "workflow": workflow, "request": request.request, "inputs": request.inputs, "files": files,
        "priority": request.priority, "tenant": request.tenant,
    }))
}
