//! `python`: a function or a script.
//!
//! A small program of ours (`bootstrap.py`) calls the function and writes what it returns to a file in the worker's own folder.
//! Tables come to the function as iterables of dicts and go back as such; file values come as paths.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::runtime;
use candor_proto::value::TABLE_MEDIA_TYPE;
use candor_proto::{Column, ErrorClass, Evidence, FileValue, Outcome, TableValue, TaskError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::process::{self, Call, Finished, Processes};
use super::{Action, Context};
use crate::error::{Error, Result};
use crate::secrets::Masks;
use crate::{collect, laydown, limits};

const BOOTSTRAP: &str = include_str!("python/bootstrap.py");
/// The bootstrap's exit code when it says in the result why there is none.
const FAILED: i32 = 97;
const RESULT_FILE: &str = ".candor/result.json";

/// Calls a function or runs a script.
#[derive(Clone, Debug)]
pub struct Python(pub Arc<Processes>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    script: Option<Value>,
    function: Option<String>,
    #[serde(default)]
    args: Map<String, Value>,
    repo: Option<Value>,
    #[serde(rename = "ref")]
    reference: Option<Value>,
    venv: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Returned {
    outputs: Map<String, Value>,
    tables: BTreeMap<String, Written>,
    /// Outputs that are tables as they came, by their number.
    passed: BTreeMap<String, usize>,
    error: Option<Raised>,
}

#[derive(Debug, Deserialize)]
struct Written {
    path: String,
    columns: Vec<Column>,
}

#[derive(Debug, Deserialize)]
struct Raised {
    code: String,
    message: String,
    traceback: Option<String>,
}

#[async_trait]
impl Action for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        let with: With = match serde_json::from_value(with) {
            Ok(with) => with,
            Err(error) => return process::wrong_with("python", &error),
        };
        let is_script = with.script.is_some();
        let mut tables = Vec::new();
        let call = match self.call(context, with, &mut tables).await {
            Ok(call) => call,
            Err(error) => return process::failed(error),
        };
        let finished = match self.0.run(context, call).await {
            Ok(finished) => finished,
            Err(outcome) => return outcome,
        };
        answer(context, finished, &tables, is_script).await.unwrap_or_else(process::failed)
    }
}

impl Python {
    async fn call(&self, context: &Context, with: With, tables: &mut Vec<TableValue>) -> Result<Call> {
        for (name, given) in [("repo", &with.repo), ("ref", &with.reference), ("venv", &with.venv)] {
            if given.is_some() {
                return Err(Error::Input {
                    code: "unsupported",
                    message: format!("`{name}` of python is not in this build"),
                    advice: "name the files under `files`, and install packages where the worker runs",
                });
            }
        }
        let script = match (&with.script, &with.function) {
            (Some(script), None) => Some(process::path(context, "script", script, self.0.sharing()).await?),
            (None, Some(_)) => None,
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::input("python needs either `script` or `function`", "give exactly one of the two"));
            }
        };
        let mut args = Value::Object(with.args);
        let mut places = Vec::new();
        find_files(&args, &mut Vec::new(), &mut places);
        let mut sent = Vec::new();
        for (at, file) in places {
            let path = laydown::file(context, &file, self.0.sharing()).await?;
            let Some(value) = at.iter().try_fold(&mut args, |value, step| step_into(value, step)) else { continue };
            if let Some(table) = TableValue::from_value(value) {
                sent.push(json!({"at": at, "number": tables.len(), "path": path, "columns": table.columns, "count": table.count}));
                tables.push(table);
                *value = Value::Null;
            } else {
                *value = Value::String(path);
            }
        }
        let declared: BTreeMap<_, _> = context.outputs.iter().map(|(name, kind)| (name, kind.word())).collect();
        let request = json!({
            "function": with.function, "script": script, "args": args, "tables": sent, "outputs": declared, "result": RESULT_FILE,
        });
        Ok(Call {
            program: "python3".to_owned(),
            arguments: ["-B", "-u", "-c", BOOTSTRAP].map(str::to_owned).to_vec(),
            stdin: Some(laydown::text(context, "request.json", &request.to_string())?),
            ok_codes: vec![0, FAILED],
        })
    }
}

