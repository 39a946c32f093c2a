//! Bodies, stored once under their SHA-256.

mod baseless;
pub mod folder;
mod opening;
#[cfg(feature = "s3")]
pub mod s3;
pub mod sharing;

pub use opening::{Opening, open};

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use candor_proto::Sha256;

use crate::error::Result;
pub use baseless::{Baseless, baseless};

/// A body that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stored {
    /// Of its bytes.
    pub sha256: Sha256,
    /// Its length.
    pub bytes: u64,
}

/// Bodies by their digest, and names that point at them.
#[async_trait]
pub trait Artifacts: Send + Sync + 'static {
    /// Stores these bytes.
    async fn put(&self, bytes: Vec<u8>) -> Result<Stored>;

    /// Stores a copy of a local file without reading it into memory.
    async fn put_file(&self, path: &Path) -> Result<Stored>;

    /// The bytes of a body of at most `max` bytes; checked against its digest. A longer one is [`crate::Error::Io`].
    async fn get(&self, sha256: Sha256, max: u64) -> Result<Vec<u8>>;

    /// A local path where a body can be read. Never written to by the caller.
    async fn local(&self, sha256: Sha256) -> Result<PathBuf>;

    /// Whether a body is there.
    async fn contains(&self, sha256: Sha256) -> Result<bool>;

    /// What a named reference points at. A name may be any text.
    async fn reference(&self, name: &str) -> Result<Option<Sha256>>;

    /// Points a named reference from `expected` at `to`; [`crate::Error::Moved`] when it points elsewhere by now.
    async fn point(&self, name: &str, expected: Option<Sha256>, to: Sha256) -> Result<()>;
}
