//! `candor doctor`: what is wrong with a deployment, and what to do about it.

mod findings;
mod jobs;
mod queues;

use candor_platform::config::Environment;
use serde_json::json;

use crate::arguments::Doctor;
use crate::deployment::{self, Deployment};
use crate::failure::{Exit, Failure};
use crate::settings;
use crate::terminal;
use findings::{Finding, Findings};

/// Examines a deployment; ends with 1 when something keeps jobs from their end.
pub(super) async fn doctor(options: &Doctor, environment: &Environment) -> Result<Exit, Failure> {
    let place = settings::place(&options.place, environment)?;
    let mut findings = Findings::default();
    match deployment::open(&place).await {
        Ok(deployment) => examine(&*deployment, &mut findings).await?,
        Err(failure) => findings.add(Finding::of(failure)),
    }
    if options.json {
        terminal::document(&json!({"well": findings.well(), "findings": findings.all()}));
    } else {
        terminal::data(&findings.told());
    }
    Ok(if findings.well() { Exit::Complete } else { Exit::Failed })
}

/// Looks at every part. A part that cannot be looked at is a finding, and the others are looked at all the same.
async fn examine(deployment: &dyn Deployment, findings: &mut Findings) -> Result<(), Failure> {
    if let Err(failure) = queues::look(deployment, findings).await {
        findings.add(Finding::of(failure));
    }
    if let Err(failure) = artifacts(deployment).await {
        findings.add(Finding::of(failure));
    }
    if let Err(failure) = jobs::look(deployment, findings).await {
        findings.add(Finding::of(failure));
    }
    Ok(())
}

/// Whether a body can be stored and read again.
async fn artifacts(deployment: &dyn Deployment) -> Result<(), Failure> {
    const BODY: &[u8] = b"candor doctor\n";
    let artifacts = deployment.artifacts().await?;
    let stored = artifacts.put(BODY.to_vec()).await?;
    artifacts.get(stored.sha256, BODY.len() as u64).await?;
    Ok(())
}
