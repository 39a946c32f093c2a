//! Artifacts in a folder that all services of a deployment share.
//!
//! A body lies under its digest in `ab/cdef…`, written beside, synced and renamed, so that whatever is there is
//! whole. Deliberately knows nothing of what a body means, and never removes one.

mod body;
mod reference;
mod writing;

pub use writing::{DESKS, DOOR};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use candor_proto::Sha256;

use self::writing::Desk;
use super::{Artifacts, Stored};
use crate::error::{Error, Result};
use crate::runtime;

/// How long a lock may be held by others, in milliseconds: it is held for one small write.
const LOCK_WAIT_MS: u64 = 10_000;

/// How long between two tries for such a lock, in milliseconds.
const LOCK_RETRY_MS: u64 = 2;

/// A folder of artifacts. Cloned, it is the same one.
#[derive(Clone, Debug)]
pub struct Folder {
    place: Arc<Place>,
}

/// Where things lie, and where this process writes.
#[derive(Debug)]
struct Place {
    root: PathBuf,
    desk: Desk,
}

impl Folder {
    /// Opens the artifacts in this folder, which is made where it is missing. What dead processes left half
    /// written is removed.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root: Arc<Path> = root.into().into();
        let opening = || {
            let root = root.clone();
            async move {
                let opened = blocking(move || {
                    let root = writing::made(&root)?;
                    let desk = Desk::open(&root)?;
                    Ok(desk.map(|desk| Place { root, desk }))
                });
                Ok(opened.await?.map(Arc::new))
            }
        };
        Ok(Self { place: patiently(opening).await? })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.place.root
    }

    /// A body that comes in pieces.
    #[cfg(feature = "s3")]
    pub(super) async fn incoming(&self) -> Result<body::Incoming> {
        self.work(body::Incoming::new).await
    }

    /// Puts a body that came in pieces where it belongs, when it is what it should be.
    #[cfg(feature = "s3")]
    pub(super) async fn placed(&self, incoming: body::Incoming, wanted: Sha256) -> Result<PathBuf> {
        self.work(move |place| {
            let stored = incoming.stored();
            let found = stored.sha256;
            if found == wanted { incoming.place(place, stored) } else { Err(Error::Corrupt { wanted, found }) }
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce(&Place) -> Result<T> + Send + 'static) -> Result<T> {
        let place = self.place.clone();
        blocking(move || work(&place)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let gone = || Error::Closed { what: "the folder of artifacts".to_owned() };
    runtime::blocking(work).await.ok_or_else(gone)?
}

#[async_trait]
impl Artifacts for Folder {
    async fn put(&self, bytes: Vec<u8>) -> Result<Stored> {
        self.work(move |place| body::put(place, &bytes)).await
    }

    async fn put_file(&self, path: &Path) -> Result<Stored> {
        let path = path.to_owned();
        self.work(move |place| body::put_file(place, &path)).await
    }

    async fn get(&self, sha256: Sha256, max: u64) -> Result<Vec<u8>> {
        self.work(move |place| body::get(place, sha256, max)).await
    }

    async fn local(&self, sha256: Sha256) -> Result<PathBuf> {
        self.work(move |place| body::local(place, sha256)).await
    }

    async fn contains(&self, sha256: Sha256) -> Result<bool> {
        self.work(move |place| body::contains(place, sha256)).await
    }

    async fn reference(&self, name: &str) -> Result<Option<Sha256>> {
        let name = name.to_owned();
        self.work(move |place| reference::read(place, &name)).await
    }

    async fn point(&self, name: &str, expected: Option<Sha256>, to: Sha256) -> Result<()> {
        let name: Arc<str> = name.into();
        patiently(|| {
            let name = name.clone();
            async move {
                let pointed = self.work(move |place| reference::point(place, &name, expected, to)).await?;
                Ok(pointed.then_some(()))
            }
        })
        .await
    }
}

/// Tries until nobody else holds the lock that is needed.
async fn patiently<T, F: Future<Output = Result<Option<T>>>>(attempt: impl Fn() -> F) -> Result<T> {
    let trying = async {
        loop {
            match attempt().await {
                Ok(None) => runtime::sleep(LOCK_RETRY_MS).await,
                Ok(Some(done)) => return Ok(done),
                Err(error) => return Err(error),
            }
        }
    };
    runtime::timeout(LOCK_WAIT_MS, trying).await.unwrap_or(Err(Error::NoAnswer { ms: LOCK_WAIT_MS }))
}
