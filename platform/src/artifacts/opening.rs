//! Artifacts by where they are: a folder, or `s3://BUCKET/PREFIX`.

use std::path::PathBuf;
use std::sync::Arc;

use super::Artifacts;
use super::folder::Folder;
use crate::config::Environment;
use crate::error::Result;

/// How a location in an S3-compatible store begins.
const S3: &str = "s3://";

/// What opening may need beside the location.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Where bodies from afar are kept to be read locally. It can be removed while nobody runs.
    pub cache: PathBuf,
    /// The variables of this process: `AWS_*` says who we are and where an S3-compatible store is.
    pub environment: Environment,
}

/// Opens the artifacts at a location. A folder is made where it is missing; a server need not be there yet.
pub async fn open(location: &str, opening: &Opening) -> Result<Arc<dyn Artifacts>> {
    match location.strip_prefix(S3) {
        Some(place) => open_s3(place, opening).await,
        None => Ok(Arc::new(Folder::open(location).await?)),
    }
}

#[cfg(feature = "s3")]
async fn open_s3(place: &str, opening: &Opening) -> Result<Arc<dyn Artifacts>> {
    Ok(Arc::new(super::s3::S3::open(place, opening).await?))
}

#[cfg(not(feature = "s3"))]
#[expect(clippy::unused_async, reason = "the other build waits here")]
async fn open_s3(place: &str, _: &Opening) -> Result<Arc<dyn Artifacts>> {
    Err(crate::error::Error::Unfit {
        what: format!("{S3}{place}"),
        reason: "this build speaks to no S3-compatible store: use a release, or build with the feature `s3`".to_owned(),
    })
}
