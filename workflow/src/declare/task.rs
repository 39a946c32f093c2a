//! One task.

use candor_proto::ValueType;

use super::fields::{Context, Fields};
use super::{env, inputs, is_id, later, policy, priority};
use crate::diagnostic::{Code, quoted};
use crate::document::{
    ActionDeclaration, CheckDeclaration, Document, FanOutDeclaration, OverDeclaration, RuleDeclaration, TaskDeclaration,
};
use crate::node::{Node, Span, Spanned};

/// Keys of a task, aliases among them.
pub(crate) const TASK_KEYS: &[&str] = &[
    "id",
    "name",
    "needs",
    "dependencies",
    "depends",
    "uses",
    "plugin",
    "with",
    "config",
    "run",
    "workflow",
    "when",
    "if",
    "for_each",
    "matrix",
    "max_parallel",
    "fail",
    "timeout",
    "retry",
    "pool",
    "outputs",
    "output_schema",
    "checks",
    "confidence",
    "escalate",
    "sources",
    "approval",
    "effects",
    "idempotent",
    "idempotency_key",
    "limits",
    "cache",
    "model",
    "priority",
    "env",
    "isolate",
    "instruction",
    "required_info",
];

/// A task of a list, or with its key one of a map of tasks.
pub(super) fn declare<'n>(
    context: &mut Context<'_>,
    key: Option<&'n Spanned<String>>,
    node: &'n Node,
    document: &mut Document<'n>,
) -> Option<TaskDeclaration<'n>> {
    let fields = Fields::open(context, node, "A task", TASK_KEYS)?;
    let id = id(context, key, node, &fields)?;
    let (all, any) = needs(context, &fields);
    let action = action(context, &fields, &id);
    let with = fields.alias(context, &["with", "config"]).map(|entry| &entry.value);
    let with = with.filter(|node| context.map(node, "`with`").is_some());
    said_twice(context, &fields, with);
    later::of_task(context, &fields, document);
    let outputs = fields.get("outputs").map(|node| outputs(context, node)).unwrap_or_default();
    let checks = fields.get("checks").map(|node| checks(context, node)).unwrap_or_default();
    Some(TaskDeclaration {
        name: fields.get("name").and_then(|node| context.text(node, "`name`")).map(ToOwned::to_owned),
        all,
        any,
        action,
        with,
        when: fields
            .alias(context, &["when", "if"])
            .map(|entry| &entry.value)
            .filter(|node| context.text(node, "`when`").is_some()),
        fan_out: fan_out(context, &fields),
        timeout_ms: fields.get("timeout").and_then(|node| policy::timeout(context, node)),
        retry: fields
            .get("retry")
            .map(|node| policy::retry(context, node, &document.defaults.retry))
            .unwrap_or_default(),
        pool: fields.get("pool").and_then(|node| policy::pool(context, node)),
        outputs,
        output_schema: fields
            .get("output_schema")
            .filter(|node| node.as_map().is_some() || context.text(node, "`output_schema`").is_some()),
        checks,
        confidence: fields
            .get("confidence")
            .map(|node| policy::confidence(context, node, Some(&document.defaults.confidence)))
            .unwrap_or_default(),
        limits: fields.get("limits").map(|node| policy::limits(context, node)).unwrap_or_default(),
        priority: fields.get("priority").and_then(|node| priority(context, node)),
        env: env(context, fields.get("env")),
        effects: fields.get("effects").map(|node| context.texts(node, "`effects`")).unwrap_or_default(),
        idempotent: fields.get("idempotent").and_then(|node| context.boolean(node, "`idempotent`")).unwrap_or(false),
        idempotency_key: fields.get("idempotency_key").filter(|node| context.text(node, "`idempotency_key`").is_some()),
        id,
    })
}

fn id(
    context: &mut Context<'_>,
    key: Option<&Spanned<String>>,
    node: &Node,
    fields: &Fields<'_>,
) -> Option<Spanned<String>> {
    let own = fields.get("id").and_then(|node| context.spanned_text(node, "`id`"));
    let id = match (key, own) {
        (Some(key), Some(own)) if own.value != key.value => {
            let message =
                format!("This task stands under `{}` but calls itself `{}`.", quoted(&key.value), quoted(&own.value));
            context.findings.error(Code::ConflictingKeys, own.span, message, "Remove `id`: the key is the id.");
            key.clone()
        }
        (Some(key), Some(_) | None) => key.clone(),
        (None, Some(own)) => own,
        (None, None) => {
            if fields.get("id").is_none() {
                let first = node.as_map().and_then(|entries| entries.first());
                let span = first.map_or(node.span, |entry| entry.key.span);
                fields.missing(context, span, "A task", "id", "Give it a name, such as `id: fetch`.");
            }
            return None;
        }
    };
    // A task with a bad id still takes part: its other mistakes are worth saying now.
    is_id(context, &id, "A task's id");
    Some(id)
}

