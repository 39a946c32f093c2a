//! The roles as processes of their own, over a real RabbitMQ and Redis.

mod bad_days;
mod clients;
mod commands;
mod examples;
mod long;
mod sharing;
mod starting;

use candor_tests::services::Deployment;
use candor_tests::write;

/// A deployment with these numbers of planners, assemblers and workers; `None` where the servers are left out.
fn running(planners: usize, assemblers: usize, workers: usize) -> Option<Deployment> {
    let mut deployment = Deployment::shared()?;
    start(&mut deployment, planners, assemblers, workers);
    Some(deployment)
}

/// Starts these numbers of roles, and waits until they are ready: assemblers first, because the others wait for one to
/// write the deployment's mark into the artifacts.
fn start(deployment: &mut Deployment, planners: usize, assemblers: usize, workers: usize) {
    for (role, number) in [("assembler", assemblers), ("planner", planners), ("worker", workers)] {
        for _ in 0..number {
            deployment.start(&[role]);
        }
    }
}

/// Submits a workflow and gives the job's id.
#[track_caller]
fn submit(deployment: &Deployment, workflow: &str) -> String {
    write(deployment.home(), "w.yaml", workflow);
    let said = deployment.json(&["submit", "w.yaml"]);
    said["job"].as_str().expect("an id").to_owned()
}

/// Waits for the end of a job and gives its summary.
#[track_caller]
fn end(deployment: &Deployment, job: &str) -> serde_json::Value {
    candor_tests::server::until(&format!("{job} to end\n{}", deployment.logs()), || {
        !deployment.json(&["status", job])["result"].is_null()
    });
    deployment.json(&["status", job])
}
