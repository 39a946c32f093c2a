//! Documents and files for the tests, in memory.

use std::path::{Path, PathBuf};

use candor_proto::message::Severity;
use candor_workflow::catalogue::Catalogue;
use candor_workflow::{Compiled, Files, Mode, Source, compile, file_fact, wanted};

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// The documents of a folder by name, in order.
pub(crate) fn documents(name: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let wanted = ["yaml", "json"].contains(&path.extension().and_then(|end| end.to_str()).unwrap_or(""));
        if wanted && !["rules.yaml", "rows.schema.json"].contains(&file.as_str()) {
            found.push((file, std::fs::read_to_string(path).unwrap()));
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// What a client would gather for a document from a folder.
pub(crate) fn gathered(text: &str, folder: &Path) -> Files {
    let wanted = wanted(&Source { name: "flow.yaml", text }, &catalogue());
    let matcher = wanted.matcher();
    let mut files = Files::default();
    let mut left = vec![folder.to_owned()];
    while let Some(here) = left.pop() {
        for entry in std::fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if matcher.is_match(&name) || wanted.paths.contains(&name) {
                files.facts.insert(name, file_fact(std::fs::read(path).unwrap()));
            }
        }
    }
    files
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::built_in().unwrap()
}

pub(crate) fn compiled(text: &str, files: &Files, mode: Mode) -> Compiled {
    compile(&Source { name: "flow.yaml", text }, files, &catalogue(), mode)
}

/// Compiles without files, to be executed.
pub(crate) fn run(text: &str) -> Compiled {
    compiled(text, &Files::default(), Mode::Execute)
}

/// Code, line and column of every diagnostic.
pub(crate) fn places(compiled: &Compiled) -> Vec<(String, u32, u32)> {
    compiled.diagnostics.iter().map(|found| (found.code.clone(), found.line, found.column)).collect()
}

pub(crate) fn errors(compiled: &Compiled) -> Vec<String> {
    let errors = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(|found| format!("{}:{} {} {}", found.line, found.column, found.code, found.message)).collect()
}
