//! Parts of the language that this build cannot execute yet: checked for form, and said by name.

use super::fields::{Context, Fields};
use super::schedule;
use crate::document::{Document, Later};
use crate::node::{Entry, Node};

pub(crate) const CONCURRENCY_KEYS: &[&str] = &["group", "on_conflict"];
pub(crate) const RISK_KEYS: &[&str] = &["max_wrong", "delta", "if_uncertified"];
pub(crate) const MEMORY_KEYS: &[&str] = &["remember_plan", "reuse_plan"];
pub(crate) const NOTIFY_KEYS: &[&str] = &["on", "email", "sms", "webhook"];
pub(crate) const APPROVAL_KEYS: &[&str] =
    &["when", "approvers", "quorum", "timeout", "on_timeout", "show", "allow_edit", "on_reject"];
pub(crate) const ESCALATE_KEYS: &[&str] = &["to", "model", "max", "then"];

const TRIGGER_KEYS: &[&str] = &["schedule", "webhook", "event"];

/// What a notification may tell of.
const OCCASIONS: &[&str] =
    &["complete", "complete_with_gaps", "failed", "rejected", "cancelled", "approval_needed", "escalated", "question"];

/// What may be shown beside a question.
const SHOWN: &[&str] = &["payload", "dry_run", "confidence", "gaps", "effects", "inputs", "evidence"];

/// `on`: how a service starts the job. `run` starts it itself, so this is no unsupported part.
pub(super) fn triggers(context: &mut Context<'_>, node: &Node) {
    let Some(fields) = Fields::open(context, node, "`on`", TRIGGER_KEYS) else { return };
    for (key, known) in [
        ("schedule", &["cron", "timezone", "catch_up"][..]),
        ("webhook", &["path", "token"][..]),
        ("event", &["name", "filter"][..]),
    ] {
        let Some(node) = fields.get(key) else { continue };
        for part in node.as_list().unwrap_or(std::slice::from_ref(node)) {
            trigger(context, part, key, known);
        }
    }
}

fn trigger(context: &mut Context<'_>, node: &Node, key: &str, known: &[&str]) {
    let Some(fields) = Fields::open(context, node, &format!("`{key}`"), known) else { return };
    for name in known.iter().filter(|name| !["cron", "timezone", "catch_up"].contains(name)) {
        if let Some(node) = fields.get(name) {
            context.text(node, &format!("`{name}`"));
        }
    }
    if fields.get(known[0]).is_none() {
        fields.missing(context, node.span, &format!("`{key}`"), known[0], &format!("Add `{}`.", known[0]));
    }
    if let Some(node) = fields.get("catch_up") {
        context.word(node, "`catch_up`", &["none", "latest", "all"]);
    }
    if let Some(node) = fields.get("cron") {
        schedule::cron(context, node);
    }
    if let Some(node) = fields.get("timezone") {
        schedule::timezone(context, node);
    }
}

/// The later parts of a workflow.
pub(super) fn of_workflow<'n>(context: &mut Context<'_>, fields: &Fields<'n>, document: &mut Document<'n>) {
    let parts: [(&str, Form, bool); 4] = [
        ("concurrency", concurrency, false),
        ("risk", risk, false),
        ("notify", notify, true),
        ("memory", memory, false),
    ];
    for (key, form, secrets) in parts {
        if let Some(entry) = fields.entry(key).filter(|entry| !entry.value.is_null()) {
            take(context, document, entry, form, secrets, None);
        }
    }
}

type Form = fn(&mut Context<'_>, &Node);

/// The later parts of a task, which is the next in the document.
pub(super) fn of_task<'n>(context: &mut Context<'_>, fields: &Fields<'n>, document: &mut Document<'n>) {
    let parts: [(&str, Form); 10] = [
        ("workflow", any),
        ("escalate", escalate),
        ("sources", sources),
        ("approval", approval),
        ("effects", any),
        ("idempotent", any),
        ("idempotency_key", any),
        ("cache", cache),
        ("model", model),
        ("isolate", any),
    ];
    let task = Some(document.tasks.len());
    for (key, form) in parts {
        if let Some(entry) = fields.entry(key).filter(|entry| !entry.value.is_null()) {
            take(context, document, entry, form, false, task);
        }
    }
}

fn take<'n>(
    context: &mut Context<'_>,
    document: &mut Document<'n>,
    entry: &'n Entry,
    form: Form,
    secrets: bool,
    task: Option<usize>,
) {
    form(context, &entry.value);
    context.unsupported(&entry.key.value, entry.key.span);
    document.later.push(Later { node: &entry.value, secrets, task });
}

