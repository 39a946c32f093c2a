//! `candor validate`: every mistake of a workflow, at its place.

use candor_platform::config::Environment;
use candor_proto::message::Severity;
use candor_workflow::{Mode, Source, compile, render};
use serde_json::json;

use crate::arguments::Check;
use crate::failure::{Exit, Failure};
use crate::gather;
use crate::terminal;

/// Checks a workflow; ends with 2 when it has errors.
pub(crate) fn validate(options: &Check, environment: &Environment) -> Result<Exit, Failure> {
    let workflow = gather::workflow(&options.source)?;
    let catalogue = gather::catalogue(options.source.actions_dir.as_deref())?;
    let (files, _) = gather::files(&workflow, &catalogue)?;
    let source = Source { name: &workflow.name, text: &workflow.text };
    let compiled = compile(&source, &files, &catalogue, Mode::Validate);
    let errors = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    let given = options.source.inputs.is_some() || !options.source.input.is_empty();
    if let (Some(plan), true) = (&compiled.plan, given && errors == 0) {
        gather::inputs(&options.source, plan)?.check(plan)?;
    }
    let name = terminal::clean(&workflow.name);
    if options.json {
        terminal::document(&json!({"valid": errors == 0, "diagnostics": compiled.diagnostics}));
    } else if compiled.diagnostics.is_empty() {
        terminal::data(&format!("{name}: valid\n"));
    }
    if !compiled.diagnostics.is_empty() {
        let warnings = compiled.diagnostics.len() - errors;
        terminal::line(render(&name, &workflow.text, &compiled.diagnostics, terminal::paint(environment)).trim_end());
        terminal::line(&format!("{name}: {errors} errors, {warnings} warnings"));
    }
    Ok(if errors == 0 { Exit::Complete } else { Exit::Usage })
}
