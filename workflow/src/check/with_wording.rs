//! What a schema's error means in words, and where it stands.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::catalogue::ActionSpec;
use crate::diagnostic::quoted;
use crate::document::TaskDeclaration;
use crate::node::{Node, Span};

/// An error in words.
pub(super) struct Worded {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) advice: String,
    /// The wrong word, where a nearest known one helps.
    pub(super) wrong: Option<String>,
    pub(super) known: Vec<String>,
}

/// The errors that a failed choice between alternatives comes down to: those of the one alternative whose kind of value
/// was written. Where none or several are of that kind, the error itself.
pub(super) fn meant<'e, 'i>(error: &'e ValidationError<'i>) -> Vec<&'e ValidationError<'i>> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind() else {
        return vec![error];
    };
    let other_kind = |found: &ValidationError<'_>| {
        found.instance_path() == error.instance_path() && matches!(found.kind(), ValidationErrorKind::Type { .. })
    };
    let mut fitting = context.iter().filter(|errors| !errors.is_empty() && !errors.iter().any(other_kind));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => only.iter().flat_map(|error| meant(error)).collect(),
        (_, _) => vec![error],
    }
}

/// Whether an error says that none, or too many, of several fields are there.
pub(super) fn is_choice(spec: &ActionSpec, error: &ValidationError<'_>) -> bool {
    let alternatives = matches!(
        error.kind(),
        ValidationErrorKind::AnyOf { .. }
            | ValidationErrorKind::OneOfNotValid { .. }
            | ValidationErrorKind::OneOfMultipleValid { .. }
    );
    alternatives && !choice(schema_around(spec, error)).is_empty()
}

pub(super) fn worded(error: &ValidationError<'_>, spec: &ActionSpec, task: &TaskDeclaration<'_>) -> Vec<Worded> {
    let pointer = error.instance_path().to_string();
    let own = task.action.name().map_or(task.id.span, |(_, span)| span);
    let node = task.with.map(|with| with.nearest_at(&pointer));
    let span = node.map_or(own, |node| if node.span.start == node.span.end { own } else { node.span });
    let place =
        if pointer.is_empty() { "`with`".to_owned() } else { format!("`with{}`", quoted(&pointer.replace('/', "."))) };
    let schema = schema_around(spec, error);
    let one = |message: String, advice: String| vec![Worded { span, message, advice, wrong: None, known: Vec::new() }];
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|key| unknown_field(spec, node, span, &pointer, key, schema)).collect()
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let what = if pointer.is_empty() { format!("The action `{}`", spec.name) } else { place };
            let about = described(schema, name);
            one(
                format!("{what} needs `{}`, which is missing.", quoted(name)),
                format!("Add `{}`.{about}", quoted(name)),
            )
        }
        ValidationErrorKind::Enum { options } => {
            let known: Vec<String> = options.as_array().into_iter().flatten().map(plain).collect();
            let found = plain(error.instance());
            let message = format!("{place} cannot be `{}`.", quoted(&found));
            vec![Worded { span, message, advice: String::new(), wrong: Some(found), known }]
        }
        ValidationErrorKind::AnyOf { .. }
        | ValidationErrorKind::OneOfNotValid { .. }
        | ValidationErrorKind::OneOfMultipleValid { .. }
            if !choice(schema).is_empty() =>
        {
            let names = choice(schema).join(", ");
            let own = if task.with.is_some() { span } else { own };
            let several = matches!(error.kind(), ValidationErrorKind::OneOfMultipleValid { .. });
            let verb = if several { "takes only one" } else { "needs one" };
            let message = format!("The action `{}` {verb} of {names}.", spec.name);
            let number = if matches!(error.kind(), ValidationErrorKind::AnyOf { .. }) { "at least" } else { "exactly" };
            let advice = format!("Write {number} one of {names}.");
            vec![Worded { span: own, message, advice, wrong: None, known: Vec::new() }]
        }
        ValidationErrorKind::Type { .. }
        | ValidationErrorKind::AnyOf { .. }
        | ValidationErrorKind::OneOfNotValid { .. } => {
            let wanted = schema
                .map(wanted)
                .filter(|wanted| !wanted.is_empty())
                .unwrap_or_else(|| "another kind of value".to_owned());
            let found = node.map_or("this", |node| node.what());
            one(
                format!("{place} must be {wanted}, not {found}."),
                format!("Write {wanted} here, or an expression that gives it."),
            )
        }
        ValidationErrorKind::PropertyNames { error } => {
            vec![taken_key(&plain(error.instance()), node, span, &place)]
        }
        ValidationErrorKind::Pattern { .. } if schema.is_some_and(|schema| schema.get("description").is_some()) => {
            let about = schema.and_then(|schema| schema.get("description")?.as_str()).unwrap_or_default();
            one(format!("{place} cannot be `{}`.", quoted(&plain(error.instance()))), about.to_owned())
        }
        _ => {
            // The rest speaks of bounds and lengths, which the library words well enough.
            let text = error.masked_with(place.clone()).to_string();
            one(super::expressions::sentence(&text), "See the action's page: `candor actions`.".to_owned())
        }
    }
}

