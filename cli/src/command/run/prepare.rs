//! Everything that is checked before a run, and the run directory that is made when all is well.

use std::path::{Path, PathBuf};

use candor_platform::artifacts::folder::Folder;
use candor_platform::config::Environment;
use candor_platform::{Clock, SystemClock};
use candor_proto::JobId;
use candor_workflow::catalogue::Catalogue;
use uuid::Uuid;

use crate::arguments::Run;
use crate::failure::Failure;
use crate::gather;
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
    let plan = gather::compiled(&workflow, &files, &catalogue, terminal::paint(environment))?;
    let given = gather::inputs(&options.source, &plan)?;
    let (job, now) = (JobId::from_uuid(Uuid::now_v7()), SystemClock.now());
    let directory = RunDirectory::prepare(&options.runs_dir, &plan.name, job, now)?;
    let allowed: Vec<_> = options.allow_path.iter().map(|path| whole(path)).collect();
    let allow_paths = gather::written_paths(&plan, &given.values, &allowed);
    let filling = async {
        let artifacts = Folder::open(directory.artifacts()).await?;
        gather::request(&workflow, &plan, given, local, &artifacts, (job, now)).await
    };
    match filling.await {
        Ok(request) => {
            let mut pools: Vec<String> = plan.tasks.iter().map(|task| task.pool().to_owned()).collect();
            pools.sort();
            pools.dedup();
            let actions_dir = options.source.actions_dir.as_deref().map(whole);
            let unfinished = Unfinished::new(job, request, pools, actions_dir).allowing(allow_paths);
            Ok((directory.publish(&unfinished)?, unfinished, catalogue))
        }
        Err(failure) => {
            directory.discard();
            Err(failure)
        }
    }
}

/// A path that means the same wherever the run goes on.
fn whole(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
