//! `candor list`: the jobs of a deployment, the newest first.

use candor_platform::config::Environment;
use candor_platform::store::JobLine;
use candor_proto::time::rfc3339;
use candor_proto::{JobResult, JobState};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::arguments::List;
use crate::deployment;
use crate::failure::{Code, Exit, Failure};
use crate::settings;
use crate::terminal;

/// Lines that are read of each partition where a filter may leave some out.
const FILTERED_LINES_MAX: usize = 10_000;

/// Lists.
pub(super) async fn list(options: &List, environment: &Environment) -> Result<Exit, Failure> {
    let states: Vec<JobState> = words("state", &options.state)?;
    let results: Vec<JobResult> = words("result", &options.result)?;
    let filtered = !states.is_empty() || !results.is_empty() || options.workflow.is_some();
    let deployment = deployment::open(&settings::place(&options.place, environment)?).await?;
    let lines = deployment.lines(if filtered { FILTERED_LINES_MAX } else { options.limit }).await?;
    let wanted = |line: &&JobLine| {
        (states.is_empty() || states.contains(&line.state))
            && (results.is_empty() || line.result.is_some_and(|result| results.contains(&result)))
            && options.workflow.as_ref().is_none_or(|name| *name == line.workflow)
    };
    let chosen: Vec<&JobLine> = lines.iter().filter(wanted).take(options.limit).collect();
    if options.json {
        terminal::document(&chosen.iter().map(|line| document(line)).collect::<Vec<_>>());
    } else {
        terminal::data(&table(&chosen));
    }
    Ok(Exit::Complete)
}

/// The states or results that somebody typed.
fn words<T: DeserializeOwned>(what: &str, given: &[String]) -> Result<Vec<T>, Failure> {
    let read = |word: &String| {
        serde_json::from_value(Value::String(word.replace('-', "_"))).map_err(|error| {
            Failure::usage(Code::Usage, format!("`{word}` is no {what} of a job: {error}"))
                .advice(format!("`candor help list` says more about --{what}"))
        })
    };
    given.iter().flat_map(|text| text.split(',')).map(|word| read(&word.trim().to_owned())).collect()
}

fn document(line: &JobLine) -> Value {
    json!({
        "job": line.job,
        "workflow": line.workflow,
        "state": line.state,
        "result": line.result,
        "created_at": rfc3339(line.created_at),
        "ended_at": line.ended_at.map(rfc3339),
        "tasks": {
            "total": line.total, "succeeded": line.succeeded, "failed": line.failed, "running": line.running,
        },
    })
}

fn table(lines: &[&JobLine]) -> String {
    let mut rows = vec![["job", "workflow", "state", "tasks", "created"].map(str::to_owned)];
    for line in lines {
        let state = line.result.map_or_else(|| word(&line.state), |result| word(&result));
        let tasks = format!("{}/{}", line.succeeded, line.total);
        rows.push([line.job.to_string(), terminal::clean(&line.workflow), state, tasks, rfc3339(line.created_at)]);
    }
    terminal::columns(&rows)
}

/// How something is written in messages, with spaces.
pub(super) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word.replace('_', " "),
        Ok(_) | Err(_) => String::new(),
    }
}
