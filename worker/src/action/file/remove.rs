//! `file.delete`: removes one file of the worker's machine; a link itself, never what it points at.

use std::fs;
use std::io;

use async_trait::async_trait;
use candor_proto::{ErrorClass, Evidence, Outcome, TaskError};
use serde::Deserialize;
use serde_json::Value;

use crate::action::halt::blocking;
use crate::action::with::{self, Answer, invalid};
use crate::action::{Action, Context, Halt};
use crate::disk;
use crate::source::{Named, allowed_place};

/// Removes a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileDelete;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    path: String,
    #[serde(default)]
    missing: Missing,
}

/// What happens when there is no such file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Missing {
    #[default]
    Fail,
    Ignore,
}

#[async_trait]
impl Action for FileDelete {
    fn name(&self) -> &str {
        "file.delete"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(delete(context, with).await)
    }
}

async fn delete(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("file.delete", with)?;
    let Named::Absolute(path) = Named::read("path", &with.path)? else {
        let error = invalid("`path` of file.delete is absolute: files of a job are never removed by its tasks");
        return Err(error.with_advice("write the absolute path of a file of the worker's machine").into());
    };
    let path = allowed_place(context, "path", &path)?;
    let deleted = blocking(move || {
        let what = format!("cannot delete {}", path.display());
        // Asked first, because the system's own answer for a folder is "permission denied" on some systems.
        let removed = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {
                let error = TaskError::new(ErrorClass::Validation, "is_folder", format!("{what}: it is a folder"));
                return Err(error.with_advice("delete its files one by one").into());
            }
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound && with.missing == Missing::Ignore => Ok(false),
            Err(error) => Err(disk::fault(what, &error).into()),
        }
    })
    .await?;
    Ok(Answer::default().output("deleted", deleted).evidence(Evidence::checked("deleted")))
}
