//! Artifacts in which no secret of an attempt is ever stored, whichever action stores what.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::artifacts::Stored;
use candor_platform::{Artifacts, runtime};
use candor_proto::Sha256;

use super::{Masks, body};

/// The artifacts as an attempt that knows these secrets may use them. What is masked on its way lies in `folder`.
pub fn masked(artifacts: Arc<dyn Artifacts>, masks: &Masks, folder: &Path) -> Arc<dyn Artifacts> {
    Arc::new(Masked { artifacts, masks: masks.clone(), folder: folder.to_owned() })
}

struct Masked {
    artifacts: Arc<dyn Artifacts>,
    masks: Masks,
    folder: PathBuf,
}

type Done<T> = candor_platform::error::Result<T>;

#[async_trait]
impl Artifacts for Masked {
    async fn put(&self, bytes: Vec<u8>) -> Done<Stored> {
        let masks = self.masks.fresh();
        let failed = |error: std::io::Error| candor_platform::Error::io("mask a body", &error);
        if !masks.are_in(&mut bytes.as_slice()).map_err(failed)? {
            return self.artifacts.put(bytes).await;
        }
        let folder = self.folder.clone();
        let copied = runtime::blocking(move || -> std::io::Result<_> {
            let (mut from, mut copy) = (tempfile::tempfile_in(&folder)?, tempfile::NamedTempFile::new_in(&folder)?);
            from.write_all(&bytes)?;
            body::copy(&masks, &mut from, copy.as_file_mut())?;
            Ok(copy.into_temp_path())
        });
        let copied = copied.await.unwrap_or_else(|| Err(std::io::Error::other("the thread that masked it panicked")));
        self.artifacts.put_file(&copied.map_err(failed)?).await
    }

    async fn put_file(&self, path: &Path) -> Done<Stored> {
        let masks = self.masks.fresh();
        if masks.is_empty() {
            return self.artifacts.put_file(path).await;
        }
        let (from, folder) = (path.to_owned(), self.folder.clone());
        let failed = |error: &std::io::Error| candor_platform::Error::io("mask a file", error);
        let copied = runtime::blocking(move || -> std::io::Result<_> {
            let mut from = File::open(from)?;
            if !masks.are_in(&mut from)? {
                return Ok(None);
            }
            let mut copy = tempfile::NamedTempFile::new_in(folder)?;
            body::copy(&masks, &mut from, copy.as_file_mut())?;
            Ok(Some(copy.into_temp_path()))
        });
        let copied = copied.await.unwrap_or_else(|| Err(std::io::Error::other("the thread that masked it panicked")));
        match copied.map_err(|error| failed(&error))? {
            Some(masked) => self.artifacts.put_file(&masked).await,
            None => self.artifacts.put_file(path).await,
        }
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
