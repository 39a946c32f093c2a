//! `candor submit`: hands a workflow in, and with `--wait` waits for its answer.

use std::path::Path;

use candor_platform::config::Environment;
use candor_platform::{Clock, SystemClock};
use candor_proto::JobId;
use candor_proto::message::JobRequest;
use serde_json::json;
use uuid::Uuid;

use super::export;
use crate::arguments::Submit;
use crate::await_answer::await_answer;
use crate::conversation;
use crate::deployment::{self, Deployment};
use crate::failure::{Exit, Failure};
use crate::gather;
use crate::settings;
use crate::terminal;

/// Submits.
pub(super) async fn submit(options: &Submit, environment: &Environment) -> Result<Exit, Failure> {
    let workflow = gather::workflow(&options.source)?;
    let catalogue = gather::catalogue(options.source.actions_dir.as_deref())?;
    let (files, local) = gather::files(&workflow, &catalogue)?;
    let plan = gather::compiled(&workflow, &files, &catalogue, terminal::paint(environment))?;
    let given = gather::inputs(&options.source, &plan)?;
    let deployment = deployment::open(&settings::place(&options.place, environment)?).await?;
    let artifacts = deployment.artifacts().await?;
    let id = match &options.idempotency_key {
        Some(key) => JobId::from_key("", key),
        None => JobId::from_uuid(Uuid::now_v7()),
    };
    let mut request = gather::request(&workflow, &plan, given, local, &*artifacts, (id, SystemClock.now())).await?;
    if let Some(key) = &options.idempotency_key {
        // The key makes the id; what differs with every call must not be part of the body that it stands for.
        request = JobRequest { job: None, submitted_at: None, idempotency_key: Some(key.clone()), ..request };
    }
    let duplicate = deployment.line(id).await?.is_some();
    if options.wait {
        await_answer(&*deployment, id, Some(request)).await?;
        return concluded(&*deployment, &options.runs_dir, id, &catalogue, options.json).await;
    }
    conversation::submit(&*deployment, request, None).await?;
    if options.json {
        terminal::document(&json!({"job": id, "accepted": true, "duplicate": duplicate}));
    } else {
        terminal::data(&format!("{id}\n"));
        terminal::line(&format!("accepted; `candor watch {id}` shows what it does"));
    }
    Ok(Exit::Complete)
}

/// The job has ended: its run directory is written, and its answer printed.
pub(super) async fn concluded(
    deployment: &dyn Deployment,
    runs: &Path,
    id: JobId,
    catalogue: &candor_workflow::catalogue::Catalogue,
    json: bool,
) -> Result<Exit, Failure> {
    let directory = export::write(deployment, runs, id, catalogue).await?;
    super::run::say(&directory, json)
}
