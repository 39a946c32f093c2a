//! What the answer says: one sentence per scalar, file, table and list of the summary's tasks, then the author's own.

use candor_proto::statement::{Piece, connective};
use candor_proto::{Confidence, FileValue, Gap, GapReason, Job, Statement};
use candor_workflow::catalogue::Catalogue;
use serde_json::Value;

use super::confidence::over;
use super::gaps;
use crate::evaluate;

/// Sentences about one task; an answer must fit into a message. Results beyond that are counted by a gap, and those of a
/// fan-out are covered by the sentence about their list as well.
const PER_TASK_MAX: usize = 1_000;
/// How deep maps are walked; below that the map is said as one value.
const DEPTH_MAX: usize = 8;

pub(super) fn statements(
    job: &Job,
    catalogue: &Catalogue,
    summary: &[u32],
    confidences: &[Option<Confidence>],
) -> (Vec<Statement>, Vec<Gap>) {
    let (mut said, mut left_out) = (Vec::new(), Vec::new());
    for task in summary {
        let confidence = over(job, &[*task], confidences);
        let found = pointers(job, catalogue, *task);
        for pointer in found.pointers {
            said.extend(Statement::about(job, said.len() + 1, *task, &pointer, confidence));
        }
        left_out.extend(gaps::left_out(job, *task, GapReason::StatementsLeftOut, found.more));
    }
    let count = job.plan().map_or(0, |plan| plan.assemble.statements.len());
    for place in 0..count {
        said.extend(own(job, place, said.len() + 1, confidences));
    }
    (said, left_out)
}

/// Places that are worth a sentence each, and how many there are beyond those that get one.
#[derive(Default)]
struct Found {
    pointers: Vec<String>,
    more: usize,
}

impl Found {
    fn push(&mut self, pointer: &str) {
        if self.pointers.len() < PER_TASK_MAX {
            self.pointers.push(pointer.to_owned());
        } else {
            self.more += 1;
        }
    }
}

/// The places in a task's outputs that are worth a sentence each.
fn pointers(job: &Job, catalogue: &Catalogue, task: u32) -> Found {
    let mut found = Found::default();
    let Some(record) = job.task(task) else { return found };
    let stated = Stated::of(job, catalogue, task);
    match &record.fan {
        None => {
            if let Some(outputs) = &record.node.outputs {
                walk_outputs(outputs, &stated, "", &mut found);
            }
        }
        Some(fan) => {
            found.push("");
            for (item, place) in fan.items.iter().zip(0_u32..) {
                if let Some(outputs) = &item.outputs {
                    walk_outputs(outputs, &stated, &format!("/{place}"), &mut found);
                }
            }
        }
    }
    found
}

/// Which outputs of a task become sentences: what the action declares so, and what the task declares.
/// `stderr` and exit codes are about the run, not about its result.
struct Stated {
    silent: Vec<String>,
}

impl Stated {
    fn of(job: &Job, catalogue: &Catalogue, task: u32) -> Self {
        let plan_task = job.plan().and_then(|plan| plan.tasks.get(task as usize));
        let silent = plan_task.and_then(|task| catalogue.get(&task.uses)).map(|action| {
            action.outputs.iter().filter(|(_, output)| !output.stated).map(|(name, _)| name.clone()).collect()
        });
        Self { silent: silent.unwrap_or_default() }
    }
}

fn walk_outputs(outputs: &Value, stated: &Stated, at: &str, found: &mut Found) {
    let Some(fields) = outputs.as_object() else { return };
    for (name, value) in fields {
        if !stated.silent.contains(name) {
            walk(value, &format!("{at}/{}", escape(name)), 1, found);
        }
    }
}

fn walk(value: &Value, pointer: &str, depth: usize, found: &mut Found) {
    match value {
        Value::Object(fields) if depth < DEPTH_MAX && !FileValue::looks_like(fields) => {
            for (name, value) in fields {
                walk(value, &format!("{pointer}/{}", escape(name)), depth + 1, found);
            }
        }
        Value::String(text) if text.is_empty() => {}
        // A list of files is said file by file; an empty one has nothing to say.
        Value::Array(items) if items.iter().all(is_file) => {
            (0..items.len()).for_each(|place| found.push(&format!("{pointer}/{place}")));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            found.push(pointer);
        }
    }
}

fn is_file(value: &Value) -> bool {
    value.as_object().is_some_and(FileValue::looks_like)
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The places of the author's sentences that cannot be said, because something in them has no recorded value.
/// One that is only words states nothing, so nothing is missing.
pub(super) fn unsaid(job: &Job) -> Vec<usize> {
    let Some(plan) = job.plan() else { return Vec::new() };
    let states = |place: &usize| plan.assemble.statements[*place].contains("${{");
    (0..plan.assemble.statements.len()).filter(states).filter(|place| own(job, *place, 1, &[]).is_none()).collect()
}

/// One of the author's sentences: its words, with recorded values where it names them.
fn own(job: &Job, place: usize, number: usize, confidences: &[Option<Confidence>]) -> Option<Statement> {
    let plan = job.plan()?;
    let parts = evaluate::sentence(plan, job.graph(), place)?;
    let tasks: Vec<u32> = parts.iter().filter_map(|part| part.value().map(|(task, _)| task)).collect();
    let pieces: Option<Vec<Piece<'_>>> = parts
        .iter()
        .map(|part| match part {
            evaluate::SentencePart::Words { start, end } => {
                connective::of_plan(plan, place, *start, *end).map(Piece::Fixed)
            }
            evaluate::SentencePart::Value { task, pointer } => Some(Piece::Value { task: *task, pointer }),
        })
        .collect();
    Statement::assemble(job, number, &pieces?, over(job, &tasks, confidences))
}
