//! Artifacts in which no secret of an attempt is ever stored, whichever action stores what.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::artifacts::Stored;
use candor_platform::{Artifacts, runtime};
use candor_proto::Sha256;

use super::Masks;

/// The artifacts as an attempt that knows these secrets may use them.
pub fn masked(artifacts: Arc<dyn Artifacts>, masks: &Masks) -> Arc<dyn Artifacts> {
    if masks.is_empty() { artifacts } else { Arc::new(Masked { artifacts, masks: masks.clone() }) }
}

struct Masked {
    artifacts: Arc<dyn Artifacts>,
    masks: Masks,
}

type Done<T> = candor_platform::error::Result<T>;

#[async_trait]
impl Artifacts for Masked {
    async fn put(&self, bytes: Vec<u8>) -> Done<Stored> {
        let mut masked = Vec::with_capacity(bytes.len());
        self.masks.mask(&bytes, bytes.len(), &mut masked);
        self.artifacts.put(masked).await
    }

    async fn put_file(&self, path: &Path) -> Done<Stored> {
        let (masks, path) = (self.masks.clone(), path.to_owned());
        let failed = |error: &std::io::Error| candor_platform::Error::io("mask a file", error);
        let copied = runtime::blocking(move || -> std::io::Result<_> {
            let mut copy = tempfile::NamedTempFile::new()?;
            masks.copy(&mut File::open(path)?, copy.as_file_mut())?;
            Ok(copy.into_temp_path())
        });
        let copied = copied.await.unwrap_or_else(|| Err(std::io::Error::other("the thread that masked it panicked")));
        self.artifacts.put_file(&copied.map_err(|error| failed(&error))?).await
    }

    async fn get(&self, sha256: Sha256, max: u64) -> Done<Vec<u8>> {
        self.artifacts.get(sha256, max).await
    }

    async fn local(&self, sha256: Sha256) -> Done<PathBuf> {
        self.artifacts.local(sha256).await
    }

    async fn contains(&self, sha256: Sha256) -> Done<bool> {
        self.artifacts.contains(sha256).await
    }

    async fn reference(&self, name: &str) -> Done<Option<Sha256>> {
        self.artifacts.reference(name).await
    }

    async fn point(&self, name: &str, expected: Option<Sha256>, to: Sha256) -> Done<()> {
        self.artifacts.point(name, expected, to).await
    }
}
