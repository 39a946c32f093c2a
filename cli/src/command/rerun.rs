//! `candor rerun`: does a job that has ended again, as a new job.

use candor_platform::config::Environment;
use candor_proto::JobId;
use candor_proto::message::{Order, Verdict};
use serde_json::json;
use uuid::Uuid;

use super::submit::concluded;
use crate::arguments::Rerun;
use crate::await_answer::await_answer;
use crate::deployment;
use crate::directive;
use crate::failure::{Code, Exit, Failure};
use crate::gather;
use crate::settings;
use crate::terminal;

/// Begins the new job; with `--wait` waits for its answer.
pub(super) async fn rerun(options: &Rerun, environment: &Environment) -> Result<Exit, Failure> {
    let parent = deployment::id(&options.job)?;
    let deployment = deployment::open(&settings::place(&options.place, environment)?).await?;
    let job = JobId::from_uuid(Uuid::now_v7());
    let order = Order::Rerun { parent, from: options.from.clone(), failed: options.failed };
    match directive::give(&*deployment, job, order).await? {
        Verdict::Done | Verdict::AlreadyKnown => {}
        Verdict::Refused { reason } => {
            return Err(Failure::refuted(Code::DirectiveRefused, reason)
                .advice("`candor status` shows how the job stands, and `candor list` which jobs there are"));
        }
    }
    if options.wait {
        await_answer(&*deployment, job, None).await?;
        return concluded(&*deployment, &options.runs_dir, job, &gather::catalogue(None)?, options.json).await;
    }
    if options.json {
        terminal::document(&json!({"job": job, "parent": parent, "accepted": true}));
    } else {
        terminal::data(&format!("{job}\n"));
        terminal::line(&format!("accepted; `candor watch {job}` shows what it does"));
    }
    Ok(Exit::Complete)
}
