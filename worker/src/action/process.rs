//! What the actions that run somebody's code share: the environment, the run under a supervisor, and the fixed outputs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candor_proto::limits::ERROR_DETAIL_BYTES_MAX;
use candor_proto::{ErrorClass, FileValue, Outcome, TaskError, ValueType};
use serde_json::{Map, Value};

use super::Context;
use crate::error::{Error, Result};
use crate::laydown::{self, OUT, OWN, Sharing};
use crate::secrets::Masks;
use crate::supervisor::{Captured, Ending, Program, Supervisor};
use crate::{classify, collect, limits};

/// The file that `$CANDOR_OUTPUT` names, in the working directory.
pub(super) const OUTPUT_FILE: &str = ".candor/output.json";

/// Everything that an action needs to run a program.
#[derive(Debug)]
pub struct Processes {
    /// Runs it.
    pub supervisor: Supervisor,
    /// The worker's own `PATH`.
    pub path: String,
}

/// A program that an action runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) stdin: Option<PathBuf>,
    /// Exit codes that are a success.
    pub(super) ok_codes: Vec<i32>,
}

/// A program that ended well.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) exit_code: i32,
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
}

impl Processes {
    /// Whether what is laid down may share its bytes with the artifacts.
    pub fn sharing(&self) -> Sharing {
        if self.supervisor.separates_users() { Sharing::Linked } else { Sharing::Copied }
    }

    /// Runs a program; `Err` is the outcome when it did not end well.
    pub(super) async fn run(&self, context: &Context, call: Call) -> std::result::Result<Finished, Outcome> {
        let environment = self.environment(context);
        check_nul(&environment, &call).map_err(failed)?;
        let program = Program { program: call.program, arguments: call.arguments, environment, stdin: call.stdin };
        let ending = self.supervisor.run(context, program).await.map_err(failed)?;
        let Ending { how, stdout, mut stderr } = ending;
        let exit_code = match classify::program(&how, &call.ok_codes, context.timeout_ms) {
            Ok(code) => code,
            Err(outcome) => return Err(with_detail(outcome, &mut stderr, stdout.is_cut(), &context.masks.fresh())),
        };
        Ok(Finished { exit_code, stdout, stderr })
    }

    /// The whole environment of an attempt. Nothing of the worker's own is in it but `PATH`.
    fn environment(&self, context: &Context) -> BTreeMap<String, String> {
        let home = context.directory.display().to_string();
        let mut environment =
            BTreeMap::from([("PATH".to_owned(), self.path.clone()), ("LANG".to_owned(), "C.UTF-8".to_owned())]);
        environment.extend(context.env.clone());
        // These say what is the case, so a task cannot say otherwise.
        let fixed = [
            ("HOME", home.clone()),
            ("PWD", home.clone()),
            ("CANDOR_JOB", context.job.to_string()),
            ("CANDOR_TASK", context.task.clone()),
            ("CANDOR_ATTEMPT", context.number.to_string()),
            ("CANDOR_IDEMPOTENCY_KEY", context.idempotency_key.clone()),
            ("CANDOR_OUT", format!("{home}/{OUT}")),
            ("CANDOR_OUTPUT", format!("{home}/{OUTPUT_FILE}")),
        ];
        environment.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
        environment
    }

    /// Standard input from `with.stdin`: a text, or a file value, which is laid down.
    pub(super) async fn stdin(&self, context: &Context, value: Option<&Value>) -> Result<Option<PathBuf>> {
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(laydown::text(context, "stdin", text)?)),
            Some(value) => match FileValue::from_value(value) {
                Some(file) => {
                    let place = laydown::file(context, &file, self.sharing()).await?;
                    Ok(Some(context.directory.join(place)))
                }
                None => Err(Error::input(
                    "`stdin` is neither a text nor a file",
                    "give a text, or the `file` output of a task",
                )),
            },
        }
    }
}

/// The kernel ends a text at its first NUL, so one with more behind it cannot be handed over.
fn check_nul(environment: &BTreeMap<String, String>, call: &Call) -> Result<()> {
    for (name, value) in environment {
        if name.is_empty() || name.contains(['=', '\0']) {
            let message = format!("`{}` is no name of an environment variable", name.escape_debug());
            return Err(Error::Input { code: "env", message, advice: "use letters, digits and `_`" });
        }
        if value.contains('\0') {
            let message = format!("the environment variable `{name}` has a NUL character in its value");
            return Err(Error::Input { code: "env", message, advice: "hand such a value over as a file" });
        }
    }
    let named = std::iter::once(("the program's name".to_owned(), &call.program));
    let arguments = call.arguments.iter().enumerate();
    let numbered = arguments.map(|(index, text)| (format!("argument {} of `{}`", index + 1, call.program), text));
    match named.chain(numbered).find(|(_, text)| text.contains('\0')) {
        Some((what, _)) => {
            Err(Error::input(format!("{what} has a NUL character in it"), "hand such a value over as a file"))
        }
        None => Ok(()),
    }
}

/// The outputs of a program that speaks no protocol: what it printed, its exit code, what it wrote to `$CANDOR_OUTPUT`
/// and below `out/`.
pub(super) async fn outputs(context: &Context, finished: Finished) -> Result<Map<String, Value>> {
    let mut outputs = written_outputs(context)?;
    let files = collect::out_files(context).await?;
    claim_files(context, &mut outputs, &files);
    let fixed = [
        ("stdout", collect::printed(context, "stdout", finished.stdout).await?),
        ("stderr", collect::printed(context, "stderr", finished.stderr).await?),
        ("exit_code", Value::from(finished.exit_code)),
        ("files", Value::Array(files)),
    ];
    fix(&mut outputs, "the file $CANDOR_OUTPUT", fixed)?;
    Ok(outputs)
}

