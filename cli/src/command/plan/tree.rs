//! A plan as people read it: stages of tasks that run side by side, and what they touch.

use std::collections::BTreeMap;
use std::fmt::Write;

use candor_proto::plan::{FanOut, Needs, Over, Plan, Task};
use candor_workflow::Facts;

use crate::terminal;

/// Files of a plan that are listed by name.
const FILES_SHOWN_MAX: usize = 20;

/// The tasks by stage: those of one stage wait for nothing but earlier stages.
pub(super) fn stages(plan: &Plan) -> Vec<Vec<&str>> {
    let mut stage_of: BTreeMap<&str, usize> = BTreeMap::new();
    let mut open: Vec<&Task> = plan.tasks.iter().collect();
    // A plan has no cycle, so every round places at least one task.
    while !open.is_empty() {
        let before = open.len();
        open.retain(|task| {
            let known: Option<Vec<usize>> = task.needs.iter().map(|need| stage_of.get(need).copied()).collect();
            let Some(known) = known else { return true };
            stage_of.insert(&task.id, known.into_iter().max().map_or(0, |latest| latest + 1));
            false
        });
        if open.len() == before {
            break;
        }
    }
    let mut stages = vec![Vec::new(); stage_of.values().max().map_or(0, |latest| latest + 1)];
    for task in &plan.tasks {
        if let Some(stage) = stage_of.get(task.id.as_str()) {
            stages[*stage].push(task.id.as_str());
        }
    }
    stages
}

/// The plan as a tree.
pub(super) fn tree(plan: &Plan, facts: &Facts, computed: &[String]) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write_tree(&mut text, plan, facts, computed);
    terminal::clean_lines(&text)
}

fn write_tree(out: &mut String, plan: &Plan, facts: &Facts, computed: &[String]) -> std::fmt::Result {
    let stages = stages(plan);
    let widest = stages.iter().map(Vec::len).max().unwrap_or(0);
    writeln!(out, "{}  ({} tasks, {} stages, up to {widest} side by side)", plan.name, plan.tasks.len(), stages.len())?;
    let tasks: BTreeMap<&str, &Task> = plan.tasks.iter().map(|task| (task.id.as_str(), task)).collect();
    for (number, stage) in stages.iter().enumerate() {
        let last_stage = number + 1 == stages.len();
        let side = if stage.len() > 1 { format!(", {} side by side", stage.len()) } else { String::new() };
        writeln!(out, "{} stage {}{side}", if last_stage { "└─" } else { "├─" }, number + 1)?;
        for (place, id) in stage.iter().enumerate() {
            let (bar, corner) =
                (if last_stage { " " } else { "│" }, if place + 1 == stage.len() { "└─" } else { "├─" });
            if let Some(task) = tasks.get(id) {
                writeln!(out, "{bar}  {corner} {}", describe(task))?;
            }
        }
    }
    writeln!(out, "plan {}", plan.hash())?;
    writeln!(out, "risk {}", word(&facts.risk))?;
    list(out, "files", plan.files.keys().map(String::as_str))?;
    list(out, "secrets", facts.secrets.iter().map(String::as_str))?;
    list(out, "reads on the worker's machine", facts.absolute_paths.iter().map(String::as_str))?;
    list(out, "computed paths", computed.iter().map(String::as_str))?;
    list(out, "effects", facts.effects.iter().map(String::as_str))?;
    list(out, "not supported by this build", facts.unsupported.iter().map(String::as_str))
}

fn describe(task: &Task) -> String {
    let mut text = format!("{}  {}", task.id, task.uses);
    if let Some(fan) = &task.fan_out {
        text.push_str(&fan_out(fan));
    }
    text.push_str(&needs(&task.needs));
    if let Some(when) = &task.when {
        let _ = write!(text, ", when {when}");
    }
    if task.retry.max_attempts > 1 {
        let _ = write!(text, ", up to {} attempts", task.retry.max_attempts);
    }
    if let Some(pool) = &task.pool {
        let _ = write!(text, ", pool {pool}");
    }
    text
}

fn fan_out(fan: &FanOut) -> String {
    let over = match &fan.over {
        Over::ForEach(list) => match list.as_array() {
            Some(items) => format!(" for each of {} items", items.len()),
            None => format!(" for each of {}", list.as_str().unwrap_or("a list")),
        },
        Over::Matrix(lists) => {
            let names: Vec<&str> = lists.iter().map(|(name, _)| name.as_str()).collect();
            format!(" over the matrix of {}", names.join(", "))
        }
    };
    let at_once = fan.max_parallel.map(|limit| format!(", {limit} at once")).unwrap_or_default();
    over + &at_once
}

fn needs(needs: &Needs) -> String {
    let all = (!needs.all.is_empty()).then(|| format!(", needs {}", needs.all.join(", ")));
    let any = (!needs.any.is_empty()).then(|| format!(", needs any of {}", needs.any.join(", ")));
    all.into_iter().chain(any).collect()
}

fn list<'a>(out: &mut String, title: &str, entries: impl Iterator<Item = &'a str>) -> std::fmt::Result {
    let entries: Vec<&str> = entries.collect();
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title}")?;
    for entry in entries.iter().take(FILES_SHOWN_MAX) {
        writeln!(out, "  {entry}")?;
    }
    if entries.len() > FILES_SHOWN_MAX {
        writeln!(out, "  … and {} more", entries.len() - FILES_SHOWN_MAX)?;
    }
    Ok(())
}

const fn word(risk: &candor_workflow::catalogue::Risk) -> &'static str {
    match risk {
        candor_workflow::catalogue::Risk::Low => "low",
        candor_workflow::catalogue::Risk::Medium => "medium",
        candor_workflow::catalogue::Risk::High => "high",
    }
}