fn needs(context: &mut Context<'_>, fields: &Fields<'_>) -> (Vec<Spanned<String>>, Vec<Spanned<String>>) {
    let Some(entry) = fields.alias(context, &["needs", "dependencies", "depends"]) else {
        return (Vec::new(), Vec::new());
    };
    if entry.value.as_map().is_none() {
        return (unique(context.texts(&entry.value, "`needs`")), Vec::new());
    }
    let Some(parts) = Fields::open(context, &entry.value, "`needs`", &["all", "any"]) else {
        return (Vec::new(), Vec::new());
    };
    let mut list =
        |key: &str| parts.get(key).map(|node| unique(context.texts(node, &format!("`{key}`")))).unwrap_or_default();
    (list("all"), list("any"))
}

/// Needing a task twice is needing it once.
fn unique(mut names: Vec<Spanned<String>>) -> Vec<Spanned<String>> {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.value.clone()));
    names
}

fn action<'n>(context: &mut Context<'_>, fields: &Fields<'n>, id: &Spanned<String>) -> ActionDeclaration<'n> {
    let uses = fields.alias(context, &["uses", "plugin"]);
    let present = |key: &str| fields.entry(key).filter(|entry| !entry.value.is_null());
    let (run, workflow, instruction) = (present("run"), present("workflow"), present("instruction"));
    let mut said: Vec<_> = [uses, run, workflow, instruction].into_iter().flatten().collect();
    said.sort_by_key(|entry| entry.key.span);
    if let [first, second, ..] = said.as_slice() {
        let message =
            format!("The task `{}` has both `{}` and `{}`.", quoted(&id.value), first.key.value, second.key.value);
        let keys = [first, second].map(|entry| entry.key.value.as_str());
        let advice = match keys.contains(&"instruction") && (keys.contains(&"uses") || keys.contains(&"plugin")) {
            true => "Remove `uses`: `instruction` means `uses: llm`. Other actions take it as `with.instruction`.",
            false => "A task does one thing: keep one of them, and write a second task for the other.",
        };
        context.findings.error(Code::ConflictingKeys, second.key.span, message, advice);
        return ActionDeclaration::Unknown;
    }
    let require = present("required_info");
    if let (Some(entry), None) = (require, instruction) {
        let message = "`required_info` belongs to `instruction`, which is missing.";
        context.findings.error(
            Code::MissingKey,
            entry.key.span,
            message,
            "Add `instruction`, or write `uses: llm` with `with.require`.",
        );
    }
    if let Some(entry) = uses {
        return context
            .spanned_text(&entry.value, "`uses`")
            .map_or(ActionDeclaration::Unknown, ActionDeclaration::Uses);
    }
    if let Some(entry) = run {
        let script = context.text(&entry.value, "`run`").map(|_| &entry.value);
        return script
            .map_or(ActionDeclaration::Unknown, |script| ActionDeclaration::Run { key: entry.key.span, script });
    }
    if let Some(entry) = instruction {
        let words = context.text(&entry.value, "`instruction`").map(|_| &entry.value);
        return words.map_or(ActionDeclaration::Unknown, |instruction| ActionDeclaration::Instruction {
            key: entry.key.span,
            instruction,
            require: require.map(|entry| &entry.value),
        });
    }
    if let Some(entry) = workflow {
        return ActionDeclaration::Workflow { key: entry.key.span };
    }
    let message = format!("The task `{}` does nothing: it has neither `uses` nor `run`.", quoted(&id.value));
    context.findings.error(
        Code::MissingKey,
        id.span,
        message,
        "Add `run: …` for a script, or `uses: …` with an action's name.",
    );
    ActionDeclaration::Unknown
}

/// What the older style says beside `with` must not stand in `with` as well.
fn said_twice(context: &mut Context<'_>, fields: &Fields<'_>, with: Option<&Node>) {
    for (older, own) in [("instruction", "instruction"), ("required_info", "require")] {
        let Some(entry) = fields.get(older).and_then(|_| with?.entry(own)) else { continue };
        let message = format!("`{older}` and `with.{own}` say the same thing.");
        context.findings.error(Code::ConflictingKeys, entry.key.span, message, "Keep one of them.");
    }
}

