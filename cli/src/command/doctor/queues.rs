//! Whether somebody serves the queues, and what lies in those that nobody should need.

use super::findings::{Finding, Findings};
use crate::deployment::Deployment;
use crate::failure::Failure;

/// Looks at the queues that every deployment has.
pub(super) async fn look(deployment: &dyn Deployment, findings: &mut Findings) -> Result<(), Failure> {
    let routes = deployment.routes();
    let Some(jobs) = deployment.standing(&routes.jobs()).await? else {
        findings.add(Finding::error(
            "no_queues",
            format!("there is no queue `{}`: no service was ever started here", routes.jobs()),
            "start `candor planner`, `candor assembler` and `candor worker`, or see whether --prefix and the virtual host are right",
        ));
        return Ok(());
    };
    if jobs.consumers == 0 {
        findings.add(Finding::error(
            "no_planner",
            format!("no planner runs; {} requests wait", jobs.ready),
            "start `candor planner`",
        ));
    }
    partitions(deployment, findings).await?;
    let lying = [
        (routes.dead(), "dead_letters", "see what they are before you purge the queue: nothing takes them by itself"),
        (
            routes.quarantine(),
            "quarantine",
            "these attempts ended several workers; a worker that serves the quarantine tries them alone",
        ),
    ];
    for (queue, code, advice) in lying {
        if let Some(standing) = deployment.standing(&queue).await?
            && standing.ready > 0
        {
            findings.add(Finding::warning(code, format!("{} messages lie in `{queue}`", standing.ready), advice));
        }
    }
    Ok(())
}

/// Whether every partition has an assembler, and whether there are as many as we think.
async fn partitions(deployment: &dyn Deployment, findings: &mut Findings) -> Result<(), Failure> {
    let (routes, count) = (deployment.routes(), deployment.partitions());
    let (mut unowned, mut waiting) = (Vec::new(), 0);
    for partition in 0..count {
        match deployment.standing(&routes.assembler(partition)).await? {
            Some(standing) if standing.consumers > 0 => {}
            Some(standing) => {
                unowned.push(partition.to_string());
                waiting += standing.ready;
            }
            None => unowned.push(partition.to_string()),
        }
    }
    if !unowned.is_empty() {
        let which = if unowned.len() == count as usize {
            "any partition".to_owned()
        } else {
            format!("partitions {}", unowned.join(", "))
        };
        findings.add(Finding::error(
            "no_assembler",
            format!("no assembler serves {which}; {waiting} messages wait"),
            "start `candor assembler`",
        ));
    }
    if deployment.standing(&routes.assembler(count)).await?.is_some() {
        findings.add(Finding::error(
            "partitions",
            format!(
                "there is a queue `{}`, so the deployment has more than {count} partitions",
                routes.assembler(count)
            ),
            "give every service and command the same --partitions",
        ));
    }
    Ok(())
}
