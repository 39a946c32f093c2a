//! What a command line names, as data: the workflow's text, its files, its inputs.

mod inputs;
mod paths;
mod reason;
mod request;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use candor_proto::Sha256;
use candor_workflow::catalogue::Catalogue;
use candor_workflow::{FileFact, Files, Source, wanted};
use sha2::Digest;

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::run_directory::{ANSWER, EVENTS, REQUEST, STATE};
pub(crate) use inputs::{Given, file_value, read as inputs, resolve};
pub(crate) use paths::{computed as computed_paths, written as written_paths};
pub(crate) use request::{compiled, request};

/// Largest document that is read at all, in bytes; the compiler refuses beyond its own limit with a better word.
const DOCUMENT_READ_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Files up to this size are handed to the compiler, which reads schemas and rules.
const CONTENT_BYTES_MAX: u64 = 1024 * 1024;
/// Files of a workflow; beyond that a pattern is surely a mistake.
const FILES_MAX: usize = 10_000;

/// A workflow as it lies on the disk.
pub(crate) struct Workflow {
    /// The path as it was given.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
    /// The folder that its files lie in.
    pub(crate) folder: PathBuf,
}

/// A file of the workflow, to be stored with a run.
pub(crate) struct LocalFile {
    /// Its path below the workflow's folder.
    pub(crate) relative: String,
    /// Where it lies.
    pub(crate) path: PathBuf,
}

/// Reads the workflow that a command names.
pub(crate) fn workflow(source: &arguments::Source) -> Result<Workflow, Failure> {
    let Some(name) = &source.workflow else {
        return Err(
            Failure::usage(Code::NoWorkflow, "no workflow was named").advice("give the path of a YAML or JSON file")
        );
    };
    let path = Path::new(name);
    if !path.exists() && (name.contains(' ') || path.extension().is_none()) {
        return Err(Failure::usage(
            Code::NoModel,
            format!("`{name}` is no file, and a request in words needs a language model, which this build does not support yet"),
        )
        .advice("give the path of a workflow; `candor new` writes a first one"));
    }
    let wrong = |error: &std::io::Error| {
        Failure::usage(Code::UnreadableWorkflow, format!("could not read {name}: it {}", reason::of(error)))
            .advice("give the path of a YAML or JSON file")
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| wrong(&error))?;
    file.take(DOCUMENT_READ_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| wrong(&error))?;
    if bytes.len() as u64 == DOCUMENT_READ_BYTES_MAX {
        // The reading may have stopped within a character; the compiler refuses such a document for its size.
        let cut = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        bytes.truncate(cut);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(Code::NotUtf8, format!("{name} is no UTF-8: byte {} is wrong", at + 1))
            .advice("save the file as UTF-8")
    })?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
    Ok(Workflow { name: name.clone(), text, folder })
}

/// The catalogue with the actions that are installed in a folder.
pub(crate) fn catalogue(folder: Option<&Path>) -> Result<Catalogue, Failure> {
    let mut catalogue = Catalogue::built_in().map_err(|problem| Failure::internal(problem.message))?;
    let Some(folder) = folder else { return Ok(catalogue) };
    let entries = fs::read_dir(folder).map_err(|error| Failure::disk("could not read", folder, &error))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.to_string_lossy().ends_with(".action.json")) {
        let text = fs::read_to_string(path).map_err(|error| Failure::disk("could not read", path, &error))?;
        catalogue.install(&path.to_string_lossy(), &text).map_err(|problem| {
            Failure::usage(Code::ActionDeclaration, format!("{}: {}", problem.file, problem.message))
                .advice(problem.advice)
        })?;
    }
    Ok(catalogue)
}

/// The facts about all files that a workflow names, and where they lie.
///
/// # Errors
///
/// When the workflow's patterns match more files than any workflow has.
pub(crate) fn files(workflow: &Workflow, catalogue: &Catalogue) -> Result<(Files, Vec<LocalFile>), Failure> {
    let source = Source { name: &workflow.name, text: &workflow.text };
    let wanted = wanted(&source, catalogue);
    let (mut files, mut local) = (Files::default(), Vec::new());
    let mut names: Vec<String> = wanted.paths.clone();
    if !wanted.globs.is_empty() {
        let matcher = wanted.matcher();
        let entries = walkdir::WalkDir::new(&workflow.folder).follow_links(false).sort_by_file_name().into_iter();
        let hidden = |entry: &walkdir::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
        let shown = entries.filter_entry(|entry| entry.depth() == 0 || !(hidden(entry) || is_run(entry)));
        for entry in shown.flatten().filter(|entry| !entry.file_type().is_dir()) {
            let Ok(relative) = entry.path().strip_prefix(&workflow.folder) else { continue };
            let relative = relative.to_string_lossy().into_owned();
            if !matcher.is_match(&relative) {
                continue;
            }
            if names.len() == FILES_MAX {
                let message = format!("the patterns of {} match more than {FILES_MAX} files", workflow.name);
                return Err(Failure::usage(Code::TooManyFiles, message).advice("write narrower patterns under `files`"));
            }
            names.push(relative);
        }
    }
    names.sort();
    names.dedup();
    for name in names {
        let path = workflow.folder.join(&name);
        let fact = look(&workflow.folder, &path);
        if fact.problem.is_none() {
            local.push(LocalFile { relative: name.clone(), path });
        }
        files.facts.insert(name, fact);
    }
    Ok((files, local))
}

/// Whether this is the run directory of some job, which no pattern means: it grows with every run.
fn is_run(entry: &walkdir::DirEntry) -> bool {
    let has = |name: &str| entry.path().join(name).is_file();
    entry.file_type().is_dir() && ((has(EVENTS) && has(ANSWER)) || has(&format!("{STATE}/{REQUEST}")))
}

fn look(folder: &Path, path: &Path) -> FileFact {
    let problem = |words: String| FileFact { problem: Some(words), ..FileFact::default() };
    let (Ok(folder), real) = (folder.canonicalize(), path.canonicalize()) else {
        return problem("lies in a folder that cannot be read".to_owned());
    };
    let real = match real {
        Ok(real) => real,
        Err(error) => return problem(reason::of(&error)),
    };
    if !real.starts_with(&folder) {
        return problem("is a link that leaves the workflow's folder".to_owned());
    }
    if !real.is_file() {
        return problem(if real.is_dir() { "is a folder".to_owned() } else { "is no regular file".to_owned() });
    }
    match digest(&real) {
        Ok((sha256, bytes, content)) => FileFact { sha256: Some(sha256), bytes, content, problem: None },
        Err(error) => problem(reason::of(&error)),
    }
}

fn digest(path: &Path) -> std::io::Result<(Sha256, u64, Option<Vec<u8>>)> {
    let mut file = fs::File::open(path)?;
    let small = file.metadata()?.len() <= CONTENT_BYTES_MAX;
    let (mut hash, mut bytes, mut content, mut buffer) = (sha2::Sha256::new(), 0, Vec::new(), vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((Sha256::from_bytes(hash.finalize().into()), bytes, small.then_some(content)));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
        if small {
            content.extend_from_slice(&buffer[..read]);
        }
    }
}
