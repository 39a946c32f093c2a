//! `candor plan`: what a workflow would do, before it does anything.

mod dot;
mod tree;

use candor_platform::config::Environment;
use candor_proto::message::Severity;
use candor_proto::plan::Plan;
use candor_workflow::{Facts, Mode, Source, compile, render};
use serde_json::json;

use crate::arguments;
use crate::failure::{Exit, Failure};
use crate::gather;
use crate::terminal;

/// Shows the plan; ends with 2 when the workflow has errors, or parts that this build cannot execute.
pub(crate) fn plan(options: &arguments::Plan, environment: &Environment) -> Result<Exit, Failure> {
    let workflow = gather::workflow(&options.source)?;
    let catalogue = gather::catalogue(options.source.actions_dir.as_deref())?;
    let (files, _) = gather::files(&workflow, &catalogue)?;
    let source = Source { name: &workflow.name, text: &workflow.text };
    let compiled = compile(&source, &files, &catalogue, Mode::Execute);
    if !compiled.diagnostics.is_empty() {
        terminal::line(
            render(
                &terminal::clean(&workflow.name),
                &workflow.text,
                &compiled.diagnostics,
                terminal::paint(environment),
            )
            .trim_end(),
        );
    }
    let errors = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
    let lenient = compile(&source, &files, &catalogue, Mode::Validate);
    let Some(plan) = lenient.plan else {
        if options.json {
            terminal::document(&json!({"valid": false, "diagnostics": compiled.diagnostics}));
        }
        return Ok(Exit::Usage);
    };
    if options.source.inputs.is_some() || !options.source.input.is_empty() {
        gather::inputs(&options.source, &plan)?.check(&plan)?;
    }
    let computed = gather::computed_paths(&plan, &catalogue);
    if options.json {
        terminal::document(&document(&plan, &lenient.facts, &compiled.diagnostics, (!errors, &computed)));
    } else if options.dot {
        terminal::data(&dot::dot(&plan));
    } else {
        terminal::data(&tree::tree(&plan, &lenient.facts, &computed));
    }
    Ok(if errors { Exit::Usage } else { Exit::Complete })
}

fn document(
    plan: &Plan,
    facts: &Facts,
    diagnostics: &[candor_proto::message::Diagnostic],
    (valid, computed): (bool, &[String]),
) -> serde_json::Value {
    json!({
        "valid": valid,
        "plan_hash": plan.hash(),
        "plan": plan,
        "stages": tree::stages(plan),
        "absolute_paths": facts.absolute_paths,
        "computed_paths": computed,
        "secrets": facts.secrets,
        "risk": facts.risk,
        "effects": facts.effects,
        "unsupported": facts.unsupported,
        "diagnostics": diagnostics,
    })
}
