//! Declaring: the tree becomes a typed document, and everything that is not of the language is said.

pub(crate) mod fields;
mod inputs;
mod later;
mod policy;
mod schedule;
mod task;

pub(crate) use inputs::type_of_word;

use candor_proto::plan::Priority;

use crate::diagnostic::{Code, quoted};
use crate::document::{Document, Later};
use crate::node::{Entry, Node, Span, Spanned};
use fields::{Context, Fields};

/// Keys of a workflow, aliases among them.
pub(crate) const WORKFLOW_KEYS: &[&str] = &[
    "name",
    "version",
    "description",
    "on",
    "triggers",
    "inputs",
    "env",
    "files",
    "defaults",
    "priority",
    "fairness_key",
    "concurrency",
    "budget",
    "risk",
    "tasks",
    "assemble",
    "outputs",
    "notify",
    "memory",
];

/// Longest name of a workflow, in characters.
const NAME_CHARS_MAX: usize = 100;

/// Longest id, in characters.
pub(crate) const ID_CHARS_MAX: usize = 64;

/// The document that a tree declares. What cannot be read is left out, and a diagnostic says why.
pub(crate) fn declare<'n>(context: &mut Context<'_>, root: &'n Node) -> Option<Document<'n>> {
    let fields = Fields::open(context, root, "A workflow", WORKFLOW_KEYS)?;
    let mut document = Document { name: name(context, root, &fields), ..Document::default() };
    let text = |context: &mut Context<'_>, key: &str| {
        fields.get(key).and_then(|node| context.text(node, &format!("`{key}`"))).map(ToOwned::to_owned)
    };
    document.version = text(context, "version");
    document.description = text(context, "description");
    if let Some(entry) = fields.alias(context, &["on", "triggers"]) {
        later::triggers(context, &entry.value);
        document.later.push(Later { node: &entry.value, secrets: true, task: None });
    }
    if let Some(node) = fields.get("inputs") {
        document.inputs = inputs::declare(context, node);
    }
    document.env = env(context, fields.get("env"));
    if let Some(node) = fields.get("files") {
        document.files = context.texts(node, "`files`");
    }
    if let Some(node) = fields.get("defaults") {
        document.defaults = policy::defaults(context, node);
    }
    document.priority = fields.get("priority").and_then(|node| priority(context, node));
    document.fairness_key = fields.get("fairness_key").filter(|node| context.text(node, "`fairness_key`").is_some());
    if let Some(node) = fields.get("budget") {
        document.wall_clock_ms = policy::budget(context, node);
    }
    later::of_workflow(context, &fields, &mut document);
    tasks(context, root, &fields, &mut document);
    if let Some(node) = fields.get("assemble") {
        assemble(context, node, &mut document);
    }
    if let Some(entries) = fields.get("outputs").and_then(|node| context.map(node, "`outputs`")) {
        document.outputs = entries.iter().filter(|entry| is_id(context, &entry.key, "An output's name")).collect();
    }
    Some(document)
}

fn name(context: &mut Context<'_>, root: &Node, fields: &Fields<'_>) -> String {
    let Some(node) = fields.get("name") else {
        let span =
            root.as_map().and_then(|entries| entries.first()).map_or(Span::at(root.span.start), |entry| entry.key.span);
        fields.missing(
            context,
            span,
            "The workflow",
            "name",
            "Give it a name in the first line, such as `name: hello`.",
        );
        return String::new();
    };
    let Some(name) = context.text(node, "`name`") else { return String::new() };
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let message = format!("`name` must have 1 to {NAME_CHARS_MAX} characters.");
        let advice = match name.trim().is_empty() {
            true => "Give it a name, such as `name: hello`.",
            false => "Shorten it, and put the rest into `description`.",
        };
        context.invalid(node.span, message, advice);
    }
    name.to_owned()
}

/// Whether a name is an id; says so where it is none.
pub(crate) fn is_id(context: &mut Context<'_>, name: &Spanned<String>, what: &str) -> bool {
    let text = &name.value;
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if starts && rest && text.len() <= ID_CHARS_MAX {
        return true;
    }
    context.findings.error(
        Code::InvalidId,
        name.span,
        format!("{what} cannot be `{}`.", quoted(text)),
        format!("Begin with a letter or `_`, go on with letters, digits, `_` and `-`, at most {ID_CHARS_MAX} in all."),
    );
    false
}

