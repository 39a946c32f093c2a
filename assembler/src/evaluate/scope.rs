//! What the names in a task's expressions mean: built once per task, with nothing in it that they do not read.

use std::collections::{BTreeMap, BTreeSet};

use candor_proto::job::NodeRecord;
use candor_proto::{Confidence, Job, Node, TaskError, TaskState, time};
use candor_workflow::expression::{Converted, Expression, Outputs, Scope, TaskScope};
use serde_json::{Value, json};

use super::items::{Items, items};
use super::prepared::Prepared;
use super::{Trouble, env, prepared, typed};
use crate::answer;
use crate::memo::Memo;

/// The scope of a task as a whole; its `env` is the workflow's.
pub(super) fn of_task<'a>(job: &Job, memo: &'a mut Memo, task: u32, prepared: &Prepared) -> Result<&'a Scope, Trouble> {
    if !memo.scopes.contains_key(&task) {
        let read = prepared.expressions();
        let mut scope = bare(job, memo, &read);
        let mut wanted = wanted(job, &read);
        if speaks_of_direct(&read) {
            for place in job.graph().dependencies(task) {
                wanted.entry(place).or_default();
            }
        }
        bind(job, memo, &mut scope, &wanted, &reads_null(job, task));
        scope.set_direct(job.graph().dependencies(task).map(|place| job.name(Node::task(place))));
        if prepared.reads_confidence {
            let ancestors: Vec<u32> = job.graph().dependencies(task).collect();
            let sure = answer::lineage(job, &ancestors).into_iter().filter_map(|task| answer::of_task(job, task));
            scope.set_json("run", &run(job, Some(Confidence::all(sure))));
        }
        env::bind_shared(job, &mut scope, &prepared.shared, &read)?;
        memo.scopes.insert(task, scope);
    }
    Ok(&memo.scopes[&task])
}

/// The scope of what is decided about a task before it runs: its `when` and the lists it fans out over.
/// Of its own `env` it has what these expressions read: the rest may need an item, which is not there yet.
pub(super) fn of_decision(
    job: &Job,
    memo: &mut Memo,
    task: u32,
    prepared: &Prepared,
    read: &[&Expression],
) -> Result<Scope, Trouble> {
    let mut scope = of_task(job, memo, task, prepared)?.clone();
    env::bind_own(job, &mut scope, prepared, read)?;
    Ok(scope)
}

/// What the expressions of an attempt read, and the environment that it gets.
pub(super) struct AttemptScope {
    pub(super) scope: Scope,
    pub(super) env: BTreeMap<String, String>,
}

/// The scope of a single task's run, or of one item.
pub(super) fn of_node(job: &Job, memo: &mut Memo, node: Node, prepared: &Prepared) -> Result<AttemptScope, Trouble> {
    let mut scope = of_task(job, memo, node.task, prepared)?.clone();
    if let Some(item) = node.item {
        let all = items(job, memo, node.task)?;
        let value = all.value(item);
        match &*all {
            Items::List(_) => scope.set_json("item", &value),
            Items::Matrix { .. } => {
                scope.set_json("matrix", &value);
                scope.set_json("item", &value);
            }
        }
    }
    let env = env::bind_all(job, &mut scope, prepared)?;
    Ok(AttemptScope { scope, env })
}

/// The scope of the job itself, with the tasks that these expressions read.
pub(super) fn of_job(job: &Job, memo: &mut Memo, read: &[&Expression]) -> Result<Scope, Trouble> {
    let shared = job.plan().map(prepared::shared).transpose().map_err(Trouble::Error)?.unwrap_or_default();
    let beside = shared.iter().flat_map(|(_, tree)| tree.expressions());
    let all: Vec<&Expression> = read.iter().copied().chain(beside).collect();
    let mut scope = bare(job, memo, &all);
    bind(job, memo, &mut scope, &wanted(job, &all), &BTreeSet::new());
    env::bind_shared(job, &mut scope, &shared, read)?;
    Ok(scope)
}

/// A scope without tasks and environment.
fn bare(job: &Job, memo: &mut Memo, read: &[&Expression]) -> Scope {
    let mut scope = Scope::new();
    let inputs = memo.inputs.get_or_insert_with(|| {
        Converted::new(&job.accepted().map(|accepted| Value::Object(accepted.inputs.clone())).unwrap_or_default())
    });
    scope.set("inputs", inputs.clone());
    let reads_confidence = read.iter().any(|expression| expression.text().contains("confidence"));
    scope.set_json("run", &run(job, reads_confidence.then(|| answer::overall(job))));
    scope
}