fn fan_out<'n>(context: &mut Context<'_>, fields: &Fields<'n>) -> Option<FanOutDeclaration<'n>> {
    let max_parallel = fields.get("max_parallel").and_then(|node| context.count(node, "`max_parallel`", 1));
    let fail = fields.get("fail").map(|node| policy::fail(context, node)).unwrap_or_default();
    let present = |key: &str| fields.entry(key).filter(|entry| !entry.value.is_null());
    let over = match (present("for_each"), present("matrix")) {
        (Some(_), Some(matrix)) => {
            let message = "A task cannot have both `for_each` and `matrix`.";
            context.findings.error(
                Code::ConflictingKeys,
                matrix.key.span,
                message,
                "Keep one; a `matrix` with one name is a `for_each`.",
            );
            return None;
        }
        (Some(entry), None) => {
            if entry.value.as_map().is_some() {
                context.list(&entry.value, "`for_each`");
                return None;
            }
            OverDeclaration::ForEach(&entry.value)
        }
        (None, Some(entry)) => {
            let entries = context.map(&entry.value, "`matrix`")?;
            entries.iter().for_each(|entry| matrix_name(context, &entry.key));
            OverDeclaration::Matrix(&entry.value, entries)
        }
        (None, None) => {
            for key in ["max_parallel", "fail"] {
                if let Some(entry) = present(key) {
                    let message = format!("`{key}` means nothing without `for_each` or `matrix`.");
                    context.findings.error(Code::MissingKey, entry.key.span, message, "Remove it, or add `for_each`.");
                }
            }
            return None;
        }
    };
    let max_parallel = max_parallel.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    Some(FanOutDeclaration { over, max_parallel, fail })
}

/// The name of a list. `include` and `exclude` mean something elsewhere, so they must not pass as lists here.
fn matrix_name(context: &mut Context<'_>, name: &Spanned<String>) {
    if matches!(name.value.as_str(), "include" | "exclude") {
        let message = format!("A `matrix` has no `{}`: every key names a list, and all are combined.", name.value);
        context.invalid(name.span, message, "For chosen combinations write `for_each` with a list of maps.");
    } else {
        is_id(context, name, "A name in a `matrix`");
    }
}

fn outputs(context: &mut Context<'_>, node: &Node) -> Vec<(Spanned<String>, ValueType)> {
    let Some(entries) = context.map(node, "`outputs`") else { return Vec::new() };
    let mut declared = Vec::new();
    for entry in entries.iter().filter(|entry| is_id(context, &entry.key, "An output's name")).collect::<Vec<_>>() {
        let kind = if entry.value.as_map().is_some() {
            let fields = Fields::open(context, &entry.value, "An output", &["type", "description"]);
            fields.and_then(|fields| fields.get("type"))
        } else {
            Some(&entry.value)
        };
        match kind {
            Some(kind) => declared.extend(inputs::value_type(context, kind).map(|kind| (entry.key.clone(), kind))),
            None => {
                let message = format!("The output `{}` has no type.", entry.key.value);
                context.findings.error(
                    Code::MissingKey,
                    entry.key.span,
                    message,
                    "Write a type, such as `count: integer`.",
                );
            }
        }
    }
    declared
}

fn checks<'n>(context: &mut Context<'_>, node: &'n Node) -> Vec<CheckDeclaration<'n>> {
    let Some(items) = context.list(node, "`checks`") else { return Vec::new() };
    items.iter().filter_map(|item| check(context, item)).collect()
}

/// Keys of a check.
pub(crate) const CHECK_KEYS: &[&str] = &["assert", "check", "on_fail"];

fn check<'n>(context: &mut Context<'_>, node: &'n Node) -> Option<CheckDeclaration<'n>> {
    if node.as_scalar().is_some() {
        let rule = RuleDeclaration::Named(context.spanned_text(node, "A check")?);
        return Some(CheckDeclaration { rule, on_fail: candor_proto::plan::OnFail::Fail });
    }
    let fields = Fields::open(context, node, "A check", CHECK_KEYS)?;
    let on_fail = fields.get("on_fail").map_or(candor_proto::plan::OnFail::Fail, |node| {
        policy::on_fail(context, node, "on_fail", &["fail", "warn", "ask"])
    });
    let rule = match (fields.get("assert"), fields.get("check")) {
        (Some(node), None) => {
            context.text(node, "`assert`")?;
            RuleDeclaration::Assert(node)
        }
        (None, Some(node)) => RuleDeclaration::Named(context.spanned_text(node, "`check`")?),
        (Some(_), Some(second)) => {
            let message = "A check has either `assert` or `check`.";
            context.findings.error(Code::ConflictingKeys, second.span, message, "Write two checks.");
            return None;
        }
        (None, None) => {
            let span = if node.span.start == node.span.end { Span::at(node.span.start) } else { node.span };
            let message = "A check has neither `assert` nor `check`.";
            let advice = "Add one, such as `assert: ${{ outputs.count > 0 }}`.";
            context.findings.error(Code::MissingKey, span, message, advice);
            return None;
        }
    };
    Some(CheckDeclaration { rule, on_fail })
}