/// A key that means something to the action itself.
fn taken_key(name: &str, node: Option<&Node>, span: Span, place: &str) -> Worded {
    Worded {
        span: node.and_then(|node| node.entry(name)).map_or(span, |entry| entry.key.span),
        message: format!("{place} cannot have the key `{}`.", quoted(name)),
        advice: "Choose another name: this one means something to the action itself.".to_owned(),
        wrong: None,
        known: Vec::new(),
    }
}

fn unknown_field(
    spec: &ActionSpec,
    node: Option<&Node>,
    span: Span,
    pointer: &str,
    key: &str,
    schema: Option<&Value>,
) -> Worded {
    let key_span = node.and_then(|node| node.entry(key)).map_or(span, |entry| entry.key.span);
    let fields = schema.or(pointer.is_empty().then_some(&spec.with)).and_then(super::properties);
    let known: Vec<String> = fields.into_iter().flat_map(|fields| fields.keys().cloned()).collect();
    Worded {
        span: key_span,
        message: format!("The action `{}` has no field `{}`{}.", spec.name, quoted(key), below(pointer)),
        advice: "Remove it.".to_owned(),
        wrong: Some(key.to_owned()),
        known,
    }
}

fn below(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" in `with{}`", quoted(&pointer.replace('/', "."))) }
}

/// The schema that holds the keyword which was broken.
fn schema_around<'s>(spec: &'s ActionSpec, error: &ValidationError<'_>) -> Option<&'s Value> {
    let path = error.schema_path().to_string();
    let (parent, _) = path.rsplit_once('/')?;
    spec.with.pointer(parent)
}

/// The fields of which one must be there, where alternatives say nothing else.
fn choice(schema: Option<&Value>) -> Vec<String> {
    let variants = ["oneOf", "anyOf"].into_iter().find_map(|word| schema?.get(word)?.as_array());
    let required = variants.into_iter().flatten().filter_map(|variant| variant.get("required")?.as_array());
    required.flatten().filter_map(Value::as_str).map(|name| format!("`{}`", quoted(name))).collect()
}

/// What a field is for, from the schema.
fn described(schema: Option<&Value>, field: &str) -> String {
    let text = schema
        .and_then(|schema| schema.get("properties")?.get(field)?.get("description")?.as_str())
        .map(|text| format!(" {text}"));
    text.unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    }
}

/// The kinds of value that a schema takes, in words.
pub(super) fn wanted(schema: &Value) -> String {
    let mut kinds: Vec<String> = Vec::new();
    let mut add = |schema: &Value| {
        let words = match schema.get("type") {
            Some(Value::String(word)) => vec![word.clone()],
            Some(Value::Array(words)) => words.iter().filter_map(|word| word.as_str().map(ToOwned::to_owned)).collect(),
            Some(_) | None => Vec::new(),
        };
        for word in words.iter().map(|word| kind(word)) {
            if !kinds.iter().any(|known| known == word) {
                kinds.push(word.to_owned());
            }
        }
    };
    add(schema);
    for variants in ["anyOf", "oneOf"] {
        schema.get(variants).and_then(Value::as_array).into_iter().flatten().for_each(&mut add);
    }
    kinds.join(" or ")
}

fn kind(word: &str) -> &str {
    match word {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a map",
        "null" => "nothing",
        other => other,
    }
}