async fn answer(context: &Context, finished: Finished, tables: &[TableValue], is_script: bool) -> Result<Outcome> {
    let Finished { exit_code, stdout, mut stderr } = finished;
    let bytes = collect::read(&context.directory, RESULT_FILE, limits::OUTPUT_OBJECT_BYTES_MAX)?;
    let returned = match &bytes {
        Some(bytes) => serde_json::from_slice(bytes).map_err(|error| Error::Output {
            code: "result",
            message: format!("what the function returned cannot be read: {error}"),
            advice: "return numbers, texts, lists and dicts",
        })?,
        // `sys.exit(0)` ends a program well without returning anything.
        None => Returned::default(),
    };
    if let Some(raised) = returned.error {
        return Ok(Outcome::Fail { error: raised.into_task_error(&context.masks.fresh()) });
    }
    if exit_code != 0 {
        let error = TaskError::new(ErrorClass::Execution, "exit", format!("exited with {exit_code}"));
        return Ok(Outcome::Fail { error: error.with_detail(&stderr.end(&context.masks.fresh()).unwrap_or_default()) });
    }
    let mut outputs = returned.outputs;
    if is_script {
        outputs.extend(process::written_outputs(context)?);
    }
    for (name, written) in returned.tables {
        let table = store(context, &name, written).await?;
        outputs.insert(name, table.to_value());
    }
    for (name, number) in returned.passed {
        let table = tables.get(number).ok_or_else(|| strange(&name, "is a table that was never given"))?;
        outputs.insert(name, table.to_value());
    }
    let files = collect::out_files(context).await?;
    process::claim_files(context, &mut outputs, &files);
    process::fix(
        &mut outputs,
        "the result",
        [("stdout", collect::printed(context, "stdout", stdout).await?), ("files", files.into())],
    )?;
    Ok(Outcome::Done { outputs, evidence: vec![Evidence::checked("exit_code")] })
}

impl Raised {
    fn into_task_error(self, masks: &Masks) -> TaskError {
        let class = match self.code.as_str() {
            "function" | "args" => ErrorClass::Validation,
            _ => ErrorClass::Execution,
        };
        let mut error = TaskError::new(class, &self.code, self.message);
        if self.code == "memory" {
            error = error.with_advice("raise `limits.memory`, or go through tables row by row");
        }
        match self.traceback {
            // Masked before it is cut to what travels.
            Some(traceback) => error.with_detail(&masks.text(&traceback)),
            None => error,
        }
    }
}

/// Stores a table that the function wrote, after looking at every line of it.
async fn store(context: &Context, name: &str, written: Written) -> Result<TableValue> {
    let path = Path::new(&written.path).strip_prefix(&context.directory).unwrap_or(Path::new(&written.path));
    let path = laydown::relative(&path.display().to_string())?;
    let file = collect::open_beneath(&context.directory, &path.display().to_string())?;
    let file = file.ok_or_else(|| strange(name, "was not written"))?;
    let width = written.columns.len();
    let counted = runtime::blocking(move || count_rows(BufReader::new(file), width)).await;
    let count =
        counted.unwrap_or(Err(0)).map_err(|line| strange(name, &format!("has no proper row in line {line}")))?;
    let stored = context.artifacts.put_file(&context.directory.join(path)).await?;
    Ok(TableValue {
        name: name.to_owned(),
        sha256: stored.sha256,
        bytes: stored.bytes,
        media_type: TABLE_MEDIA_TYPE.to_owned(),
        count,
        columns: written.columns,
    })
}

/// Rows of a table's body; the number of the first line that is none.
fn count_rows(body: impl BufRead, width: usize) -> std::result::Result<u64, u64> {
    let mut count = 0;
    for line in body.lines() {
        let row = line.ok().and_then(|line| serde_json::from_str::<Vec<serde::de::IgnoredAny>>(&line).ok());
        if row.is_none_or(|row| row.len() != width) {
            return Err(count + 1);
        }
        count += 1;
    }
    Ok(count)
}

fn strange(name: &str, what: &str) -> Error {
    Error::Output { code: "result", message: format!("the table `{name}` {what}"), advice: "return rows as dicts" }
}

/// Every file and table value in `value`, with the way to it.
fn find_files(value: &Value, at: &mut Vec<Value>, found: &mut Vec<(Vec<Value>, FileValue)>) {
    if let Some(file) = FileValue::from_value(value) {
        found.push((at.clone(), file));
        return;
    }
    let steps: Vec<(Value, &Value)> = match value {
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.into(), item)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, item)| (name.as_str().into(), item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (step, item) in steps {
        at.push(step);
        find_files(item, at, found);
        at.pop();
    }
}

fn step_into<'a>(value: &'a mut Value, step: &Value) -> Option<&'a mut Value> {
    match step {
        Value::String(name) => value.get_mut(name.as_str()),
        Value::Number(index) => value.get_mut(usize::try_from(index.as_u64()?).ok()?),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
