//! The values that a command line gives for a plan's inputs: from `-i`, from `@file`, from a file of inputs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use candor_platform::{Clock, SystemClock};
use candor_proto::plan::Plan;
use candor_proto::{FileValue, JobId, Sha256, ValueType, time};
use candor_workflow::{input_advice, parse_input, resolve_inputs};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::reason;
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

/// A value that cannot be taken.
struct Problem {
    code: Code,
    /// The input that it was meant for, where that is known.
    name: Option<String>,
    message: String,
    advice: String,
}

/// Reads what a command line gives; a later `-i` wins over an earlier one, and each over the file of inputs.
///
/// # Errors
///
/// Every value that is wrong, unknown or missing, all at once.
pub(crate) fn read(source: &arguments::Source, plan: &Plan) -> Result<Given, Failure> {
    let mut values = match &source.inputs {
        Some(path) => inputs_file(path, plan)?,
        None => Map::new(),
    };
    let mut problems = Vec::new();
    for pair in &source.input {
        let Some((name, text)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            problems.push(Problem {
                code: Code::InputForm,
                name: None,
                message: format!("`-i {pair}` is not of the form `name=value`."),
                advice: "Write `-i name=value`, or `-i name=@file` for the content of a file.".to_owned(),
            });
            continue;
        };
        match value(name, text, plan) {
            Ok(value) => {
                values.insert(name.to_owned(), value);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let files = local_files(plan, &values, &mut problems);
    let given = Given { values, files };
    if problems.is_empty() { Ok(given) } else { Err(together(problems, given, plan)) }
}

/// What is wrong with single values, and with the rest as a whole.
fn together(mut problems: Vec<Problem>, given: Given, plan: &Plan) -> Failure {
    let values = given.with_files_named();
    let job = JobId::from_uuid(Uuid::now_v7());
    let rest =
        resolve_inputs(plan, &values, &time::date(SystemClock.now()), &job.to_string()).err().unwrap_or_default();
    // Of a value that was given and cannot be read, more is not said: it would be missing, or the default.
    let told = |name: &str| problems.iter().any(|problem| problem.name.as_deref() == Some(name));
    let rest: Vec<_> = rest.into_iter().filter(|problem| !told(&problem.name)).collect();
    problems.extend(rest.into_iter().map(|problem| Problem {
        code: Code::InvalidInputs,
        name: Some(problem.name),
        message: problem.message,
        advice: problem.advice,
    }));
    let code = match problems.as_slice() {
        [one] => one.code,
        _ => Code::InvalidInputs,
    };
    failure(code, problems.into_iter().map(|problem| (problem.message, problem.advice)))
}

fn failure(code: Code, problems: impl Iterator<Item = (String, String)>) -> Failure {
    let (mut messages, mut advice): (Vec<String>, Vec<String>) = problems.unzip();
    messages.dedup();
    advice.dedup();
    Failure::usage(code, messages.join(" ")).advice(advice.join(" "))
}

impl Given {
    /// Checks the values without storing anything: the content of a file plays no part in whether it fits.
    pub(crate) fn check(self, plan: &Plan) -> Result<(), Failure> {
        resolve(plan, &self.with_files_named(), SystemClock.now(), JobId::from_uuid(Uuid::now_v7()))
    }

    fn with_files_named(mut self) -> Map<String, Value> {
        for (name, path) in &self.files {
            self.values.insert(name.clone(), file_value(path, Sha256::of(b""), 0).to_value());
        }
        self.values
    }
}

/// Whether these values fit the plan's inputs; every mistake is told at once.
pub(crate) fn resolve(plan: &Plan, values: &Map<String, Value>, now: u64, job: JobId) -> Result<(), Failure> {
    let Err(problems) = resolve_inputs(plan, values, &time::date(now), &job.to_string()) else { return Ok(()) };
    Err(failure(Code::InvalidInputs, problems.into_iter().map(|problem| (problem.message, problem.advice))))
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

fn value(name: &str, text: &str, plan: &Plan) -> Result<Value, Problem> {
    // A name that the plan does not have is refused together with everything else that does not fit.
    let Some(input) = plan.inputs.get(name) else { return Ok(Value::String(text.to_owned())) };
    if matches!(input.kind, ValueType::File | ValueType::Table) {
        return Ok(Value::String(text.strip_prefix('@').unwrap_or(text).to_owned()));
    }
    let wrong = |code: Code, message: String, advice: &str| Problem {
        code,
        name: Some(name.to_owned()),
        message,
        advice: advice.to_owned(),
    };
    let content = match text.strip_prefix('@') {
        Some(path) => content(Path::new(path)).map_err(|reason| {
            let message = format!("The file {path} for the input `{name}` {reason}.");
            wrong(Code::InputFile, message, "Give a readable text file after the `@`.")
        })?,
        None => text.to_owned(),
    };
    parse_input(input.kind, &content)
        .map_err(|reason| wrong(Code::InvalidInputs, format!("The input `{name}` {reason}."), input_advice(input.kind)))
}

/// Inputs from a file. Paths in it are relative to its own folder.
fn inputs_file(path: &Path, plan: &Plan) -> Result<Map<String, Value>, Failure> {
    let wrong = |reason: String| {
        Failure::usage(Code::InputsFile, format!("could not read inputs from {}: {reason}", path.display()))
            .advice("write a JSON or YAML map of inputs by name")
    };
    let text = content(path).map_err(|reason| wrong(format!("it {reason}")))?;
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

/// The text of a small file. An error is a fragment that follows the file's name.
fn content(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| reason::of(&error))?;
    file.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| reason::of(&error))?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(format!("is larger than {INPUT_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("is no UTF-8: byte {} is wrong", error.utf8_error().valid_up_to() + 1))
}

fn local_files(plan: &Plan, values: &Map<String, Value>, problems: &mut Vec<Problem>) -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    for (name, _) in plan.inputs.iter().filter(|(_, input)| input.kind == ValueType::File) {
        let Some(Value::String(path)) = values.get(name) else { continue };
        let path = PathBuf::from(path);
        if path.is_file() {
            files.insert(name.clone(), path);
            continue;
        }
        problems.push(Problem {
            code: Code::InputFile,
            name: Some(name.clone()),
            message: format!("The input `{name}` names {}, which is no file.", path.display()),
            advice: format!("Give `-i {name}=` the path of a readable file."),
        });
    }
    files
}
