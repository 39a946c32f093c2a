//! The project's own files, as the tests of its shape and its documents read them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::project;

/// Folders that are made and not written.
const MADE: [&str; 3] = ["target", "runs", "__pycache__"];

/// A text file of the project.
pub struct File {
    /// Its path below the project's root, with `/` between the parts.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// Every file below the root whose name ends so, sorted. Hidden and made folders are left out.
///
/// # Panics
///
/// When a folder or a file cannot be read.
pub fn files(ending: &str) -> Vec<File> {
    let mut paths = Vec::new();
    walk(&project(), ending, &mut paths);
    paths.sort();
    paths.into_iter().map(|path| File { text: read(&path), path: relative(&path) }).collect()
}

/// A file of the project, by its path below the root.
///
/// # Panics
///
/// When it cannot be read.
pub fn text(path: &str) -> String {
    read(&project().join(path))
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
        let entry = entry.expect("a folder of the project can be read to its end");
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().expect("an entry has a type").is_dir() {
            if !name.starts_with('.') && !MADE.contains(&name.as_str()) {
                walk(&entry.path(), ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(entry.path());
        }
    }
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(project()).unwrap_or(path).to_string_lossy().into_owned()
}
