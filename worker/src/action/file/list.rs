//! `file.list`: what lies in a folder of the workflow or of the worker's machine, sorted by name.
//!
//! Links are named and never followed.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use candor_proto::{ErrorClass, Evidence, Outcome, TaskError};
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use serde_json::{Value, json};
use walkdir::WalkDir;

use crate::action::halt::blocking;
use crate::action::with::{self, Answer, invalid};
use crate::action::{Action, Context, Halt, Stop};
use crate::disk;
use crate::source::{Named, allowed};

/// The most entries of one list: about the size that a message with the outputs may have.
const ENTRIES_MAX: usize = 10_000;

/// The deepest folder that is looked into.
const DEPTH_MAX: usize = 64;

/// Lists a folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileList;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    path: String,
    #[serde(default)]
    pattern: Option<String>,
}

/// One thing in a folder.
struct Entry {
    /// Below the folder, with `/` between the parts.
    name: String,
    kind: &'static str,
    bytes: Option<u64>,
}

#[async_trait]
impl Action for FileList {
    fn name(&self) -> &str {
        "file.list"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(list(context, with).await)
    }
}

async fn list(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("file.list", with)?;
    let pattern = with.pattern.as_deref().unwrap_or("*");
    let matcher = matcher(pattern)?;
    // The whole folder of the workflow has no name of its own.
    let named = if matches!(with.path.as_str(), "." | "./") { None } else { Some(Named::read("path", &with.path)?) };
    let mut entries = match named {
        None => of_workflow(context, "", &matcher),
        Some(Named::Relative(name)) => of_workflow(context, &format!("{name}/"), &matcher),
        Some(Named::Absolute(path)) => {
            let (folder, stop) = (allowed(context, "path", &path)?, context.stop.clone());
            let deep = pattern.contains('/') || pattern.contains("**");
            blocking(move || of_machine(&folder, deep, &matcher, &stop)).await?
        }
    };
    check_count(entries.len())?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let count = entries.len();
    let entry = |entry: Entry| json!({"name": entry.name, "kind": entry.kind, "bytes": entry.bytes});
    let entries: Vec<_> = entries.into_iter().map(entry).collect();
    let seen = Evidence::checked("listed").with_detail(format!("{count} entries"));
    Ok(Answer::default().output("entries", entries).output("count", count as u64).evidence(seen))
}

fn matcher(pattern: &str) -> Result<GlobMatcher, TaskError> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| invalid(format!("`pattern`: {error}")).with_advice("write for example `*.csv` or `**/*.csv`"))
}

fn of_workflow(context: &Context, below: &str, matcher: &GlobMatcher) -> Vec<Entry> {
    let named = context.files.iter().filter_map(|(path, file)| Some((path.strip_prefix(below)?, file)));
    let entry = |(name, file): (&str, &candor_proto::plan::PlanFile)| Entry {
        name: name.to_owned(),
        kind: "file",
        bytes: Some(file.bytes),
    };
    named.filter(|(name, _)| matcher.is_match(name)).map(entry).collect()
}

fn of_machine(folder: &Path, deep: bool, matcher: &GlobMatcher, stop: &Stop) -> Result<Vec<Entry>, Halt> {
    let what = |path: Option<&Path>| format!("cannot list {}", path.unwrap_or(folder).display());
    if !folder.is_dir() {
        let message = format!("{}: it is no folder", what(None));
        return Err(TaskError::new(ErrorClass::Validation, "not_folder", message).into());
    }
    let mut entries = Vec::new();
    let depth = if deep { DEPTH_MAX } else { 1 };
    for found in WalkDir::new(folder).min_depth(1).max_depth(depth) {
        stop.check()?;
        let found = found.map_err(|error| match error.io_error() {
            Some(reason) => disk::fault(what(error.path()), reason),
            None => TaskError::new(ErrorClass::System, "io", error.to_string()),
        })?;
        let below: PathBuf = found.path().strip_prefix(folder).unwrap_or(found.path()).to_owned();
        if !matcher.is_match(&below) {
            continue;
        }
        let kind = found.file_type();
        let kind = match (kind.is_file(), kind.is_dir(), kind.is_symlink()) {
            (true, _, _) => "file",
            (_, true, _) => "folder",
            (_, _, true) => "link",
            (false, false, false) => "other",
        };
        let bytes = if kind == "file" { found.metadata().ok().map(|found| found.len()) } else { None };
        entries.push(Entry { name: below.to_string_lossy().into_owned(), kind, bytes });
        check_count(entries.len())?;
    }
    Ok(entries)
}

fn check_count(count: usize) -> Result<(), TaskError> {
    if count <= ENTRIES_MAX {
        return Ok(());
    }
    let error =
        TaskError::new(ErrorClass::Validation, "too_many_values", format!("there are more than {ENTRIES_MAX} entries"));
    Err(error.with_advice("narrow the `pattern`"))
}
