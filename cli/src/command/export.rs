//! `candor export`: the run directory of a job that ran elsewhere.

use std::path::{Path, PathBuf};

use candor_platform::artifacts::folder::Folder;
use candor_platform::config::Environment;
use candor_platform::{Artifacts, Error as PlatformError};
use candor_proto::{Job, JobId};
use candor_workflow::catalogue::Catalogue;
use serde_json::json;

use crate::arguments::Export;
use crate::deployment::{self, Deployment};
use crate::failure::{Code, Exit, Failure};
use crate::gather;
use crate::run_directory::{self, RunDirectory};
use crate::settings;
use crate::terminal;

/// Exports.
pub(super) async fn export(options: &Export, environment: &Environment) -> Result<Exit, Failure> {
    let id = deployment::id(&options.job)?;
    let deployment = deployment::open(&settings::place(&options.place, environment)?).await?;
    let directory = write(&*deployment, &options.runs_dir, id, &gather::catalogue(None)?).await?;
    if options.json {
        terminal::document(&json!({"job": id, "run_dir": directory}));
    } else {
        terminal::data(&format!("{}\n", directory.display()));
    }
    Ok(Exit::Complete)
}

/// Writes the run directory of a job that has ended; one that stands already is left as it is.
pub(super) async fn write(
    deployment: &dyn Deployment,
    runs: &Path,
    id: JobId,
    catalogue: &Catalogue,
) -> Result<PathBuf, Failure> {
    let (job, log) = deployment::job(deployment, id).await?;
    if job.refused().is_some() {
        let message = job.refused().map(|refused| refused.error.message.clone()).unwrap_or_default();
        return Err(Failure::usage(Code::NothingToExport, format!("{id} was refused: {message}"))
            .advice("a job without a plan has no run directory"));
    }
    if !job.state().ended() {
        return Err(Failure::usage(Code::NothingToExport, format!("{id} has not ended"))
            .advice("`candor watch` waits for its end"));
    }
    let name = job.plan().map(|plan| plan.name.clone()).unwrap_or_default();
    if let Some(standing) = RunDirectory::standing(runs, &name, id, job.created_at()) {
        return Ok(standing);
    }
    let directory = RunDirectory::prepare(runs, &name, id, job.created_at())?;
    let filled = fill(deployment, &directory, &job).await.and_then(|()| {
        run_directory::project(directory.path(), &job, &log, catalogue)?;
        Ok(())
    });
    match filled {
        Ok(()) => directory.finish(),
        Err(failure) => {
            directory.discard();
            Err(failure)
        }
    }
}

/// Copies every body that the job names.
async fn fill(deployment: &dyn Deployment, directory: &RunDirectory, job: &Job) -> Result<(), Failure> {
    let (from, to) = (deployment.artifacts().await?, Folder::open(directory.artifacts()).await?);
    for sha256 in run_directory::named_files(job) {
        let path = from.local(sha256).await.map_err(|error| match error {
            PlatformError::NoArtifact { .. } => {
                Failure::store(Code::NoArtifacts, format!("a file of {} is missing: {error}", job.id()))
                    .advice("name the artifacts that the services use with --artifacts")
            }
            other => other.into(),
        })?;
        to.put_file(&path).await?;
    }
    Ok(())
}
