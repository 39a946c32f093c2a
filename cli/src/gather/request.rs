//! From what was gathered to the request that is sent.

use std::collections::BTreeMap;

use candor_platform::Artifacts;
use candor_proto::JobId;
use candor_proto::message::{Document, JobRequest, Severity, SubmittedFile};
use candor_proto::plan::Plan;
use candor_workflow::catalogue::Catalogue;
use candor_workflow::{Files, Mode, Source, compile, render};

use super::{Given, LocalFile, Workflow};
use crate::failure::{Code, Failure};
use crate::terminal;

/// The plan of a workflow that is to be carried out; every diagnostic is shown.
pub(crate) fn compiled(
    workflow: &Workflow,
    files: &Files,
    catalogue: &Catalogue,
    paint: candor_workflow::Paint,
) -> Result<Plan, Failure> {
    let source = Source { name: &workflow.name, text: &workflow.text };
    let compiled = compile(&source, files, catalogue, Mode::Execute);
    if !compiled.diagnostics.is_empty() {
        terminal::line(
            render(&terminal::clean(&workflow.name), &workflow.text, &compiled.diagnostics, paint).trim_end(),
        );
    }
    let errors = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    match compiled.plan {
        Some(plan) if errors == 0 => Ok(plan),
        Some(_) | None => {
            let plural = if errors == 1 { "" } else { "s" };
            let message = format!("{} has {errors} error{plural}", workflow.name);
            Err(Failure::usage(Code::InvalidWorkflow, message).advice("mend what is named above"))
        }
    }
}

/// Stores the workflow's files and the files of inputs, and builds the request.
pub(crate) async fn request(
    workflow: &Workflow,
    plan: &Plan,
    Given { values: mut inputs, files: paths }: Given,
    local: Vec<LocalFile>,
    artifacts: &dyn Artifacts,
    (job, now): (JobId, u64),
) -> Result<JobRequest, Failure> {
    let mut files = BTreeMap::new();
    for LocalFile { relative, path } in local {
        let stored = artifacts.put_file(&path).await?;
        let file = SubmittedFile { base64: None, sha256: Some(stored.sha256), bytes: Some(stored.bytes) };
        files.insert(relative, file);
    }
    for (name, path) in &paths {
        let stored = artifacts.put_file(path).await?;
        inputs.insert(name.clone(), super::file_value(path, stored.sha256, stored.bytes).to_value());
    }
    super::resolve(plan, &inputs, now, job)?;
    Ok(JobRequest {
        workflow: Some(Document::Text(workflow.text.clone())),
        inputs,
        files,
        job: Some(job),
        submitted_at: Some(now),
        source_name: Some(workflow.name.clone()),
        ..JobRequest::default()
    })
}
