//! From a path or a file value in `with` to a place where its bytes can be read.
//!
//! Owns which paths an attempt may name. Deliberately does not know what is in the files.

use std::path::{Component, Path, PathBuf};

use candor_platform::Artifacts;
use candor_proto::{ErrorClass, FileValue, Sha256, TaskError};
use serde_json::Value;

use crate::action::Context;
use crate::disk;
use crate::trouble::{self, Trouble};

/// A file that an attempt may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where its bytes lie. Never written to.
    pub path: PathBuf,
    /// Its name: of a file value or a plan's file as it is, of an absolute path the last part.
    pub name: String,
    /// Digest and length, where they are known before it is read.
    pub known: Option<(Sha256, u64)>,
}

impl Source {
    /// The file that `value` names: a file value, a file of the plan, or an absolute path that is allowed.
    pub async fn locate(context: &Context, field: &str, value: &Value) -> Result<Self, TaskError> {
        if let Some(file) = FileValue::from_value(value) {
            return Self::body(context.artifacts.as_ref(), file.sha256, file.bytes, file.name).await;
        }
        let Some(text) = value.as_str() else {
            let message = format!("`{field}` is neither a path nor a file");
            return Err(invalid(message).with_advice("write a path, or the `file` output of a task"));
        };
        match Named::read(field, text)? {
            Named::Absolute(path) => {
                let path = allowed(context, field, &path)?;
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                Ok(Self { path, name, known: None })
            }
            Named::Relative(name) => match context.files.get(&name) {
                Some(file) => Self::body(context.artifacts.as_ref(), file.sha256, file.bytes, name).await,
                None => Err(TaskError::new(
                    ErrorClass::Validation,
                    "not_found",
                    format!("`{field}`: `{name}` is not a file of this workflow"),
                )
                .with_advice("put it beside the workflow and name it under `files:`")),
            },
        }
    }

    async fn body(artifacts: &dyn Artifacts, sha256: Sha256, bytes: u64, name: String) -> Result<Self, TaskError> {
        let path = artifacts.local(sha256).await.map_err(|error| refused(&error))?;
        Ok(Self { path, name, known: Some((sha256, bytes)) })
    }
}

/// A path as a workflow may write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// On the worker's own machine.
    Absolute(PathBuf),
    /// Below a folder that is somebody else's choice, with `/` between the parts.
    Relative(String),
}

impl Named {
    /// Reads a path; `..` and an empty path are refused, `.` is left out.
    pub fn read(field: &str, text: &str) -> Result<Self, TaskError> {
        if text.contains('\0') {
            return Err(invalid(format!("`{field}`: a path has no NUL character")));
        }
        let mut parts = Vec::new();
        for component in Path::new(text).components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::CurDir | Component::RootDir => {}
                Component::ParentDir | Component::Prefix(_) => {
                    let message = format!("`{field}`: `{text}` leaves its folder with `..`");
                    return Err(invalid(message).with_advice("write the path without `..`"));
                }
            }
        }
        if Path::new(text).is_absolute() {
            return Ok(Self::Absolute(PathBuf::from(text)));
        }
        if parts.is_empty() {
            return Err(invalid(format!("`{field}` is an empty path")));
        }
        Ok(Self::Relative(parts.join("/")))
    }
}

/// Paths as they are written and by their true places, for a path is compared in both forms. One that is not there yet has
/// a true place when its folder has.
pub(crate) fn both_ways(paths: &[PathBuf]) -> Vec<PathBuf> {
    let real = |path: &PathBuf| {
        let folder = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
        path.canonicalize().ok().or_else(folder)
    };
    paths.iter().flat_map(|path| std::iter::once(path.clone()).chain(real(path))).collect()
}

/// The true place of an existing absolute path, all links followed, when a parent of it is allowed.
pub fn allowed(context: &Context, field: &str, path: &Path) -> Result<PathBuf, TaskError> {
    // Asked before the disk is, so that nobody learns which files exist outside the allowed folders.
    permit(context, field, path, path)?;
    let what = format!("`{field}`: {}", path.display());
    let real = path.canonicalize().map_err(|error| disk::fault(&what, &error))?;
    permit(context, field, path, &real)?;
    Ok(real)
}

/// The true place of an absolute path that may not exist yet: its folder must, and it or a parent of it is allowed.
/// The last part is taken as it is, so that a link there is replaced or removed and never followed.
pub fn allowed_place(context: &Context, field: &str, path: &Path) -> Result<PathBuf, TaskError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(invalid(format!("`{field}`: {} names no file", path.display())));
    };
    permit(context, field, path, path)?;
    let what = format!("`{field}`: {}", folder.display());
    let place = folder.canonicalize().map_err(|error| disk::fault(&what, &error))?.join(name);
    permit(context, field, path, &place)?;
    Ok(place)
}

fn permit(context: &Context, field: &str, written: &Path, path: &Path) -> Result<(), TaskError> {
    let Some(parents) = &context.allow_paths else { return Ok(()) };
    let within = |parent: &PathBuf| {
        // A folder that is allowed may itself be named through a link.
        path.starts_with(parent) || parent.canonicalize().is_ok_and(|parent| path.starts_with(parent))
    };
    if parents.iter().any(within) {
        return Ok(());
    }
    let message = format!("`{field}`: {} is not in a folder that this worker may use", written.display());
    let error = TaskError::new(ErrorClass::Validation, "path_not_allowed", message);
    Err(error.with_advice("name a parent of it with --allow-path where the work is started; without that a run uses the absolute paths that stand in its workflow and inputs, and none that is computed"))
}

/// What the artifacts refused.
pub(crate) fn refused(error: &candor_platform::Error) -> TaskError {
    if trouble::stopped_artifacts(error) {
        return Trouble::error(error.to_string());
    }
    TaskError::new(ErrorClass::System, "artifacts", error.to_string())
}

fn invalid(message: String) -> TaskError {
    TaskError::new(ErrorClass::Validation, "path", message)
}
