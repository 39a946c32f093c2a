//! `exec`: a program without a shell, in plain text or with JSON in and out.
//!
//! With `protocol: json` the program reads one JSON value: `with.stdin` when it is given, otherwise the object of all fields of
//! `with` but `program`, `args`, `protocol` and `ok_exit_codes`. It writes one JSON object to standard output, which becomes
//! the task's outputs. A file or table value in the input has the further field `path`, where it is laid down.

use std::sync::Arc;

use async_trait::async_trait;
use candor_proto::{Class, Evidence, FileValue, Outcome, Score};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::process::{self, Call, Finished, Processes};
use super::{Action, Context};
use crate::error::{Error, Result};
use crate::executor::answer::TOO_LARGE_ADVICE;
use crate::{collect, laydown, limits};

/// The output that says how sure the program is.
const CONFIDENCE: &str = "confidence";

/// Runs a program.
#[derive(Clone, Debug)]
pub struct Exec(pub Arc<Processes>);

#[derive(Debug, Deserialize)]
struct With {
    program: Value,
    #[serde(default)]
    args: Vec<Value>,
    stdin: Option<Value>,
    #[serde(default)]
    protocol: Protocol,
    #[serde(default = "zero")]
    ok_exit_codes: Vec<i32>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Protocol {
    #[default]
    Text,
    Json,
}

fn zero() -> Vec<i32> {
    vec![0]
}

#[async_trait]
impl Action for Exec {
    fn name(&self) -> &'static str {
        "exec"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        let with: With = match serde_json::from_value(with) {
            Ok(with) => with,
            Err(error) => return process::wrong_with("exec", &error),
        };
        let protocol = with.protocol;
        let call = match self.call(context, with).await {
            Ok(call) => call,
            Err(error) => return process::failed(error),
        };
        let finished = match self.0.run(context, call).await {
            Ok(finished) => finished,
            Err(outcome) => return outcome,
        };
        let answered = match protocol {
            Protocol::Text => {
                process::outputs(context, finished).await.map(|outputs| (outputs, vec![Evidence::checked("exit_code")]))
            }
            Protocol::Json => spoken(context, finished).await,
        };
        match answered {
            Ok((outputs, evidence)) => Outcome::Done { outputs, evidence },
            Err(error) => process::failed(error),
        }
    }
}

impl Exec {
    async fn call(&self, context: &Context, with: With) -> Result<Call> {
        let sharing = self.0.sharing();
        if let (Protocol::Text, Some(name)) = (with.protocol, with.others.keys().next()) {
            let message = format!("exec has no field `{name}` unless `protocol` is json");
            return Err(Error::input(message, "remove it, or write `protocol: json`"));
        }
        let program = match &with.program {
            Value::String(name) if !name.contains('/') && !context.files.contains_key(name) => name.clone(),
            value => executable(context, &process::path(context, "program", value, sharing).await?)?,
        };
        let mut arguments = Vec::with_capacity(with.args.len());
        for (index, value) in with.args.iter().enumerate() {
            arguments.push(process::argument(context, &format!("args[{index}]"), value, sharing).await?);
        }
        let stdin = match with.protocol {
            Protocol::Text => self.0.stdin(context, with.stdin.as_ref()).await?,
            Protocol::Json => {
                let said = with.stdin.unwrap_or(Value::Object(with.others));
                Some(spoken_to(context, &self.0, said).await?)
            }
        };
        Ok(Call { program, arguments, stdin, ok_codes: with.ok_exit_codes })
    }
}

/// The JSON on standard input of a program, with every file in it laid down.
pub(super) async fn spoken_to(context: &Context, processes: &Processes, said: Value) -> Result<std::path::PathBuf> {
    let mut said = said;
    let mut open = vec![&mut said];
    while let Some(value) = open.pop() {
        if let Some(file) = FileValue::from_value(value) {
            let path = laydown::file(context, &file, processes.sharing()).await?;
            if let Some(fields) = value.as_object_mut() {
                fields.insert("path".to_owned(), path.into());
            }
            continue;
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values_mut()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    laydown::text(context, "request.json", &said.to_string())
}

/// The outputs of a program that answered with a JSON object, and what they rest on.
pub(super) async fn spoken(context: &Context, finished: Finished) -> Result<(Map<String, Value>, Vec<Evidence>)> {
    let Finished { exit_code, mut stdout, stderr } = finished;
    let bytes =
        stdout.whole(limits::OUTPUT_OBJECT_BYTES_MAX).map_err(|error| Error::io("read standard output", &error))?;
    let Some(bytes) = bytes else {
        return Err(Error::Output {
            code: "output_too_large",
            message: format!("the object on standard output has more than {} bytes", limits::OUTPUT_OBJECT_BYTES_MAX),
            advice: TOO_LARGE_ADVICE,
        });
    };
    if bytes.is_empty() {
        return Err(Error::Output {
            code: "output_json",
            message: "the program wrote nothing to standard output".to_owned(),
            advice: "with `protocol: json` it must write one JSON object there",
        });
    }
    let mut outputs = collect::object("what the program wrote to standard output", &bytes)?;
    let mut evidence = vec![Evidence::checked("exit_code")];
    if let Some(reported) = outputs.remove(CONFIDENCE) {
        let score = reported.as_f64().and_then(|number| Score::new(number).ok());
        let score = score.ok_or_else(|| Error::Output {
            code: "output_confidence",
            message: format!("`{CONFIDENCE}` is {reported}"),
            advice: "report a number from 0 to 1, or none",
        })?;
        evidence.push(Evidence::limit(Class::Observed, "reported", score));
    }
    let files = collect::out_files(context).await?;
    process::claim_files(context, &mut outputs, &files);
    let fixed = [
        ("stderr", collect::printed(context, "stderr", stderr).await?),
        ("exit_code", exit_code.into()),
        ("files", files.into()),
    ];
    process::fix(&mut outputs, "the object on standard output", fixed)?;
    Ok((outputs, evidence))
}

/// A program of the plan, which was laid down without the right to execute it. An absolute one stays as it is.
fn executable(context: &Context, path: &str) -> Result<String> {
    if path.starts_with('/') {
        return Ok(path.to_owned());
    }
    let from = context.directory.join(path);
    let copy = from.with_extension("candor-program");
    let failed = |error: &std::io::Error| Error::Input {
        code: "path",
        message: format!("the program `{path}` is no file of this workflow: {error}"),
        advice: "list it under `files`",
    };
    // A copy, because what was laid down may share its bytes, and so its mode, with the artifacts.
    std::fs::copy(&from, &copy).map_err(|error| failed(&error))?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o555);
    std::fs::set_permissions(&copy, mode).map_err(|error| failed(&error))?;
    std::fs::rename(&copy, &from).map_err(|error| failed(&error))?;
    Ok(format!("./{path}"))
}
