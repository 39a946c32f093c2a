//! The canonical plan of a document that was checked.

use std::collections::BTreeMap;

use candor_proto::plan::{
    Assemble, Budget, Check, CheckRule, ConfidenceRule, FanOut, Input, Limits, Needs, Over, Plan, PlanFile, Retry, Task,
};
use serde_json::Value;

use crate::check::{Checked, Script, default_value};
use crate::document::{
    ConfidenceDeclaration, Defaults, Document, FanOutDeclaration, OverDeclaration, RetryDeclaration, RuleDeclaration,
    TaskDeclaration,
};
use crate::expression::bare;
use crate::files::Files;
use crate::node::{Entry, Node, Spanned};

/// The plan. Every part was checked before, so nothing can fail here.
pub(super) fn of(document: &Document<'_>, checked: Checked, files: &Files) -> Plan {
    let Checked { with, scripts, output_schemas, files: taken, absolute: _, secrets: _ } = checked;
    let extras = with.into_iter().zip(scripts).zip(output_schemas);
    let tasks = document.tasks.iter().zip(extras);
    Plan {
        name: document.name.clone(),
        version: document.version.clone(),
        description: document.description.clone(),
        inputs: inputs(document),
        env: env(&document.env),
        files: taken.into_iter().filter_map(|path| Some((path.clone(), plan_file(files, &path)?))).collect(),
        priority: document.priority.unwrap_or_default(),
        fairness_key: document.fairness_key.and_then(text),
        budget: Budget { wall_clock_ms: document.wall_clock_ms },
        tasks: tasks
            .map(|(task, ((with, script), schema))| task_of(task, &document.defaults, with, script, schema))
            .collect(),
        assemble: Assemble {
            summary: document.summary.as_ref().map(|ids| names(ids)),
            statements: document.statements.iter().filter_map(|node| text(node)).collect(),
        },
        outputs: document.outputs.iter().map(|entry| (entry.key.value.clone(), entry.value.to_value())).collect(),
    }
}

fn plan_file(files: &Files, path: &str) -> Option<PlanFile> {
    let fact = files.facts.get(path)?;
    Some(PlanFile { sha256: fact.sha256?, bytes: fact.bytes })
}

fn inputs(document: &Document<'_>) -> BTreeMap<String, Input> {
    let inputs = document.inputs.iter().filter_map(|input| {
        let kind = input.kind?;
        let declared = Input {
            kind,
            description: input.description.clone(),
            default: input.default.and_then(|node| default_value(kind, node).ok()),
            required: input.required,
            pattern: input.pattern.as_ref().map(|pattern| pattern.value.clone()),
        };
        Some((input.name.value.clone(), declared))
    });
    inputs.collect()
}

fn text(node: &Node) -> Option<String> {
    node.as_scalar().map(|scalar| scalar.text.clone())
}

fn names(ids: &[Spanned<String>]) -> Vec<String> {
    ids.iter().map(|id| id.value.clone()).collect()
}

/// Values of an environment are texts, as they were written.
fn env(entries: &[&Entry]) -> BTreeMap<String, String> {
    let pairs = entries.iter().map(|entry| {
        let value = if entry.value.is_null() { String::new() } else { text(&entry.value).unwrap_or_default() };
        (entry.key.value.clone(), value)
    });
    pairs.collect()
}

fn task_of(
    task: &TaskDeclaration<'_>,
    defaults: &Defaults,
    with: Value,
    script: Option<Script>,
    output_schema: Option<Value>,
) -> Task {
    let mut variables = env(&task.env);
    variables.extend(script.into_iter().flat_map(|script| script.variables));
    Task {
        id: task.id.value.clone(),
        name: task.name.clone(),
        needs: Needs { all: names(&task.all), any: names(&task.any) },
        uses: task.action.name().map(|(name, _)| name.to_owned()).unwrap_or_default(),
        with,
        when: task.when.and_then(text).map(|text| bare(&text).to_owned()),
        fan_out: task.fan_out.as_ref().map(fan_out),
        timeout_ms: task.timeout_ms.or(defaults.timeout_ms),
        retry: retry(&task.retry, &defaults.retry),
        pool: task.pool.clone().or_else(|| defaults.pool.clone()),
        outputs: task.outputs.iter().map(|(name, kind)| (name.value.clone(), *kind)).collect(),
        output_schema,
        checks: task.checks.iter().filter_map(check).collect(),
        confidence: confidence(task.confidence, defaults.confidence),
        limits: limits(task.limits, defaults.limits),
        priority: task.priority,
        env: variables,
        effects: names(&task.effects),
        idempotent: task.idempotent,
        idempotency_key: task.idempotency_key.and_then(text),
    }
}

fn fan_out(declared: &FanOutDeclaration<'_>) -> FanOut {
    let over = match &declared.over {
        OverDeclaration::ForEach(node) => Over::ForEach(list(node)),
        OverDeclaration::Matrix(_, entries) => {
            Over::Matrix(entries.iter().map(|entry| (entry.key.value.clone(), list(&entry.value))).collect())
        }
    };
    FanOut { over, max_parallel: declared.max_parallel, fail: declared.fail }
}

/// A list, or the expression that gives it, without the line break that ends a block text.
fn list(node: &Node) -> Value {
    match node.as_text() {
        Some(text) => Value::String(text.trim().to_owned()),
        None => node.to_value(),
    }
}

fn check(declared: &crate::document::CheckDeclaration<'_>) -> Option<Check> {
    let rule = match &declared.rule {
        RuleDeclaration::Assert(node) => CheckRule::Assert(bare(&text(node)?).to_owned()),
        RuleDeclaration::Named(name) => CheckRule::Named(name.value.clone()),
    };
    Some(Check { rule, on_fail: declared.on_fail })
}

/// Each part by itself: a task that says one keeps the defaults of the others.
fn retry(own: &RetryDeclaration, defaults: &RetryDeclaration) -> Retry {
    let plain = Retry::default();
    let delay_ms = own.delay_ms.or(defaults.delay_ms).unwrap_or(plain.delay_ms);
    let max_delay_ms = own.max_delay_ms.or(defaults.max_delay_ms).unwrap_or(plain.max_delay_ms);
    Retry {
        max_attempts: own.max_attempts.or(defaults.max_attempts).unwrap_or(plain.max_attempts),
        backoff: own.backoff.or(defaults.backoff).unwrap_or(plain.backoff),
        delay_ms,
        // Where the two come from different places, the longest delay is no shorter than the first.
        max_delay_ms: max_delay_ms.max(delay_ms),
        on: own.on.clone().or_else(|| defaults.on.clone()).unwrap_or(plain.on),
    }
}

/// Each part by itself. Without a least confidence there is nothing to fall below.
fn confidence(own: ConfidenceDeclaration, defaults: ConfidenceDeclaration) -> Option<ConfidenceRule> {
    let min = own.min.or(defaults.min)?;
    Some(ConfidenceRule { min, on_low: own.on_low.or(defaults.on_low).unwrap_or_default() })
}

/// Each limit by itself: a task that says one keeps the defaults of the others.
fn limits(own: Limits, defaults: Limits) -> Limits {
    Limits {
        memory_bytes: own.memory_bytes.or(defaults.memory_bytes),
        cpu: own.cpu.or(defaults.cpu),
        processes: own.processes.or(defaults.processes),
        files: own.files.or(defaults.files),
        output_bytes: own.output_bytes.or(defaults.output_bytes),
    }
}
