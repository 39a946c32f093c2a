//! Whether all services of a deployment see the same artifacts.
//!
//! A deployment has an id. It lies in the store, and in the artifacts under a name, so whoever reaches both can
//! compare, and whoever reaches the artifacts only can at least see that somebody else was there. Works over any
//! artifacts: a folder that is not shared and a wrong bucket are found out alike.

use candor_proto::Sha256;
use uuid::Uuid;

use super::Artifacts;
use crate::error::{Error, Result};
use crate::runtime;
use crate::store::Store;

/// The name under which the deployment's id lies.
const DEPLOYMENT: &str = "candor.deployment";
/// Before the name of a service: its probe.
const PROBE: &str = "candor.probe/";
/// Bytes of an id as it is written, and a line's end.
const ID_BYTES_MAX: u64 = 64;
/// How long between two looks for the id, in milliseconds.
const LOOK_MS: u64 = 1_000;

/// For a service that reaches the store: the deployment's id, once it is the same in both places. The first service
/// ever makes it up. `location` is where the artifacts are, as it may be shown.
///
/// [`Error::Unfit`] when these are not the artifacts that the deployment uses.
pub async fn agree(artifacts: &dyn Artifacts, location: &str, store: &dyn Store) -> Result<Uuid> {
    let unfit = |reason: String| Error::Unfit { what: format!("the folder or bucket {location}"), reason };
    let here = found(artifacts).await?;
    let (here, known) = match (here, store.deployment(None).await?) {
        (Some(here), Some(known)) => (here, known),
        (None, Some(known)) => {
            return Err(unfit(format!(
                "it is not the one that deployment {known} uses, whose other services have written elsewhere: mount or \
                 name the same place for every service. If that place was emptied or given up, forget the id in the \
                 store (in Redis `HDEL {{PREFIX}}:facts deployment`)"
            )));
        }
        (here, None) => {
            // First here, then there: whoever dies in between is found to be the first again.
            let here = match here {
                Some(here) => here,
                None => first(artifacts, Uuid::now_v7()).await?,
            };
            (here, store.deployment(Some(here)).await?.unwrap_or(here))
        }
    };
    if here == known {
        return Ok(here);
    }
    Err(unfit(format!(
        "it belongs to deployment {here}, and the store to {known}: every service needs the place and the store of one \
         and the same deployment"
    )))
}

/// For a service that does not reach the store: waits until somebody who does was there. Says once what it waits for.
pub async fn wait(artifacts: &dyn Artifacts, location: &str) -> Result<Uuid> {
    let mut said = None;
    loop {
        let reason = match found(artifacts).await {
            Ok(Some(id)) => return Ok(id),
            Ok(None) => {
                "no assembler has written there yet; if one runs, this is not the place that it uses: mount or \
                         name the same one for every service"
                    .to_owned()
            }
            Err(error) if error.transient() => error.to_string(),
            Err(error) => return Err(error),
        };
        if said.as_ref() != Some(&reason) {
            tracing::warn!("waiting for the artifacts in {location}: {reason}");
            said = Some(reason);
        }
        runtime::sleep(LOOK_MS).await;
    }
}

/// The id that lies in these artifacts.
pub async fn found(artifacts: &dyn Artifacts) -> Result<Option<Uuid>> {
    let Some(sha256) = artifacts.reference(DEPLOYMENT).await? else { return Ok(None) };
    let written = artifacts.get(sha256, ID_BYTES_MAX).await?;
    let damaged = |reason: String| Error::Damaged { what: format!("the artifact `{DEPLOYMENT}`"), reason };
    let text = String::from_utf8(written).map_err(|error| damaged(error.to_string()))?;
    text.trim().parse().map(Some).map_err(|error: uuid::Error| damaged(error.to_string()))
}

/// Leaves a service's probe, for others to look for.
pub async fn leave(artifacts: &dyn Artifacts, instance: &str) -> Result<()> {
    let stored = artifacts.put(format!("{instance}\n").into_bytes()).await?;
    match artifacts.point(&probe(instance), None, stored.sha256).await {
        // A service with a name of its own starts again.
        Ok(()) | Err(Error::Moved { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a service's probe can be seen here.
pub async fn sees(artifacts: &dyn Artifacts, instance: &str) -> Result<bool> {
    Ok(artifacts.reference(&probe(instance)).await? == Some(Sha256::of(format!("{instance}\n").as_bytes())))
}

fn probe(instance: &str) -> String {
    format!("{PROBE}{instance}")
}

/// Writes an id unless there is one, and gives back the one that is there.
async fn first(artifacts: &dyn Artifacts, id: Uuid) -> Result<Uuid> {
    let stored = artifacts.put(format!("{id}\n").into_bytes()).await?;
    match artifacts.point(DEPLOYMENT, None, stored.sha256).await {
        Ok(()) => Ok(id),
        Err(Error::Moved { .. }) => Ok(found(artifacts).await?.unwrap_or(id)),
        Err(error) => Err(error),
    }
}
