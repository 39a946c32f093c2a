//! Bodies in a folder, the least that the tests need.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use candor_platform::artifacts::Stored;
use candor_platform::error::Result;
use candor_platform::{Artifacts, Error};
use candor_proto::Sha256;

pub(crate) struct Folder(pub(crate) PathBuf);

#[async_trait]
impl Artifacts for Folder {
    async fn put(&self, bytes: Vec<u8>) -> Result<Stored> {
        let sha256 = Sha256::of(&bytes);
        let path = self.0.join(sha256.to_string());
        if !path.exists() {
            std::fs::write(&path, &bytes).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
        }
        Ok(Stored { sha256, bytes: bytes.len() as u64 })
    }

    async fn put_file(&self, path: &Path) -> Result<Stored> {
        let bytes = std::fs::read(path).map_err(|error| Error::io(path.display().to_string(), &error))?;
        self.put(bytes).await
    }

    async fn get(&self, sha256: Sha256, _max: u64) -> Result<Vec<u8>> {
        std::fs::read(self.0.join(sha256.to_string())).map_err(|_| Error::NoArtifact { sha256 })
    }

    async fn local(&self, sha256: Sha256) -> Result<PathBuf> {
        let path = self.0.join(sha256.to_string());
        if path.exists() { Ok(path) } else { Err(Error::NoArtifact { sha256 }) }
    }

    async fn contains(&self, sha256: Sha256) -> Result<bool> {
        Ok(self.0.join(sha256.to_string()).exists())
    }

    async fn reference(&self, _name: &str) -> Result<Option<Sha256>> {
        Ok(None)
    }

    async fn point(&self, name: &str, _expected: Option<Sha256>, _to: Sha256) -> Result<()> {
        Err(Error::Moved { name: name.to_owned() })
    }
}

/// The same, on a disk that has no room.
pub(crate) struct Full(std::sync::Arc<Folder>);

impl Full {
    pub(crate) const fn new(inner: std::sync::Arc<Folder>) -> Self {
        Self(inner)
    }
}

#[async_trait]
impl Artifacts for Full {
    async fn put(&self, _bytes: Vec<u8>) -> Result<Stored> {
        Err(Error::io("write a body", &std::io::Error::from_raw_os_error(nix::errno::Errno::ENOSPC as i32)))
    }

    async fn put_file(&self, _path: &Path) -> Result<Stored> {
        self.put(Vec::new()).await
    }

    async fn get(&self, sha256: Sha256, max: u64) -> Result<Vec<u8>> {
        self.0.get(sha256, max).await
    }

    async fn local(&self, sha256: Sha256) -> Result<PathBuf> {
        self.0.local(sha256).await
    }

    async fn contains(&self, sha256: Sha256) -> Result<bool> {
        self.0.contains(sha256).await
    }

    async fn reference(&self, name: &str) -> Result<Option<Sha256>> {
        self.0.reference(name).await
    }

    async fn point(&self, name: &str, expected: Option<Sha256>, to: Sha256) -> Result<()> {
        self.0.point(name, expected, to).await
    }
}
