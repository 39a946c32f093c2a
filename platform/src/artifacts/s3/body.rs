//! Bodies: stored under their digest, checked against it when they are read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use candor_proto::Sha256;
use futures_util::StreamExt;
use object_store::{Error as StoreError, MultipartUpload, ObjectStoreExt, PutPayload};

use super::{S3, trouble};
use crate::artifacts::{Artifacts, Stored};
use crate::error::{Error, Result};
use crate::runtime;

/// How much of a file is sent at once, in bytes: at least the 5 MiB that a part must have, and little to hold.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// The length of a body; `None` when it is not there.
pub(super) async fn length(s3: &S3, sha256: Sha256) -> Result<Option<u64>> {
    match s3.store.head(&s3.body(sha256)).await {
        Ok(found) => Ok(Some(found.size)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(trouble::told(&s3.what, &error)),
    }
}

pub(super) async fn put(s3: &S3, bytes: Vec<u8>) -> Result<Stored> {
    let stored = Stored { sha256: Sha256::of(&bytes), bytes: bytes.len() as u64 };
    // One of another length is what somebody broke, and is written again.
    if length(s3, stored.sha256).await? != Some(stored.bytes) {
        let sent = s3.store.put(&s3.body(stored.sha256), PutPayload::from(bytes)).await;
        sent.map_err(|error| trouble::told(&s3.what, &error))?;
    }
    Ok(stored)
}

/// Reads the file twice: its name is its digest, which must be known before it is sent.
pub(super) async fn put_file(s3: &S3, path: &Path) -> Result<Stored> {
    let mut source = Source::open(path).await?;
    let mut hasher = Hasher::default();
    while let Some(part) = source.part().await? {
        hasher.update(&part);
    }
    let stored = hasher.stored();
    if length(s3, stored.sha256).await? == Some(stored.bytes) {
        return Ok(stored);
    }
    let mut source = Source::open(path).await?;
    if stored.bytes <= PART_BYTES as u64 {
        let whole = source.part().await?.unwrap_or_default();
        same(path, stored, Sha256::of(&whole))?;
        let sent = s3.store.put(&s3.body(stored.sha256), PutPayload::from(whole)).await;
        return sent.map(|_| stored).map_err(|error| trouble::told(&s3.what, &error));
    }
    let begun = s3.store.put_multipart(&s3.body(stored.sha256)).await;
    let mut upload = begun.map_err(|error| trouble::told(&s3.what, &error))?;
    let sent = send(s3, &mut *upload, path, &mut source, stored).await;
    if sent.is_err()
        && let Err(error) = upload.abort().await
    {
        // The store removes unfinished uploads by its own rules.
        tracing::debug!(%error, "an unfinished upload stays in {}", s3.what);
    }
    sent.map(|()| stored)
}

async fn send(
    s3: &S3,
    upload: &mut dyn MultipartUpload,
    path: &Path,
    source: &mut Source,
    stored: Stored,
) -> Result<()> {
    let told = |error: StoreError| trouble::told(&s3.what, &error);
    let mut hasher = Hasher::default();
    while let Some(part) = source.part().await? {
        hasher.update(&part);
        upload.put_part(PutPayload::from(part)).await.map_err(told)?;
    }
    same(path, stored, hasher.stored().sha256)?;
    upload.complete().await.map(drop).map_err(told)
}

fn same(path: &Path, stored: Stored, found: Sha256) -> Result<()> {
    if stored.sha256 == found {
        return Ok(());
    }
    let reason = "it was changed while it was read".to_owned();
    Err(Error::Io { what: format!("reading {}", path.display()), reason })
}

pub(super) async fn get(s3: &S3, sha256: Sha256, max: u64) -> Result<Vec<u8>> {
    let answer = s3.store.get(&s3.body(sha256)).await.map_err(|error| missing(s3, sha256, &error))?;
    let length = answer.meta.size;
    if length > max {
        return Err(Error::Io {
            what: format!("reading {sha256} from {}", s3.what),
            reason: format!("it has {length} bytes, more than the {max} that are allowed here"),
        });
    }
    let bytes = answer.bytes().await.map_err(|error| trouble::told(&s3.what, &error))?;
    let found = Sha256::of(&bytes);
    if found == sha256 { Ok(bytes.into()) } else { Err(Error::Corrupt { wanted: sha256, found }) }
}

/// A copy in the local folder, fetched when it is not there yet.
pub(super) async fn local(s3: &S3, sha256: Sha256) -> Result<PathBuf> {
    match s3.cache.local(sha256).await {
        Err(Error::NoArtifact { .. }) => {}
        known => return known,
    }
    let answer = s3.store.get(&s3.body(sha256)).await.map_err(|error| missing(s3, sha256, &error))?;
    let mut pieces = answer.into_stream();
    let mut incoming = s3.cache.incoming().await?;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| trouble::told(&s3.what, &error))?;
        incoming = blocking(move || {
            incoming.write(&piece)?;
            Ok(incoming)
        })
        .await?;
    }
    s3.cache.placed(incoming, sha256).await
}

fn missing(s3: &S3, sha256: Sha256, error: &StoreError) -> Error {
    match error {
        StoreError::NotFound { .. } => Error::NoArtifact { sha256 },
        // The library's list is open.
        _ => trouble::told(&s3.what, error),
    }
}

/// A file that is read in parts.
struct Source {
    path: PathBuf,
    file: Option<File>,
}

impl Source {
    async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        blocking(move || {
            let unreadable = |error: io::Error| Error::io(format!("reading {}", path.display()), &error);
            // Looked at before it is opened: opening a pipe would wait for its other end.
            if !fs::metadata(&path).map_err(unreadable)?.is_file() {
                return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
            }
            let file = Some(File::open(&path).map_err(unreadable)?);
            Ok(Self { path, file })
        })
        .await
    }

    /// The next part; `None` at the end.
    async fn part(&mut self) -> Result<Option<Bytes>> {
        let Some(mut file) = self.file.take() else { return Ok(None) };
        let (part, file) = blocking(move || {
            let mut part = Vec::new();
            let read = (&mut file).take(PART_BYTES as u64).read_to_end(&mut part);
            Ok((read.map(|_| part), file))
        })
        .await?;
        let part = part.map_err(|error| Error::io(format!("reading {}", self.path.display()), &error))?;
        self.file = (part.len() == PART_BYTES).then_some(file);
        Ok((!part.is_empty()).then(|| part.into()))
    }
}

#[derive(Default)]
struct Hasher {
    hasher: sha2::Sha256,
    bytes: u64,
}

impl Hasher {
    fn update(&mut self, part: &[u8]) {
        sha2::Digest::update(&mut self.hasher, part);
        self.bytes += part.len() as u64;
    }

    fn stored(self) -> Stored {
        Stored { sha256: Sha256::from_bytes(sha2::Digest::finalize(self.hasher).into()), bytes: self.bytes }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    runtime::blocking(work).await.unwrap_or_else(|| Err(Error::Closed { what: "a file".to_owned() }))
}
