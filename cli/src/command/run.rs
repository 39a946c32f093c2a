//! `candor run`: a workflow on this machine, to its end.

mod prepare;
mod said;

use std::sync::Arc;

use candor_platform::config::Environment;
use candor_platform::runtime;
use candor_platform::service::{Drain, Phase};
use candor_proto::message::JobRequest;
use candor_proto::{Event, Job, JobId};
use candor_workflow::catalogue::Catalogue;

use crate::arguments::Run;
use crate::conversation::{self, NOTICES, TICK_MS, Word};
use crate::deployment::{self, Accepted, Deployment, Mailbox};
use crate::engine::{Engine, Settings};
use crate::failure::{Code, Exit, Failure};
use crate::gather;
use crate::progress::Progress;
use crate::run_directory::{self, Claimed, RunDirectory, Unfinished};
use crate::settings::cores;
use crate::terminal;
pub(super) use said::again as say;

/// How long a drain lets running attempts end, in milliseconds.
const GRACE_MS: u64 = 10_000;
/// How long a resumption waits for a dead process's lock, in milliseconds.
const LOCK_MS: u64 = 2_000;
/// Partitions of an engine that carries one job.
const PARTITIONS: u32 = 1;

/// Runs a workflow, or goes on with an interrupted run.
pub(crate) fn run(options: Run, environment: &Environment) -> Result<Exit, Failure> {
    super::running(begin(options, environment))
}

async fn begin(options: Run, environment: &Environment) -> Result<Exit, Failure> {
    let (directory, unfinished, catalogue) = match &options.resume {
        Some(path) => match RunDirectory::open(path, LOCK_MS).await? {
            (directory, Claimed::Finished) => return say(directory.path(), options.json),
            (directory, Claimed::Unfinished(unfinished)) => {
                let catalogue = gather::catalogue(unfinished.actions_dir.as_deref())?;
                (directory, *unfinished, catalogue)
            }
        },
        None => prepare::prepare(&options, environment).await?,
    };
    let environment = environment.clone();
    let place = directory.path().to_path_buf();
    carry_out(options, directory, unfinished, Arc::new(catalogue), environment).await.inspect_err(|_| {
        if place.exists() {
            terminal::line(&format!("go on with `candor run --resume {}`", terminal::path(&place)));
        }
    })
}

/// Says to a person what their signal does.
fn told(phase: Phase) {
    match phase {
        Phase::Running => {}
        Phase::Draining => terminal::line(&format!(
            "asked to end: what runs may end within {} s, nothing new starts; ask again to end now",
            GRACE_MS / 1_000
        )),
        Phase::Stopping => terminal::line("asked again: ending now"),
    }
}

enum Ended {
    Answered,
    Refused(Failure),
    Interrupted,
}

