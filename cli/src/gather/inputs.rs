//! The values that a command line gives for a plan's inputs: from `-i`, from `@file`, from a file of inputs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use candor_platform::{Clock, SystemClock};
use candor_proto::plan::Plan;
use candor_proto::{FileValue, JobId, Sha256, ValueType, time};
use candor_workflow::{parse_input, resolve_inputs};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::arguments;
use crate::failure::{Code, Failure};

/// Largest file that is read as a value or as a list of values, in bytes: inputs travel in one message, and larger
/// data belongs into an input of type file.
const INPUT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What was given, with the files that it names.
pub(crate) struct Given {
    /// The values by name; those of files are the paths that were written.
    pub(crate) values: Map<String, Value>,
    /// The local files of inputs of type file, by the input's name.
    pub(crate) files: BTreeMap<String, PathBuf>,
}

/// Reads what a command line gives; a later `-i` wins over an earlier one, and each over the file of inputs.
pub(crate) fn read(source: &arguments::Source, plan: &Plan) -> Result<Given, Failure> {
    let mut values = match &source.inputs {
        Some(path) => inputs_file(path, plan)?,
        None => Map::new(),
    };
    for pair in &source.input {
        let Some((name, text)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Failure::usage(Code::InputForm, format!("`-i {pair}` is not of the form `name=value`"))
                .advice("write `-i name=value`, or `-i name=@file` for the content of a file"));
        };
        values.insert(name.to_owned(), value(name, text, plan)?);
    }
    let files = local_files(plan, &values)?;
    Ok(Given { values, files })
}

impl Given {
    /// Checks the values without storing anything: the content of a file plays no part in whether it fits.
    pub(crate) fn check(mut self, plan: &Plan) -> Result<(), Failure> {
        for (name, path) in &self.files {
            self.values.insert(name.clone(), file_value(path, Sha256::of(b""), 0).to_value());
        }
        resolve(plan, &self.values, SystemClock.now(), JobId::from_uuid(Uuid::now_v7()))
    }
}

/// Whether these values fit the plan's inputs; every mistake is told at once.
pub(crate) fn resolve(plan: &Plan, values: &Map<String, Value>, now: u64, job: JobId) -> Result<(), Failure> {
    let Err(problems) = resolve_inputs(plan, values, &time::date(now), &job.to_string()) else { return Ok(()) };
    let each = |words: fn(&candor_workflow::InputProblem) -> &str| {
        let mut all: Vec<&str> = problems.iter().map(words).collect();
        all.dedup();
        all.join(" ")
    };
    let (message, advice) = (each(|problem| &problem.message), each(|problem| &problem.advice));
    Err(Failure::usage(Code::InvalidInputs, message).advice(advice))
}

/// What stands for a file in a job.
pub(crate) fn file_value(path: &Path, sha256: Sha256, bytes: u64) -> FileValue {
    FileValue {
        name: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        sha256,
        bytes,
        media_type: candor_proto::value::media_type(&path.to_string_lossy()).to_owned(),
    }
}

fn value(name: &str, text: &str, plan: &Plan) -> Result<Value, Failure> {
    // A name that the plan does not have is refused together with everything else that does not fit.
    let Some(input) = plan.inputs.get(name) else { return Ok(Value::String(text.to_owned())) };
    if matches!(input.kind, ValueType::File | ValueType::Table) {
        return Ok(Value::String(text.strip_prefix('@').unwrap_or(text).to_owned()));
    }
    let content = match text.strip_prefix('@') {
        Some(path) => content(Path::new(path)).map_err(|reason| {
            Failure::usage(Code::InputFile, format!("could not read {path} for the input `{name}`: {reason}"))
                .advice("give a readable text file after the `@`")
        })?,
        None => text.to_owned(),
    };
    parse_input(input.kind, &content).map_err(|reason| {
        let kind = input.kind.word();
        Failure::usage(Code::InvalidInputs, format!("the input `{name}` must be of type {kind}: {reason}"))
            .advice(format!("write `-i {name}=` with a value of that type"))
    })
}

/// Inputs from a file. Paths in it are relative to its own folder.
fn inputs_file(path: &Path, plan: &Plan) -> Result<Map<String, Value>, Failure> {
    let wrong = |reason: String| {
        Failure::usage(Code::InputsFile, format!("could not read inputs from {}: {reason}", path.display()))
            .advice("write a JSON or YAML map of inputs by name")
    };
    let text = content(path).map_err(wrong)?;
    let mut given = candor_workflow::parse_inputs(&text).map_err(wrong)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    for (name, value) in &mut given {
        let is_file = plan.inputs.get(name).is_some_and(|input| input.kind == ValueType::File);
        if let (true, Value::String(relative)) = (is_file, &*value) {
            *value = Value::String(folder.join(relative).to_string_lossy().into_owned());
        }
    }
    Ok(given)
}

/// The text of a small file. An error is a fragment.
fn content(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(format!("it is larger than {INPUT_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| format!("byte {} is no UTF-8", error.utf8_error().valid_up_to() + 1))
}

fn local_files(plan: &Plan, values: &Map<String, Value>) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut files = BTreeMap::new();
    for (name, _) in plan.inputs.iter().filter(|(_, input)| input.kind == ValueType::File) {
        let Some(Value::String(path)) = values.get(name) else { continue };
        let path = PathBuf::from(path);
        if !path.is_file() {
            let message = format!("the input `{name}` names {}, which is no file", path.display());
            let advice = format!("give `-i {name}=` the path of a readable file");
            return Err(Failure::usage(Code::InputFile, message).advice(advice));
        }
        files.insert(name.clone(), path);
    }
    Ok(files)
}
