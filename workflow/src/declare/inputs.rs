//! Declared inputs.

use candor_proto::ValueType;

use super::fields::{Context, Fields};
use super::is_id;
use crate::diagnostic::{Code, quoted};
use crate::document::InputDeclaration;
use crate::node::{Entry, Node};

/// Keys of an input.
pub(crate) const INPUT_KEYS: &[&str] = &["type", "default", "required", "pattern", "description"];

/// The words for types, `path` being another for `file`.
pub(crate) const TYPE_WORDS: &[&str] =
    &["string", "integer", "number", "boolean", "date", "duration", "list", "map", "file", "path", "table"];

/// Words of other languages, and ours.
const HABITS: &[(&str, &str)] = &[
    ("str", "string"),
    ("text", "string"),
    ("int", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("bool", "boolean"),
    ("array", "list"),
    ("object", "map"),
    ("dict", "map"),
    ("datetime", "date"),
];

pub(super) fn declare<'n>(context: &mut Context<'_>, node: &'n Node) -> Vec<InputDeclaration<'n>> {
    let Some(entries) = context.map(node, "`inputs`") else { return Vec::new() };
    entries.iter().filter_map(|entry| input(context, entry)).collect()
}

fn input<'n>(context: &mut Context<'_>, entry: &'n Entry) -> Option<InputDeclaration<'n>> {
    if !is_id(context, &entry.key, "An input's name") {
        return None;
    }
    let mut input = InputDeclaration {
        name: entry.key.clone(),
        kind: None,
        description: None,
        default: None,
        required: false,
        pattern: None,
    };
    if entry.value.as_scalar().is_some() && !entry.value.is_null() {
        input.kind = value_type(context, &entry.value);
        return Some(input);
    }
    let what = format!("The input `{}`", entry.key.value);
    if entry.value.as_map().is_none() {
        let message = format!("{what} has no type.");
        let advice = format!("Write one, such as `{}: string`.", entry.key.value);
        context.findings.error(Code::MissingKey, entry.key.span, message, advice);
        return Some(input);
    }
    let Some(fields) = Fields::open(context, &entry.value, &what, INPUT_KEYS) else { return Some(input) };
    match fields.get("type") {
        Some(node) => input.kind = value_type(context, node),
        None => {
            let advice = format!("Add one, such as `{}: {{ type: string }}`.", entry.key.value);
            fields.missing(context, entry.key.span, &what, "type", &advice);
        }
    }
    input.description =
        fields.get("description").and_then(|node| context.text(node, "`description`")).map(ToOwned::to_owned);
    input.default = fields.get("default");
    input.required = fields.get("required").and_then(|node| context.boolean(node, "`required`")).unwrap_or(false);
    input.pattern = fields.get("pattern").and_then(|node| context.spanned_text(node, "`pattern`"));
    Some(input)
}

/// A type by its word.
pub(super) fn value_type(context: &mut Context<'_>, node: &Node) -> Option<ValueType> {
    let text = context.text(node, "A type")?;
    let found = type_of_word(text);
    if found.is_none() {
        let advice = match HABITS.iter().find(|(habit, _)| *habit == text) {
            Some((_, ours)) => format!("Write `{ours}`."),
            None => context.findings.did_you_mean(text, TYPE_WORDS.iter().copied(), ""),
        };
        context.invalid(node.span, format!("There is no type `{}`.", quoted(text)), advice);
    }
    found
}

pub(crate) fn type_of_word(word: &str) -> Option<ValueType> {
    Some(match word {
        "string" => ValueType::String,
        "integer" => ValueType::Integer,
        "number" => ValueType::Number,
        "boolean" => ValueType::Boolean,
        "date" => ValueType::Date,
        "duration" => ValueType::Duration,
        "list" => ValueType::List,
        "map" => ValueType::Map,
        "file" | "path" => ValueType::File,
        "table" => ValueType::Table,
        _ => return None,
    })
}
