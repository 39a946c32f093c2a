//! `shell`: a script for `/bin/sh -eu` or `bash -euo pipefail`.
//!
//! The script is handed to the shell as it stands. Values come in by environment variables, never as text put into the script.

use std::sync::Arc;

use async_trait::async_trait;
use candor_proto::{Evidence, Outcome};
use serde::Deserialize;
use serde_json::Value;

use super::process::{self, Call, Processes};
use super::{Action, Context};
use crate::error::{Error, Result};
use crate::laydown;
use crate::limits::SCRIPT_ARGUMENT_BYTES_MAX;

/// Runs a script.
#[derive(Clone, Debug)]
pub struct Shell(pub Arc<Processes>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    run: Option<String>,
    file: Option<Value>,
    #[serde(default)]
    args: Vec<Value>,
    stdin: Option<Value>,
    #[serde(default)]
    shell: Kind,
    #[serde(default = "zero")]
    ok_exit_codes: Vec<i32>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Sh,
    Bash,
}

fn zero() -> Vec<i32> {
    vec![0]
}

#[async_trait]
impl Action for Shell {
    fn name(&self) -> &'static str {
        "shell"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        let with: With = match serde_json::from_value(with) {
            Ok(with) => with,
            Err(error) => return process::wrong_with("shell", &error),
        };
        let call = match self.call(context, with).await {
            Ok(call) => call,
            Err(error) => return process::failed(error),
        };
        let finished = match self.0.run(context, call).await {
            Ok(finished) => finished,
            Err(outcome) => return outcome,
        };
        match process::outputs(context, finished).await {
            Ok(outputs) => Outcome::Done { outputs, evidence: vec![Evidence::checked("exit_code")] },
            Err(error) => process::failed(error),
        }
    }
}

impl Shell {
    async fn call(&self, context: &Context, with: With) -> Result<Call> {
        let (program, flags): (&str, &[&str]) = match with.shell {
            Kind::Sh => ("/bin/sh", &["-eu"]),
            Kind::Bash => ("bash", &["-euo", "pipefail"]),
        };
        let mut arguments: Vec<String> = flags.iter().map(ToString::to_string).collect();
        if with.run.as_ref().is_some_and(|script| script.contains('\0')) {
            return Err(Error::input("the script has a NUL character in it", "write it as `\\000` with `printf`"));
        }
        match (with.run, with.file) {
            (Some(script), None) if script.len() <= SCRIPT_ARGUMENT_BYTES_MAX => {
                arguments.extend(["-c".to_owned(), "--".to_owned(), script, "sh".to_owned()]);
            }
            (Some(script), None) => {
                laydown::text(context, "script", &script)?;
                arguments.extend(["--".to_owned(), process::own("script")]);
            }
            (None, Some(file)) => {
                arguments.extend(["--".to_owned(), process::path(context, "file", &file, self.0.sharing()).await?]);
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::input("shell needs either `run` or `file`", "give exactly one of the two"));
            }
        }
        for (index, value) in with.args.iter().enumerate() {
            arguments.push(process::argument(context, &format!("args[{index}]"), value, self.0.sharing()).await?);
        }
        Ok(Call {
            program: program.to_owned(),
            arguments,
            stdin: self.0.stdin(context, with.stdin.as_ref()).await?,
            ok_codes: with.ok_exit_codes,
        })
    }
}