/// What these expressions read of which tasks.
fn wanted(job: &Job, read: &[&Expression]) -> BTreeMap<u32, Wanted> {
    let mut found: BTreeMap<u32, Wanted> = BTreeMap::new();
    for expression in read {
        for task in &expression.references().tasks {
            if let Some(place) = job.graph().place(&task.id) {
                found.entry(place).or_default().add(task.field.as_deref());
            }
        }
        for call in &expression.references().functions {
            for place in call.arguments.iter().flatten().filter_map(|argument| job.graph().place(argument)) {
                found.entry(place).or_default();
            }
        }
    }
    found
}

fn bind(job: &Job, memo: &mut Memo, scope: &mut Scope, wanted: &BTreeMap<u32, Wanted>, null: &BTreeSet<u32>) {
    for (place, wanted) in wanted {
        let mut known = task_scope(job, memo, *place, *wanted);
        if null.contains(place) {
            known.outputs = Outputs::Null;
        }
        scope.set_task(&job.name(Node::task(*place)), known);
    }
}

/// What is read of a task and costs a walk over a fan-out's items: nothing else of that kind is bound.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    outputs: bool,
    items: bool,
    confidence: bool,
    attempts: bool,
}

impl Wanted {
    fn add(&mut self, field: Option<&str>) {
        self.outputs |= matches!(field, Some("outputs") | None);
        self.items |= matches!(field, Some("items") | None);
        self.confidence |= matches!(field, Some("confidence") | None);
        self.attempts |= matches!(field, Some("attempts") | None);
    }
}

fn task_scope(job: &Job, memo: &mut Memo, place: u32, wanted: Wanted) -> TaskScope {
    let Some(record) = job.task(place) else { return TaskScope::new(TaskState::Pending, Outputs::Missing) };
    let outputs = match (record.state, wanted.outputs) {
        (TaskState::Succeeded, true) => match converted(job, memo, place) {
            Some(outputs) => Outputs::Present(outputs),
            None => Outputs::Missing,
        },
        (_, _) => Outputs::Missing,
    };
    let failed = record.state == TaskState::Failed;
    TaskScope {
        confidence: wanted.confidence.then(|| answer::of_task(job, place)).flatten().map(|sure| sure.score().get()),
        error: record.error().filter(|_| failed).map(|error| Converted::new(&repeatable(error))),
        attempts: if wanted.attempts { record.attempts() } else { 0 },
        items: record.fan.as_ref().filter(|_| wanted.items).map(|fan| {
            let list: Value = fan
                .items
                .iter()
                .zip(0_u32..)
                .map(|(item, place)| json!({"key": fan.key(place), "state": item.state.word(), "error": item.error.as_deref().map(repeatable)}))
                .collect();
            Converted::new(&list)
        }),
        ..TaskScope::new(record.state, outputs)
    }
}

/// What an expression may know of an error: a traceback or the advice of another build must change no result.
fn repeatable(error: &TaskError) -> Value {
    json!({"class": error.class, "code": error.code, "message": error.message})
}

/// A task's outputs, converted once however many expressions read them.
fn converted(job: &Job, memo: &mut Memo, place: u32) -> Option<Converted> {
    if let Some(known) = memo.outputs.get(&place) {
        return Some(known.clone());
    }
    let record = job.task(place)?;
    let task = job.plan()?.tasks.get(place as usize)?;
    let value = match &record.fan {
        None => Converted::new(&typed::outputs(task, record.node.outputs.as_deref()?)),
        Some(fan) => {
            let one =
                |item: &NodeRecord| item.outputs.as_deref().map(|outputs| typed::outputs(task, outputs).into_owned());
            Converted::new(&fan.items.iter().map(one).collect())
        }
    };
    memo.outputs.insert(place, value.clone());
    Some(value)
}

/// Outputs of an unsuccessful task read as null where it stands only in `any`.
fn reads_null(job: &Job, task: u32) -> BTreeSet<u32> {
    let graph = job.graph();
    let unsuccessful = |place: &u32| job.task(*place).is_some_and(|record| record.state != TaskState::Succeeded);
    let mut null: BTreeSet<u32> = graph.any(task).iter().copied().filter(unsuccessful).collect();
    for place in graph.all(task) {
        null.remove(place);
    }
    null
}

/// `succeeded()` and its like speak of all direct dependencies: they need their states.
fn speaks_of_direct(read: &[&Expression]) -> bool {
    read.iter()
        .flat_map(|expression| &expression.references().functions)
        .any(|call| call.arguments.is_empty() && matches!(call.name.as_str(), "succeeded" | "failed" | "skipped"))
}

/// `run.confidence` only where it is read: it walks the whole job.
fn run(job: &Job, sure: Option<Confidence>) -> Value {
    let submitted_at = job.accepted().map_or(0, |accepted| accepted.submitted_at);
    let mut run = json!({"id": job.id(), "date": time::date(submitted_at)});
    if let Some(sure) = sure {
        let (score, low, high) = (sure.score().get(), sure.low().get(), sure.high().get());
        run["confidence"] = json!({"score": score, "low": low, "high": high, "class": sure.class().word()});
    }
    run
}
