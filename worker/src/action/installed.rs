//! An executable that lies in the actions folder with its declaration beside it: `NAME.action.json`.
//!
//! It reads the task's `with` as JSON and writes its outputs as one JSON object, as `exec` with `protocol: json`. Where its
//! schema says `format: path` it gets the path of a file that is laid down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use candor_proto::{Class, ErrorClass, Evidence, FileValue, Outcome, Score, TaskError};
use candor_workflow::catalogue::{ActionSpec, Catalogue, OutputKind};
use candor_workflow::fit_outputs;
use candor_workflow::validator::Validator;
use serde_json::{Map, Value};

use super::process::{self, Call, Processes};
use super::{Action, Context, exec};
use crate::error::{Error, Result};

/// How the name of a declaration ends.
const SUFFIX: &str = ".action.json";
/// Largest declaration, in bytes: a page of JSON Schema.
const DECLARATION_BYTES_MAX: u64 = 256 * 1024;

/// An installed executable.
#[derive(Clone, Debug)]
pub struct Installed {
    spec: Arc<ActionSpec>,
    schema: Arc<Validator>,
    program: PathBuf,
    processes: Arc<Processes>,
}

/// The actions that lie in a folder, each by its declaration.
pub fn read_folder(folder: &Path, processes: &Arc<Processes>) -> Result<Vec<Installed>> {
    let failed = |error: &std::io::Error| Error::io(format!("read the actions in {}", folder.display()), error);
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| failed(&error))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()
        .map_err(|error| failed(&error))?;
    names.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SUFFIX)));
    names.sort();
    names.iter().map(|path| read_one(folder, path, processes)).collect()
}

fn read_one(folder: &Path, path: &Path, processes: &Arc<Processes>) -> Result<Installed> {
    let wrong = |why: String| Error::Configuration(format!("the action {}: {why}", path.display()));
    let found = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if found.len() > DECLARATION_BYTES_MAX {
        return Err(wrong(format!("its declaration has more than {DECLARATION_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    // The same door as the planner's, so that no action is known to one of them only.
    let mut catalogue = Catalogue::default();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    catalogue.install(&name, &text).map_err(|problem| wrong(format!("{}; {}", problem.message, problem.advice)))?;
    let spec = catalogue.iter().next().cloned().ok_or_else(|| wrong("it declares nothing".to_owned()))?;
    let schema = Validator::new(&spec.with).map_err(|reason| wrong(format!("`with` is no JSON Schema: {reason}")))?;
    let program = spec.program.as_deref().unwrap_or_default();
    let program =
        folder.join(program).canonicalize().map_err(|error| wrong(format!("its program `{program}`: {error}")))?;
    Ok(Installed { spec: Arc::new(spec), schema: Arc::new(schema), program, processes: Arc::clone(processes) })
}

#[async_trait]
impl Action for Installed {
    fn name(&self) -> &str {
        &self.spec.name
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        let stdin = match self.request(context, with).await {
            Ok(stdin) => stdin,
            Err(error) => return process::failed(error),
        };
        let program = self.program.display().to_string();
        let call = Call { program, arguments: Vec::new(), stdin: Some(stdin), ok_codes: vec![0] };
        let finished = match self.processes.run(context, call).await {
            Ok(finished) => finished,
            Err(outcome) => return outcome,
        };
        match exec::spoken(context, finished).await {
            Ok((outputs, evidence)) => self.judged(outputs, evidence),
            Err(error) => process::failed(error),
        }
    }
}

impl Installed {
    /// Its declaration.
    pub fn spec(&self) -> &ActionSpec {
        &self.spec
    }

    async fn request(&self, context: &Context, mut with: Value) -> Result<PathBuf> {
        let properties = self.spec.with.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            if schema.get("format").and_then(Value::as_str) != Some("path") {
                continue;
            }
            let Some(value) = with.get_mut(name) else { continue };
            if FileValue::from_value(value).is_some() || value.is_string() {
                *value = process::path(context, name, value, self.processes.sharing()).await?.into();
            }
        }
        self.schema.check(&with).map_err(|reason| {
            let message = format!("`with` of {} does not fit what the action declares: {reason}", self.spec.name);
            Error::input(message, "compare it with the action's declaration")
        })?;
        exec::spoken_to(context, &self.processes, with).await
    }

    /// What it declares it must give.
    fn judged(&self, mut outputs: Map<String, Value>, mut evidence: Vec<Evidence>) -> Outcome {
        for (name, spec) in &self.spec.outputs {
            let (code, message) = match &spec.kind {
                OutputKind::One(kind) => match fit_outputs(&mut outputs, &BTreeMap::from([(name.clone(), *kind)])) {
                    Ok(()) => continue,
                    Err(problem) => (problem.code, problem.message),
                },
                OutputKind::Either(kinds) => match outputs.get(name) {
                    Some(value) if kinds.iter().any(|kind| kind.admits(value)) => continue,
                    Some(_) => {
                        ("output_type", format!("the output `{name}` is not of the type that the action declares"))
                    }
                    None => ("output_missing", format!("the output `{name}` that the action declares is missing")),
                },
            };
            let advice = format!("mend the program of the action `{}`, or its declaration", self.spec.name);
            return Outcome::Fail { error: TaskError::new(ErrorClass::Validation, code, message).with_advice(advice) };
        }
        if self.spec.model {
            evidence.push(Evidence::limit(Class::Asserted, "model", Score::ONE));
        }
        Outcome::Done { outputs, evidence }
    }
}