async fn carry_out(
    options: Run,
    directory: RunDirectory,
    unfinished: Unfinished,
    catalogue: Arc<Catalogue>,
    environment: Environment,
) -> Result<Exit, Failure> {
    // From here on a signal drains: what is printed below already promises a run that can be resumed.
    let (switch, drain) = Drain::new();
    let listening = switch.on_signals(told);
    let _listening =
        listening.map_err(|error| Failure::store(Code::NotStarted, format!("could not listen to signals: {error}")))?;
    let engine = Engine::start(Settings {
        instance: "run",
        store: directory.store(),
        wait_ms: if options.resume.is_some() { LOCK_MS } else { 0 },
        partitions: PARTITIONS,
        artifacts: directory.artifacts(),
        work_dir: options.work_dir.clone(),
        secrets_dir: options.secrets_dir.clone(),
        actions_dir: unfinished.actions_dir.clone(),
        allow_paths: Some([unfinished.allow_paths.clone(), options.allow_path.clone()].concat()),
        // The run directory has the request, and a resumption hands it in again.
        accepted: Accepted::Confirmed,
        pools: unfinished.pools.clone(),
        concurrency: options.concurrency.unwrap_or_else(cores),
        grace_ms: GRACE_MS,
        environment,
        catalogue: Arc::clone(&catalogue),
    })
    .await?;
    let job = unfinished.job;
    terminal::line(&format!("run directory: {}", terminal::path(directory.path())));
    let mut progress = Progress::new();
    let ended = answered(&engine, unfinished.request, job, &drain, &mut progress).await;
    progress.finish();
    match ended {
        Ok(Ended::Answered) => {
            let log = deployment::log(engine.deployment(), job).await?;
            engine.drain(true).await;
            conclude(&options, &directory, job, &log, &catalogue)
        }
        Ok(Ended::Interrupted) => {
            drain.or_stopping(engine.drain(false)).await;
            Err(Failure::interrupted())
        }
        Ok(Ended::Refused(failure)) => {
            // Nothing was carried out, so there is nothing to go on with.
            let log = deployment::log(engine.deployment(), job).await?;
            let began = log.iter().any(|recorded| matches!(recorded.event, Event::Accepted(_)));
            engine.drain(true).await;
            if !began {
                directory.discard();
            }
            Err(failure)
        }
        Err(failure) => {
            engine.drain(true).await;
            Err(failure)
        }
    }
}

/// Hands the request in and waits for its answer; shows progress, and notices signals and troubles.
async fn answered(
    engine: &Engine,
    request: JobRequest,
    job: JobId,
    drain: &Drain,
    progress: &mut Progress,
) -> Result<Ended, Failure> {
    let deployment = engine.deployment();
    let Mailbox { address, mut letters } = deployment.mailbox().await?;
    let mut notices = deployment.notices(job).await?;
    conversation::submit(deployment, request, Some(&address)).await?;
    let (mut trouble, mut disk) = (engine.trouble(), engine.worker_trouble());
    loop {
        runtime::select! {
            word = conversation::word(&mut *letters) => match word {
                Word::Answered => {
                    conversation::show_rest(&mut *notices, progress).await;
                    return Ok(Ended::Answered);
                }
                Word::Refused(refusal) => return Ok(Ended::Refused(Failure::refused(refusal.error))),
                Word::Closed => return Err(Failure::internal("the reply queue was closed")),
            },
            batch = notices.next_batch(NOTICES.0, NOTICES.1) => conversation::show(batch, progress),
            () = runtime::sleep(TICK_MS) => progress.tick(),
            changed = trouble.changed() => {
                let last = trouble.borrow_and_update().clone();
                if let (Ok(()), Some(error)) = (changed, last)
                    && !error.worth_waiting()
                {
                    return Err(failure_of(error));
                }
            }
            changed = disk.changed() => {
                let last = disk.borrow_and_update().clone();
                if let (Ok(()), Some(trouble)) = (changed, last) {
                    return Err(Failure::store(Code::Disk, trouble.message).advice("make room where the run directory and the working directories lie, then resume the run"));
                }
            }
            () = drain.draining() => return Ok(Ended::Interrupted),
        }
    }
}

fn failure_of(error: candor_assembler::Error) -> Failure {
    match error {
        candor_assembler::Error::Platform(error) => error.into(),
        newer @ candor_assembler::Error::NewerLog { .. } => Failure::newer(newer.to_string()),
        defect @ candor_assembler::Error::Panicked { .. } => Failure::internal(defect.to_string()),
    }
}

/// Writes the run directory's files and says what the job came to.
fn conclude(
    options: &Run,
    directory: &RunDirectory,
    id: JobId,
    log: &[candor_proto::Recorded],
    catalogue: &Catalogue,
) -> Result<Exit, Failure> {
    let mut job = Job::new(id);
    log.iter().for_each(|recorded| job.evolve(recorded));
    run_directory::project(directory.path(), &job, log, catalogue)?;
    directory.settle()?;
    crate::progress::table(&job);
    say(directory.path(), options.json)
}
