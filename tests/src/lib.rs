//! What the end-to-end tests share: the binary, a fresh folder to use it in, run directories and the project's own files.

pub mod process;
pub mod server;
pub mod services;
pub mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The binary that `cargo test --workspace` builds beside this test.
///
/// # Panics
///
/// When it is not there, with what to do.
pub fn candor() -> PathBuf {
    let own = std::env::current_exe().expect("a running test has a path");
    let folder = own.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let binary = folder.join("candor");
    assert!(binary.exists(), "{} is missing: run `cargo build -p candor`, or `tests/run`", binary.display());
    binary
}

/// The root of the project.
///
/// # Panics
///
/// Never: the tests lie in the project.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the project").to_path_buf()
}

/// The binary, to be started in a folder with nothing of the caller's settings.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(candor());
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("CANDOR_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs the binary in a folder with these arguments.
///
/// # Panics
///
/// When it cannot be started.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("the binary can be started")
}

/// Text that a program printed.
///
/// # Panics
///
/// When it is no text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it prints text")
}

/// What a program printed to stdout, as JSON.
///
/// # Panics
///
/// When it is not exactly one document.
pub fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {}", both(output)))
}

/// Everything that a program printed, for messages.
pub fn both(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{:?}\n--- stdout\n{out}\n--- stderr\n{err}", output.status)
}

/// Asserts that a program ended with this code and in an orderly way.
///
/// # Panics
///
/// When it did not.
#[track_caller]
pub fn ended(output: &Output, code: i32) {
    assert!(!both(output).contains("panicked"), "it panicked: {}", both(output));
    assert_eq!(output.status.code(), Some(code), "{}", both(output));
}

/// The run directories in a folder; hidden ones are none yet.
pub fn run_directories(runs: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// The one run directory in a folder.
///
/// # Panics
///
/// When there is none, or more than one.
#[track_caller]
pub fn run_directory(runs: &Path) -> PathBuf {
    let mut found = run_directories(runs);
    assert_eq!(found.len(), 1, "{} holds {found:?}", runs.display());
    found.remove(0)
}

/// A file of a run directory, as JSON.
///
/// # Panics
///
/// When it is not there or no JSON.
#[track_caller]
pub fn document(directory: &Path, name: &str) -> Value {
    let path = directory.join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder, in order of their names.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(_) => found.push(entry.path()),
            Err(_) => {}
        }
    }
    found.sort();
    found
}

/// A fresh folder that attempts under another user may enter.
///
/// # Panics
///
/// When the system gives none.
pub fn home() -> tempfile::TempDir {
    let home = tempfile::Builder::new().prefix("candor-home-").tempdir().expect("a fresh folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(home.path(), open).expect("it is ours");
    home
}

/// Writes a file into a folder.
///
/// # Panics
///
/// When that fails.
pub fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a folder can be made");
    }
    std::fs::write(&path, content).expect("a file can be written");
    path
}

/// The path as an argument.
///
/// # Panics
///
/// When it is no text.
pub fn shown(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}
