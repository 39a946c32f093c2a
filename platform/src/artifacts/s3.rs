//! Artifacts in an S3-compatible store, for services on machines that share no folder.
//!
//! A body lies under its digest, a named reference in an object that is replaced only by whoever knows its newest
//! version. What must be read as a file is fetched into a local folder first. Deliberately removes nothing.

mod body;
mod connection;
mod reference;
mod trouble;

use std::fmt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use candor_proto::Sha256;
use object_store::aws::AmazonS3;
use object_store::path::Path as Key;

use super::folder::Folder;
use super::{Artifacts, Opening, Stored};
use crate::error::Result;

/// Artifacts below a prefix of a bucket.
pub struct S3 {
    store: AmazonS3,
    prefix: Key,
    /// The bucket and the prefix, as they may be shown.
    what: String,
    cache: Folder,
}

impl S3 {
    /// Opens what lies at `BUCKET/PREFIX`. The server need not be there yet.
    pub(super) async fn open(place: &str, opening: &Opening) -> Result<Self> {
        let (store, prefix) = connection::made(place, &opening.environment)?;
        let cache = Folder::open(&opening.cache).await?;
        Ok(Self { store, prefix, what: format!("s3://{place}"), cache })
    }

    fn body(&self, sha256: Sha256) -> Key {
        let text = sha256.to_string();
        let (shelf, name) = text.split_at(2);
        self.prefix.clone().join(shelf).join(name)
    }

    /// A name may be anything, so its object is called by its digest; the name stands inside.
    fn reference(&self, name: &str) -> Key {
        self.prefix.clone().join("refs").join(Sha256::of(name.as_bytes()).to_string())
    }
}

impl fmt::Debug for S3 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is inside knows our keys.
        formatter.debug_struct("S3").field("at", &self.what).finish_non_exhaustive()
    }
}

#[async_trait]
impl Artifacts for S3 {
    async fn put(&self, bytes: Vec<u8>) -> Result<Stored> {
        body::put(self, bytes).await
    }

    async fn put_file(&self, path: &Path) -> Result<Stored> {
        body::put_file(self, path).await
    }

    async fn get(&self, sha256: Sha256, max: u64) -> Result<Vec<u8>> {
        body::get(self, sha256, max).await
    }

    async fn local(&self, sha256: Sha256) -> Result<PathBuf> {
        body::local(self, sha256).await
    }

    async fn contains(&self, sha256: Sha256) -> Result<bool> {
        Ok(body::length(self, sha256).await?.is_some())
    }

    async fn reference(&self, name: &str) -> Result<Option<Sha256>> {
        Ok(reference::read(self, name).await?.map(|found| found.to))
    }

    async fn point(&self, name: &str, expected: Option<Sha256>, to: Sha256) -> Result<()> {
        reference::point(self, name, expected, to).await
    }
}
