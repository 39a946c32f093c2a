//! Named references: small objects that are replaced only where their version is the one that was seen.

use candor_proto::Sha256;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};
use uuid::Uuid;

use super::{S3, trouble};
use crate::error::{Error, Result};

/// A reference as it was read.
pub(super) struct Found {
    pub(super) to: Sha256,
    text: String,
    version: UpdateVersion,
}

pub(super) async fn read(s3: &S3, name: &str) -> Result<Option<Found>> {
    let key = s3.reference(name);
    let told = |error: StoreError| trouble::told(&s3.what, &error);
    let answer = match s3.store.get(&key).await {
        Ok(answer) => answer,
        Err(error @ StoreError::NotFound { .. }) => {
            // A missing bucket is not found either.
            return match told(error) {
                error @ Error::Unfit { .. } => Err(error),
                _ => Ok(None),
            };
        }
        Err(error) => return Err(told(error)),
    };
    let version = UpdateVersion { e_tag: answer.meta.e_tag.clone(), version: answer.meta.version.clone() };
    let text = String::from_utf8_lossy(&answer.bytes().await.map_err(told)?).into_owned();
    let digest = text.lines().next().unwrap_or_default();
    match digest.parse() {
        Ok(to) => Ok(Some(Found { to, text, version })),
        Err(error) => {
            let error: candor_proto::Error = error;
            Err(Error::Damaged { what: format!("{}: {key}", s3.what), reason: error.to_string() })
        }
    }
}

pub(super) async fn point(s3: &S3, name: &str, expected: Option<Sha256>, to: Sha256) -> Result<()> {
    let moved = || Error::Moved { name: name.to_owned() };
    let seen = read(s3, name).await?;
    if seen.as_ref().map(|seen| seen.to) != expected {
        return Err(moved());
    }
    let mode = seen.map_or(PutMode::Create, |seen| PutMode::Update(seen.version));
    // No two writers write the same, so whoever finds this text again knows that it was theirs.
    let text = format!("{to}\n{name}\n{}\n", Uuid::new_v4());
    let options = PutOptions { mode, ..PutOptions::default() };
    match s3.store.put_opts(&s3.reference(name), PutPayload::from(text.clone()), options).await {
        Ok(_) => Ok(()),
        Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotFound { .. }) => {
            // The library repeats a request whose answer was lost, and finds what the lost one wrote.
            let ours = read(s3, name).await?.is_some_and(|now| now.text == text);
            if ours { Ok(()) } else { Err(moved()) }
        }
        Err(error) => Err(trouble::told(&s3.what, &error)),
    }
}