/// Whose form is checked where it is declared, or is free.
fn any(_: &mut Context<'_>, _: &Node) {}

fn concurrency(context: &mut Context<'_>, node: &Node) {
    let Some(fields) = Fields::open(context, node, "`concurrency`", CONCURRENCY_KEYS) else { return };
    match fields.get("group") {
        Some(node) => {
            context.text(node, "`group`");
        }
        None => fields.missing(context, node.span, "`concurrency`", "group", "Add the name of the group."),
    }
    if let Some(node) = fields.get("on_conflict") {
        context.word(node, "`on_conflict`", &["queue", "reject", "cancel_running"]);
    }
}

fn risk(context: &mut Context<'_>, node: &Node) {
    let Some(fields) = Fields::open(context, node, "`risk`", RISK_KEYS) else { return };
    for key in ["max_wrong", "delta"] {
        if let Some(node) = fields.get(key) {
            context.fraction(node, &format!("`{key}`"));
        }
    }
    if let Some(node) = fields.get("if_uncertified") {
        context.word(node, "`if_uncertified`", &["ask", "fail", "warn"]);
    }
}

fn memory(context: &mut Context<'_>, node: &Node) {
    let Some(fields) = Fields::open(context, node, "`memory`", MEMORY_KEYS) else { return };
    for key in MEMORY_KEYS {
        if let Some(node) = fields.get(key) {
            context.text(node, &format!("`{key}`"));
        }
    }
}

fn notify(context: &mut Context<'_>, node: &Node) {
    let Some(items) = context.list(node, "`notify`") else { return };
    for item in items {
        let Some(fields) = Fields::open(context, item, "A notification", NOTIFY_KEYS) else { continue };
        match fields.get("on") {
            Some(node) => words(context, node, "`on`", OCCASIONS),
            None => fields.missing(context, item.span, "A notification", "on", "Say when: `on: [failed]`."),
        }
        for (key, known) in [
            ("email", &["to", "template", "subject"][..]),
            ("sms", &["to", "template"]),
            ("webhook", &["url", "template"]),
        ] {
            if let Some(node) = fields.get(key) {
                Fields::open(context, node, &format!("`{key}`"), known);
            }
        }
        if ["email", "sms", "webhook"].iter().all(|key| fields.get(key).is_none()) {
            fields.missing(
                context,
                item.span,
                "A notification",
                "webhook",
                "Say where to: `webhook`, `email` or `sms`.",
            );
        }
    }
}

fn words(context: &mut Context<'_>, node: &Node, what: &str, allowed: &[&'static str]) {
    for item in node.as_list().unwrap_or(std::slice::from_ref(node)) {
        context.word(item, what, allowed);
    }
}

fn approval(context: &mut Context<'_>, node: &Node) {
    if node.as_scalar().is_some() {
        context.boolean(node, "`approval`");
        return;
    }
    let Some(fields) = Fields::open(context, node, "`approval`", APPROVAL_KEYS) else { return };
    if let Some(node) = fields.get("when") {
        context.text(node, "`when`");
    }
    if let Some(node) = fields.get("approvers") {
        context.texts(node, "`approvers`");
    }
    if let Some(node) = fields.get("quorum") {
        context.count(node, "`quorum`", 1);
    }
    if let Some(node) = fields.get("timeout") {
        context.duration(node, "`timeout`");
    }
    if let Some(node) = fields.get("on_timeout") {
        context.word(node, "`on_timeout`", &["reject", "approve", "fail"]);
    }
    if let Some(node) = fields.get("show") {
        words(context, node, "`show`", SHOWN);
    }
    if let Some(node) = fields.get("allow_edit") {
        context.boolean(node, "`allow_edit`");
    }
    if let Some(node) = fields.get("on_reject") {
        on_reject(context, node);
    }
}

fn on_reject(context: &mut Context<'_>, node: &Node) {
    let Some(fields) = Fields::open(context, node, "`on_reject`", &["rerun_from", "feedback", "max"]) else { return };
    if let Some(node) = fields.get("rerun_from") {
        context.text(node, "`rerun_from`");
    }
    if let Some(node) = fields.get("feedback") {
        context.boolean(node, "`feedback`");
    }
    if let Some(node) = fields.get("max") {
        context.count(node, "`max`", 1);
    }
}

fn escalate(context: &mut Context<'_>, node: &Node) {
    if node.as_scalar().is_some() {
        context.text(node, "`escalate`");
        return;
    }
    let Some(fields) = Fields::open(context, node, "`escalate`", ESCALATE_KEYS) else { return };
    if let Some(node) = fields.get("to") {
        context.text(node, "`to`");
    }
    if let Some(node) = fields.get("model") {
        model(context, node);
    }
    if let Some(node) = fields.get("max") {
        context.count(node, "`max`", 1);
    }
    if let Some(node) = fields.get("then") {
        context.word(node, "`then`", &["ask", "fail", "warn"]);
    }
}

fn sources(context: &mut Context<'_>, node: &Node) {
    let Some(items) = context.list(node, "`sources`") else { return };
    for item in items {
        let Some(fields) = Fields::open(context, item, "A source", &["ref", "rank"]) else { continue };
        match fields.get("ref") {
            Some(node) => {
                context.text(node, "`ref`");
            }
            None => fields.missing(context, item.span, "A source", "ref", "Say which: `ref: data/statutes.sqlite`."),
        }
        if let Some(node) = fields.get("rank") {
            context.text(node, "`rank`");
        }
    }
}

fn cache(context: &mut Context<'_>, node: &Node) {
    if node.as_scalar().is_some() {
        context.boolean(node, "`cache`");
        return;
    }
    let Some(fields) = Fields::open(context, node, "`cache`", &["key", "ttl"]) else { return };
    if let Some(node) = fields.get("key") {
        context.texts(node, "`key`");
    }
    if let Some(node) = fields.get("ttl") {
        context.duration(node, "`ttl`");
    }
}

fn model(context: &mut Context<'_>, node: &Node) {
    if node.as_scalar().is_some() {
        context.text(node, "`model`");
        return;
    }
    let Some(fields) =
        Fields::open(context, node, "`model`", &["class", "name", "provider", "temperature", "max_tokens"])
    else {
        return;
    };
    for key in ["class", "name", "provider"] {
        if let Some(node) = fields.get(key) {
            context.text(node, &format!("`{key}`"));
        }
    }
    if let Some(node) = fields.get("temperature") {
        context.number(node, "`temperature`");
    }
    if let Some(node) = fields.get("max_tokens") {
        context.count(node, "`max_tokens`", 1);
    }
}
