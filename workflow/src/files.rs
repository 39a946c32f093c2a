//! What is known of the files that a workflow names. Gathering them is the caller's: this crate reads nothing.

use std::collections::BTreeMap;

use candor_proto::Sha256;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Facts about files, by their path relative to the workflow's folder, with `/` between the parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Files {
    /// The facts.
    pub facts: BTreeMap<String, FileFact>,
}

/// What is known of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileFact {
    /// Of its bytes; needed to compile for execution.
    pub sha256: Option<Sha256>,
    /// Its length.
    pub bytes: u64,
    /// Its bytes, of small files: schemas and rules are read while compiling.
    pub content: Option<Vec<u8>>,
    /// Why it cannot be used: it is missing, leaves the folder, cannot be read. A fragment such as `is a directory`.
    pub problem: Option<String>,
}

/// Largest file that is read while compiling (a schema, a list of rules), in bytes.
pub const CONTENT_BYTES_MAX: u64 = 1024 * 1024;

/// What must be gathered before a workflow can be compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Patterns under the workflow's folder.
    pub globs: Vec<String>,
    /// Paths under the workflow's folder.
    pub paths: Vec<String>,
}

impl Wanted {
    /// A matcher for `globs`; patterns that cannot be read match nothing, and compiling says why.
    pub fn matcher(&self) -> Matcher {
        let mut builder = GlobSetBuilder::new();
        for glob in self.globs.iter().filter_map(|glob| build(glob).ok()) {
            builder.add(glob);
        }
        Matcher { set: builder.build().unwrap_or_default() }
    }
}

/// Says which files the patterns of a workflow mean.
#[derive(Clone, Debug)]
pub struct Matcher {
    set: GlobSet,
}

impl Matcher {
    /// Whether a relative path is meant.
    pub fn is_match(&self, path: &str) -> bool {
        self.set.is_match(path)
    }
}

/// A pattern in which `*` stays within a folder and `**` does not.
pub(crate) fn build(glob: &str) -> Result<globset::Glob, globset::Error> {
    GlobBuilder::new(without_dot(glob)).literal_separator(true).build()
}

fn without_dot(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// Where a written path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Below the workflow's folder, without `.` parts and double slashes.
    Inside(String),
    /// Out of it.
    Outside,
    /// On the worker's own machine.
    Absolute,
    /// Nowhere.
    Empty,
}

impl Path {
    pub(crate) fn of(written: &str) -> Self {
        if written.starts_with('/') {
            return Self::Absolute;
        }
        let mut parts = Vec::new();
        for part in written.split('/') {
            match part {
                "" | "." => {}
                ".." => return Self::Outside,
                _ if part.contains('\0') => return Self::Empty,
                _ => parts.push(part),
            }
        }
        if parts.is_empty() { Self::Empty } else { Self::Inside(parts.join("/")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_folder_and_two_stars_do_not() {
        let wanted = Wanted { globs: vec!["sol/**/*.py".into(), "./templates/*".into()], paths: Vec::new() };
        let matcher = wanted.matcher();
        for path in ["sol/a.py", "sol/deep/er/a.py", "templates/x.md"] {
            assert!(matcher.is_match(path), "{path}");
        }
        for path in ["a.py", "sol/a.txt", "templates/deep/x.md"] {
            assert!(!matcher.is_match(path), "{path}");
        }
    }

    #[test]
    fn a_path_is_inside_outside_or_absolute() {
        assert_eq!(Path::of("./a//b.csv"), Path::Inside("a/b.csv".into()));
        assert_eq!(Path::of("a/../b.csv"), Path::Outside);
        assert_eq!(Path::of("/etc/passwd"), Path::Absolute);
        assert_eq!(Path::of("."), Path::Empty);
    }
}
