//! `candor cancel`: ends a job.

use candor_platform::config::Environment;
use candor_platform::{Clock, SystemClock};
use candor_proto::message::{Order, Verdict};
use serde_json::json;

use crate::arguments::Cancel;
use crate::deployment;
use crate::directive;
use crate::failure::{Code, Exit, Failure};
use crate::settings;
use crate::terminal;

/// Cancels; ends with 1 where the job has ended already.
pub(super) async fn cancel(options: &Cancel, environment: &Environment) -> Result<Exit, Failure> {
    let id = deployment::id(&options.job)?;
    let deployment = deployment::open(&settings::place(&options.place, environment)?).await?;
    // A cancel may come before its job's plan, and would wait for ever for that of a job that nobody submitted.
    if deployment.line(id).await?.is_none() && !deployment::may_be_under_way(id, SystemClock.now()) {
        return Err(deployment::unknown(id));
    }
    match directive::give(&*deployment, id, Order::Cancel).await? {
        Verdict::Done | Verdict::AlreadyKnown => {
            if options.json {
                terminal::document(&json!({"job": id, "cancelled": true}));
            } else {
                terminal::data(&format!("cancelled {id}\n"));
            }
            Ok(Exit::Complete)
        }
        Verdict::Refused { reason } => {
            Err(Failure::refuted(Code::DirectiveRefused, reason).advice("`candor status` shows how the job stands"))
        }
    }
}