/// The object that the attempt wrote to `$CANDOR_OUTPUT`.
pub(super) fn written_outputs(context: &Context) -> Result<Map<String, Value>> {
    let bytes =
        collect::read(&context.directory, OUTPUT_FILE, limits::OUTPUT_OBJECT_BYTES_MAX).map_err(said_of_output)?;
    collect::object("the file $CANDOR_OUTPUT", &bytes.unwrap_or_default())
}

/// Adds the action's own outputs, whose names nobody else may use.
pub(super) fn fix<const N: usize>(
    outputs: &mut Map<String, Value>,
    place: &str,
    fixed: [(&str, Value); N],
) -> Result<()> {
    for (name, value) in fixed {
        if outputs.insert(name.to_owned(), value).is_some() {
            return Err(reserved(place, name));
        }
    }
    Ok(())
}

/// A declared output of type file that is a path becomes the file below `out/` that it names, if there is one.
pub(super) fn claim_files(context: &Context, outputs: &mut Map<String, Value>, files: &[Value]) {
    for (name, kind) in &context.outputs {
        let Some(Value::String(path)) = outputs.get(name).filter(|_| *kind == ValueType::File) else { continue };
        let out = context.directory.join(OUT);
        let below = std::path::Path::new(path).strip_prefix(&out).ok().and_then(std::path::Path::to_str);
        let below = below.unwrap_or(path).trim_start_matches("./").trim_start_matches("out/").to_owned();
        if let Some(file) = files.iter().find(|file| file["name"] == below.as_str()) {
            outputs.insert(name.clone(), file.clone());
        }
    }
}

/// An output under a name that is the action's own.
fn reserved(place: &str, name: &str) -> Error {
    Error::Output {
        code: "output_reserved",
        message: format!("{place} has a key `{name}`, which is an output of the action itself"),
        advice: "use another name",
    }
}

/// An error of ours as an outcome.
pub(super) fn failed(error: Error) -> Outcome {
    Outcome::Fail { error: error.into_task_error() }
}

/// A `with` that the action cannot use.
pub(super) fn wrong_with(action: &str, error: &serde_json::Error) -> Outcome {
    Outcome::Fail { error: TaskError::new(ErrorClass::Validation, "with", format!("`with` of {action}: {error}")) }
}

/// The name of the file as its author knows it.
fn said_of_output(error: Error) -> Error {
    match error {
        Error::Output { code, message, advice } => {
            Error::Output { code, message: message.replace(OUTPUT_FILE, "the file $CANDOR_OUTPUT"), advice }
        }
        other => other,
    }
}

fn with_detail(outcome: Outcome, stderr: &mut Captured, stdout_cut: bool, masks: &Masks) -> Outcome {
    let Outcome::Fail { error } = outcome else { return outcome };
    let mut detail = match stderr.end(masks) {
        Ok(text) => text,
        Err(error) => format!("(standard error cannot be read: {error})"),
    };
    if stderr.is_cut() || stdout_cut {
        let cut = if stderr.is_cut() { "standard error" } else { "standard output" };
        let mark = format!("\n[{cut} was cut here]\n");
        let mut keep = detail.len().saturating_sub(ERROR_DETAIL_BYTES_MAX.saturating_sub(mark.len()));
        while !detail.is_char_boundary(keep) {
            keep += 1;
        }
        detail = format!("{}{mark}", &detail[keep..]);
    }
    Outcome::Fail { error: if detail.is_empty() { error } else { error.with_detail(&detail) } }
}

/// The worker's own folder, as a path in the working directory.
pub(super) fn own(name: &str) -> String {
    format!("{OWN}/{name}")
}

/// A path to read: a relative one as it is, a file value laid down, an absolute one where the worker allows it.
pub(super) async fn path(context: &Context, field: &str, value: &Value, sharing: Sharing) -> Result<String> {
    if let Some(file) = FileValue::from_value(value) {
        return laydown::file(context, &file, sharing).await;
    }
    let Some(text) = value.as_str() else {
        return Err(Error::input(
            format!("`{field}` is neither a path nor a file"),
            "give a path, or the `file` output of a task",
        ));
    };
    if !text.starts_with('/') {
        laydown::relative(text)?;
        return Ok(text.to_owned());
    }
    let allowed = context.allow_paths.as_ref().is_none_or(|parents| {
        // Resolved, so that neither `..` nor a link leads out of an allowed folder.
        std::fs::canonicalize(text).is_ok_and(|real| parents.iter().any(|parent| real.starts_with(parent)))
    });
    if allowed {
        return Ok(text.to_owned());
    }
    Err(Error::Input {
        code: "path",
        message: format!("`{field}`: this worker does not allow the path {text}"),
        advice: "name a parent folder with --allow-path where the worker runs, or put the file beside the workflow",
    })
}

/// One argument of a program: a file value as the path where it is laid down, a scalar as text, anything else as JSON.
pub(super) async fn argument(context: &Context, field: &str, value: &Value, sharing: Sharing) -> Result<String> {
    if FileValue::from_value(value).is_some() {
        return path(context, field, value, sharing).await;
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    if text.contains('\0') {
        return Err(Error::input(format!("`{field}` has a NUL character in it"), "hand such a value over as a file"));
    }
    Ok(text)
}
