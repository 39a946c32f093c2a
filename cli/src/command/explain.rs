//! `candor explain`: the recorded bytes behind a sentence.

use std::path::Path;

use candor_platform::config::Environment;
use candor_proto::statement::written_form;
use candor_proto::{Job, Statement};
use candor_workflow::catalogue::Catalogue;
use serde_json::{Value, json};

use crate::arguments::Explain;
use crate::deployment;
use crate::failure::{Code, Exit, Failure};
use crate::gather;
use crate::run_directory::{self, Refuted};
use crate::settings;
use crate::terminal;

/// Bytes of a span that are shown to people; `--json` has them all.
const SHOWN_BYTES_MAX: usize = 2_000;

/// Shows what the statements of an answer rest on.
pub(super) async fn explain(options: &Explain, environment: &Environment) -> Result<Exit, Failure> {
    let catalogue = gather::catalogue(None)?;
    let job = if options.run_dir.exists() {
        verified(&options.run_dir, &catalogue)?
    } else {
        recorded(options, environment).await?
    };
    let answer = candor_assembler::answer(&job, &catalogue).ok_or_else(|| {
        Failure::usage(Code::NoStatement, format!("{} has not ended", job.id()))
            .advice("`candor watch` waits for its end")
    })?;
    let wanted =
        |statement: &&Statement| options.statement.as_deref().is_none_or(|id| id.eq_ignore_ascii_case(statement.id()));
    let chosen: Vec<&Statement> = answer.statements.iter().filter(wanted).collect();
    if let (true, Some(id)) = (chosen.is_empty(), &options.statement) {
        let last = answer.statements.last().map_or("none", Statement::id);
        return Err(Failure::usage(Code::NoStatement, format!("the answer has no statement `{id}`"))
            .advice(format!("the last one is {last}")));
    }
    if options.json {
        let explained: Vec<Value> = chosen.iter().map(|statement| document(&job, statement)).collect();
        terminal::document(&explained);
    } else {
        chosen.iter().for_each(|statement| tell(&job, statement));
    }
    Ok(Exit::Complete)
}

/// The job of a run directory, which is verified first.
fn verified(folder: &Path, catalogue: &Catalogue) -> Result<Job, Failure> {
    let verified = run_directory::verify(folder, catalogue).map_err(|refuted| match refuted {
        Refuted::Wrong(wrong) => Failure::refuted(Code::DoesNotHold, wrong.join("; "))
            .advice("`candor verify` names everything that does not hold"),
        Refuted::Unreadable(failure) => failure,
    })?;
    Ok(verified.job)
}

/// The job of a deployment, from its log.
async fn recorded(options: &Explain, environment: &Environment) -> Result<Job, Failure> {
    let text = options.run_dir.to_string_lossy();
    let id = deployment::id(&text).map_err(|_| {
        Failure::usage(Code::NotARunDirectory, format!("{text} is neither a folder nor the id of a job"))
            .advice("give the run directory that `candor run` printed, or a job's id")
    })?;
    let deployment = deployment::open(&settings::place(&options.place, environment)?).await?;
    Ok(deployment::job(&*deployment, id).await?.0)
}

fn document(job: &Job, statement: &Statement) -> Value {
    let spans: Vec<Value> = statement
        .spans()
        .iter()
        .map(|span| {
            let found = bytes(job, &span.task, &span.pointer);
            json!({"task": span.task, "pointer": span.pointer, "sha256": span.sha256, "bytes": found})
        })
        .collect();
    json!({"id": statement.id(), "text": statement.text(), "confidence": statement.confidence(), "spans": spans})
}

fn tell(job: &Job, statement: &Statement) {
    let sure = statement.confidence();
    let (score, class) = (sure.score().get(), sure.class().word());
    let mut text = format!("{}  {}\n", statement.id(), terminal::clean(statement.text().trim_end()));
    text.push_str(&format!(
        "    confidence {score:.2} {class} ({:.2} to {:.2})\n",
        sure.low().get(),
        sure.high().get()
    ));
    for span in statement.spans() {
        text.push_str(&format!("    {}{}  sha256 {}\n", span.task, span.pointer, span.sha256));
        let found = bytes(job, &span.task, &span.pointer).unwrap_or_default();
        let mut end = found.len().min(SHOWN_BYTES_MAX);
        while !found.is_char_boundary(end) {
            end -= 1;
        }
        for line in terminal::clean_lines(&found[..end]).lines() {
            text.push_str(&format!("      | {line}\n"));
        }
        if end < found.len() {
            text.push_str(&format!("      … {} more bytes\n", found.len() - end));
        }
    }
    terminal::data(&text);
}

/// The recorded bytes that a span means.
fn bytes(job: &Job, task: &str, pointer: &str) -> Option<String> {
    let place = job.graph().place(task)?;
    job.output(place, pointer).map(|value| written_form(&value))
}
