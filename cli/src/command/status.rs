//! `candor status`: how a job stands at this moment.

use candor_platform::config::Environment;
use candor_platform::{Clock, SystemClock};
use candor_proto::{Job, JobId, JobState, Millis};
use serde_json::{Value, json};

use super::list::word;
use crate::arguments::Status;
use crate::deployment::{self, Deployment};
use crate::failure::{Exit, Failure};
use crate::progress;
use crate::settings;
use crate::terminal;
use crate::waiting::{self, Waiting};

/// Shows how a job stands.
pub(super) async fn status(options: &Status, environment: &Environment) -> Result<Exit, Failure> {
    let id = deployment::id(&options.job)?;
    let deployment = deployment::open(&settings::place(&options.place, environment)?).await?;
    let log = deployment::log(&*deployment, id).await?;
    let now = SystemClock.now();
    if log.is_empty() {
        return planning(options, &*deployment, id, now).await;
    }
    let mut job = Job::new(id);
    log.iter().for_each(|recorded| job.evolve(recorded));
    let waiting = waiting::unserved(&*deployment, &job, now).await?;
    if options.json {
        terminal::document(&document(&job, &waiting)?);
    } else {
        terminal::data(&head(&job));
        progress::table(&job);
        waiting.iter().for_each(|one| terminal::line(&one.sentence()));
    }
    let exit = job.result().map_or(Exit::Complete, Exit::of);
    Ok(if options.exit_code { exit } else { Exit::Complete })
}

/// The summary of this moment, with what waits for workers that are not there.
pub(super) fn document(job: &Job, waiting: &[Waiting]) -> Result<Value, Failure> {
    let summary = serde_json::to_value(candor_assembler::summary::summary(job));
    let mut summary = summary.map_err(|error| Failure::internal(error.to_string()))?;
    if !waiting.is_empty() {
        summary["waiting"] = waiting.iter().map(Waiting::document).collect();
    }
    Ok(summary)
}

/// A job that is not recorded: accepted a moment ago, or unknown.
async fn planning(options: &Status, deployment: &dyn Deployment, id: JobId, now: Millis) -> Result<Exit, Failure> {
    let young = deployment::may_be_under_way(id, now);
    let waits = deployment.standing(&deployment.routes().jobs()).await?.is_some_and(|standing| standing.ready > 0);
    if !young && !waits {
        return Err(deployment::unknown(id));
    }
    if options.json {
        terminal::document(&json!({
            "job": id, "workflow": null, "plan_hash": null, "state": JobState::Planning, "result": null,
            "created_at": null, "ended_at": null, "confidence": null, "tasks": {}, "outputs": {}, "gaps": [],
        }));
    } else {
        terminal::data(&format!("{id}  planning\n"));
        terminal::line("no plan of it is recorded yet; when that lasts, `candor doctor` says why");
    }
    Ok(Exit::Complete)
}

fn head(job: &Job) -> String {
    let name = job.plan().map(|plan| plan.name.clone()).unwrap_or_default();
    let state = job.result().map_or_else(|| word(&job.state()), |result| word(&result));
    let mut text = format!("{}  {}  {state}\n", job.id(), terminal::clean(&name));
    if let Some(refused) = job.refused() {
        text.push_str(&format!("refused: {}\n", terminal::clean(&refused.error.message)));
    }
    text
}
