//! Everything that is checked before a run, and the run directory that is made when all is well.

use std::collections::BTreeMap;
use std::path::Path;

use candor_platform::artifacts::folder::Folder;
use candor_platform::config::Environment;
use candor_platform::{Artifacts, Clock, SystemClock};
use candor_proto::JobId;
use candor_proto::message::{Document, JobRequest, Severity, SubmittedFile};
use candor_proto::plan::Plan;
use candor_workflow::catalogue::Catalogue;
use candor_workflow::{Files, Mode, Source, compile, render};
use uuid::Uuid;

use crate::arguments::Run;
use crate::failure::{Code, Failure};
use crate::gather::{self, Given, LocalFile, Workflow};
use crate::run_directory::{RunDirectory, Unfinished};
use crate::terminal;

/// Checks everything that can be checked before anything is written, then makes the run directory.
pub(super) async fn prepare(
    options: &Run,
    environment: &Environment,
) -> Result<(RunDirectory, Unfinished, Catalogue), Failure> {
    let workflow = gather::workflow(&options.source)?;
    let catalogue = gather::catalogue(options.source.actions_dir.as_deref())?;
    let (files, local) = gather::files(&workflow, &catalogue)?;
    let plan = compiled(&workflow, &files, &catalogue, environment)?;
    let given = gather::inputs(&options.source, &plan)?;
    let (job, now) = (JobId::from_uuid(Uuid::now_v7()), SystemClock.now());
    let directory = RunDirectory::prepare(&options.runs_dir, &plan.name, job, now)?;
    let fill = Filling { directory: &directory, workflow: &workflow, plan: &plan, job, now };
    match fill.request(given, local).await {
        Ok(request) => {
            let mut pools: Vec<String> = plan.tasks.iter().map(|task| task.pool().to_owned()).collect();
            pools.sort();
            pools.dedup();
            let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
            let actions_dir = options.source.actions_dir.as_deref().map(whole);
            let unfinished = Unfinished::new(job, request, pools, actions_dir);
            Ok((directory.publish(&unfinished)?, unfinished, catalogue))
        }
        Err(failure) => {
            directory.discard();
            Err(failure)
        }
    }
}

/// The plan of a workflow; every diagnostic is shown.
fn compiled(
    workflow: &Workflow,
    files: &Files,
    catalogue: &Catalogue,
    environment: &Environment,
) -> Result<Plan, Failure> {
    let source = Source { name: &workflow.name, text: &workflow.text };
    let compiled = compile(&source, files, catalogue, Mode::Execute);
    if !compiled.diagnostics.is_empty() {
        terminal::line(
            render(&workflow.name, &workflow.text, &compiled.diagnostics, terminal::paint(environment)).trim_end(),
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

struct Filling<'a> {
    directory: &'a RunDirectory,
    workflow: &'a Workflow,
    plan: &'a Plan,
    job: JobId,
    now: u64,
}

impl Filling<'_> {
    /// Stores the workflow's files and file inputs, and builds the request.
    async fn request(
        &self,
        Given { values: mut inputs, files: paths }: Given,
        local: Vec<LocalFile>,
    ) -> Result<JobRequest, Failure> {
        let artifacts = Folder::open(self.directory.artifacts()).await?;
        let mut files = BTreeMap::new();
        for LocalFile { relative, path } in local {
            let stored = artifacts.put_file(&path).await?;
            files.insert(
                relative,
                SubmittedFile { base64: None, sha256: Some(stored.sha256), bytes: Some(stored.bytes) },
            );
        }
        for (name, path) in &paths {
            let stored = artifacts.put_file(path).await?;
            inputs.insert(name.clone(), gather::file_value(path, stored.sha256, stored.bytes).to_value());
        }
        gather::resolve(self.plan, &inputs, self.now, self.job)?;
        Ok(JobRequest {
            workflow: Some(Document::Text(self.workflow.text.clone())),
            inputs,
            files,
            job: Some(self.job),
            submitted_at: Some(self.now),
            source_name: Some(self.workflow.name.clone()),
            ..JobRequest::default()
        })
    }
}