pub(crate) fn priority(context: &mut Context<'_>, node: &Node) -> Option<Priority> {
    match context.word(node, "`priority`", &["low", "normal", "high"])? {
        "low" => Some(Priority::Low),
        "high" => Some(Priority::High),
        _ => Some(Priority::Normal),
    }
}

/// Names and values of an environment.
fn env<'n>(context: &mut Context<'_>, node: Option<&'n Node>) -> Vec<&'n Entry> {
    let Some(entries) = node.and_then(|node| context.map(node, "`env`")) else { return Vec::new() };
    entries.iter().filter(|entry| is_variable(context, entry)).collect()
}

fn is_variable(context: &mut Context<'_>, entry: &Entry) -> bool {
    let name = &entry.key.value;
    let shaped = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !shaped {
        let message = format!("An environment variable cannot be called `{}`.", quoted(name));
        let advice = "Use letters, digits and `_`, and begin with no digit.";
        context.findings.error(Code::InvalidId, entry.key.span, message, advice);
    } else if name.starts_with("CANDOR_") {
        let message = format!("`{}` begins with `CANDOR_`, which Candor sets itself.", quoted(name));
        context.findings.error(Code::ReservedName, entry.key.span, message, "Choose another name.");
    }
    shaped && (entry.value.is_null() || context.text(&entry.value, "An environment variable").is_some())
}

fn tasks<'n>(context: &mut Context<'_>, root: &'n Node, fields: &Fields<'n>, document: &mut Document<'n>) {
    let Some(node) = fields.get("tasks") else {
        let advice = "Add at least one: `tasks: [{ id: hello, run: echo hello }]`.";
        fields.missing(
            context,
            fields.entry("tasks").map_or(Span::at(root.span.start), |entry| entry.key.span),
            "The workflow",
            "tasks",
            advice,
        );
        return;
    };
    // The older style is a map of tasks by id.
    let named: Vec<(Option<&'n Spanned<String>>, &'n Node)> = match node.as_map() {
        Some(entries) => entries.iter().map(|entry| (Some(&entry.key), &entry.value)).collect(),
        None => context.list(node, "`tasks`").unwrap_or_default().iter().map(|item| (None, item)).collect(),
    };
    if named.is_empty() && (node.as_list().is_some() || node.as_map().is_some()) {
        context.invalid(
            node.span,
            "A workflow needs at least one task.",
            "Add one: `- { id: hello, run: echo hello }`.",
        );
    }
    for (key, node) in named {
        if let Some(task) = task::declare(context, key, node, document) {
            document.tasks.push(task);
        }
    }
}

fn assemble<'n>(context: &mut Context<'_>, node: &'n Node, document: &mut Document<'n>) {
    let Some(fields) = Fields::open(context, node, "`assemble`", &["summary", "statements", "format"]) else { return };
    document.summary = fields.get("summary").map(|node| context.texts(node, "`summary`"));
    if let Some(items) = fields.get("statements").and_then(|node| context.list(node, "`statements`")) {
        document.statements = items.iter().filter(|item| context.quoted_text(item, "A statement")).collect();
    }
    if let Some(node) = fields.get("format") {
        context.word(node, "`format`", &["markdown"]);
    }
}

/// Every list of keys with the place of its properties in the JSON Schema.
#[cfg(test)]
pub(crate) fn keys() -> Vec<(&'static str, &'static [&'static str])> {
    vec![
        ("/properties", WORKFLOW_KEYS),
        ("/$defs/task/properties", task::TASK_KEYS),
        ("/$defs/named_task/properties", task::TASK_KEYS),
        ("/$defs/check/anyOf/1/properties", task::CHECK_KEYS),
        ("/$defs/input/anyOf/1/properties", inputs::INPUT_KEYS),
        ("/$defs/retry/properties", policy::RETRY_KEYS),
        ("/$defs/limits/properties", policy::LIMITS_KEYS),
        ("/$defs/confidence/anyOf/1/properties", policy::CONFIDENCE_KEYS),
        ("/properties/budget/properties", policy::BUDGET_KEYS),
        ("/properties/defaults/properties", policy::DEFAULTS_KEYS),
        ("/properties/concurrency/properties", later::CONCURRENCY_KEYS),
        ("/properties/risk/properties", later::RISK_KEYS),
        ("/properties/memory/properties", later::MEMORY_KEYS),
        ("/properties/notify/items/properties", later::NOTIFY_KEYS),
        ("/$defs/approval/anyOf/1/properties", later::APPROVAL_KEYS),
        ("/$defs/escalate/anyOf/1/properties", later::ESCALATE_KEYS),
    ]
}
