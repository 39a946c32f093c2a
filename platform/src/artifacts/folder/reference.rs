//! Named references: small files that are replaced in one step, under a lock that dies with its process.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use candor_proto::Sha256;

use super::{Place, writing};
use crate::error::{Error, Result};

/// Below the root: the references.
const REFERENCES: &str = "refs";
/// Beside them: locked while one of them is replaced.
const LOCK: &str = "refs.lock";

/// A name may be anything, so its file is called by its digest; the name stands inside.
fn path(place: &Place, name: &str) -> PathBuf {
    place.root.join(REFERENCES).join(Sha256::of(name.as_bytes()).to_string())
}

pub(super) fn read(place: &Place, name: &str) -> Result<Option<Sha256>> {
    read_at(&path(place, name))
}

fn read_at(path: &Path) -> Result<Option<Sha256>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(format!("reading {}", path.display()), &error)),
    };
    let text = String::from_utf8_lossy(&bytes);
    let digest = text.lines().next().unwrap_or_default();
    digest.parse().map(Some).map_err(|error: candor_proto::Error| Error::Damaged {
        what: path.display().to_string(),
        reason: error.to_string(),
    })
}

/// Points the reference; `false` when somebody else holds the lock just now.
pub(super) fn point(place: &Place, name: &str, expected: Option<Sha256>, to: Sha256) -> Result<bool> {
    let Some(_lock) = writing::locked(&place.root.join(LOCK))? else { return Ok(false) };
    let path = path(place, name);
    if read_at(&path)? != expected {
        return Err(Error::Moved { name: name.to_owned() });
    }
    let mut draft = place.desk.draft()?;
    writeln!(draft.file(), "{to}\n{name}").map_err(|error| draft.failed(&error))?;
    draft.place(&path)?;
    Ok(true)
}
