//! Jobs that do not move, and pools that nobody serves.

use candor_platform::{Clock, SystemClock};
use candor_proto::{Job, Millis};

use super::findings::{Finding, Findings};
use crate::deployment::{self, Deployment};
use crate::failure::Failure;
use crate::waiting;

/// The newest jobs that are looked at.
const JOBS_MAX: usize = 1_000;
/// Unfinished jobs whose logs are read.
const READ_MAX: usize = 100;
/// How long a job may stand still although something of it could go on, in milliseconds: a takeover takes seconds.
const STILL_MS: Millis = 60_000;

/// Looks at the unfinished jobs.
pub(super) async fn look(deployment: &dyn Deployment, findings: &mut Findings) -> Result<(), Failure> {
    let now = SystemClock.now();
    let lines = deployment.lines(JOBS_MAX).await?;
    for line in lines.iter().filter(|line| !line.state.ended()).take(READ_MAX) {
        let (job, log) = deployment::job(deployment, line.job).await?;
        for one in waiting::unserved(deployment, &job, now).await? {
            let pool = &one.pool;
            findings.add(Finding::error(
                "no_worker",
                format!("tasks wait for the pool `{pool}`, which nobody serves"),
                format!("start a worker with `--pool {pool}`"),
            ));
        }
        let last = log.last().map_or(0, |recorded| recorded.at);
        if still(&job, last, now) {
            findings.add(Finding::error(
                "stuck",
                format!(
                    "{} has not moved for {} s, although something of it could go on",
                    line.job,
                    (now - last) / 1_000
                ),
                "see whether an assembler serves its partition; `candor logs` tells how far it came",
            ));
        }
    }
    Ok(())
}

/// Whether nothing of a job is out, nothing of it is due later, and nothing happens all the same.
fn still(job: &Job, last: Millis, now: Millis) -> bool {
    let quiet = now.saturating_sub(last) >= STILL_MS;
    let later = job.retries().any(|(at, _)| at.saturating_add(STILL_MS) > now);
    quiet && !later && job.running().next().is_none() && !job.state().ended()
}
