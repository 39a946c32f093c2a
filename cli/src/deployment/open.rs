//! Finding a deployment: the services that were named, a `candor up` that listens, or the store it left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candor_platform::Store;
use candor_platform::store::embedded::EmbeddedStore;
use candor_proto::limits::PARTITIONS;
use candor_proto::route::Routes;

use super::Deployment;
use super::socket::Socket;
use super::stored::{Stored, nobody};
use crate::failure::Failure;
use crate::settings::Where;

/// The store's file in the folder of `candor up`.
pub(crate) const STORE: &str = "jobs.redb";
/// The bodies in the folder of `candor up`.
pub(crate) const BODIES: &str = "artifacts";
/// How long to wait for a `candor up` that is just starting or ending, in milliseconds.
const LOCK_MS: u64 = 2_000;

/// The deployment that a command speaks to.
pub(crate) async fn open(place: &Where) -> Result<Arc<dyn Deployment>, Failure> {
    match place {
        Where::Services(services) => Ok(Arc::new(crate::connections::deployment(services).await?)),
        Where::Up(folder) => up(folder).await,
    }
}

async fn up(folder: &Path) -> Result<Arc<dyn Deployment>, Failure> {
    let artifacts = folder.join(BODIES);
    if let Some(socket) = Socket::connect(folder, artifacts.clone()).await? {
        return Ok(Arc::new(socket));
    }
    Ok(Arc::new(stored(folder.join(STORE), artifacts).await?))
}

/// The store that `candor up` left. Where there is none, nobody listens either.
async fn stored(file: PathBuf, artifacts: PathBuf) -> Result<Stored, Failure> {
    if !file.is_file() {
        return Err(nobody());
    }
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open_waiting(&file, LOCK_MS).await?);
    let partitions = match store.partitions(PARTITIONS).await {
        Ok(partitions) => partitions,
        Err(candor_platform::Error::Partitions { found, .. }) => found,
        Err(error) => return Err(error.into()),
    };
    Ok(Stored { store, artifacts, routes: Routes::default(), partitions })
}
