//! Which outputs a task has, and of which type.

use std::collections::BTreeMap;

use candor_proto::ValueType;
use serde_json::Value;

use super::expressions::is_whole;
use crate::catalogue::{ActionSpec, OutputKind};
use crate::declare::type_of_word;
use crate::document::TaskDeclaration;

/// What is known of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputType {
    Is(ValueType),
    /// One of two, such as text or, when it is long, a file.
    Either(ValueType, ValueType),
    /// Not said.
    Unknown,
}

/// The outputs of one task; of a fan-out, those of one item.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskOutputs {
    pub(super) fields: BTreeMap<String, OutputType>,
    /// Whether nobody knows all of them: then every name may be right.
    pub(super) any: bool,
    /// Whether the author may declare more.
    pub(super) declarable: bool,
}

impl TaskOutputs {
    pub(super) fn get(&self, name: &str) -> Option<OutputType> {
        self.fields.get(name).copied().or(self.any.then_some(OutputType::Unknown))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.keys().map(String::as_str)
    }
}

/// The outputs of a task: fixed ones of its action, what `with` names, what it declares itself.
pub(super) fn of(task: &TaskDeclaration<'_>, spec: Option<&ActionSpec>, schema: Option<&Value>) -> TaskOutputs {
    let mut outputs = TaskOutputs::default();
    let Some(spec) = spec else {
        outputs.any = true;
        return outputs;
    };
    outputs.declarable = spec.open_outputs;
    for (name, output) in &spec.outputs {
        let kind = match &output.kind {
            OutputKind::One(kind) => OutputType::Is(*kind),
            OutputKind::Either(kinds) => match kinds.as_slice() {
                [one] => OutputType::Is(*one),
                [one, other] => OutputType::Either(*one, *other),
                _ => OutputType::Unknown,
            },
        };
        outputs.fields.insert(name.clone(), kind);
    }
    if spec.runs_code {
        outputs.fields.insert("files".to_owned(), OutputType::Is(ValueType::List));
    }
    named_by_with(task, spec, &mut outputs);
    for (name, kind) in &task.outputs {
        outputs.fields.insert(name.value.clone(), OutputType::Is(*kind));
    }
    match (task.output_schema, schema) {
        (Some(_), Some(schema)) => from_schema(schema, &mut outputs),
        (Some(_), None) => outputs.any = true,
        (None, _) => {}
    }
    outputs
}

/// Outputs whose names stand in `with`.
fn named_by_with(task: &TaskDeclaration<'_>, spec: &ActionSpec, outputs: &mut TaskOutputs) {
    match spec.name.as_str() {
        // `noop` gives its `with` back.
        "noop" => {
            for entry in task.with.and_then(|with| with.as_map()).unwrap_or_default() {
                let kind = match entry.value.to_value() {
                    Value::String(text) if text.contains("${{") => OutputType::Unknown,
                    Value::String(_) => OutputType::Is(ValueType::String),
                    Value::Bool(_) => OutputType::Is(ValueType::Boolean),
                    Value::Array(_) => OutputType::Is(ValueType::List),
                    Value::Object(_) => OutputType::Is(ValueType::Map),
                    Value::Number(_) | Value::Null => OutputType::Unknown,
                };
                outputs.fields.insert(entry.key.value.clone(), kind);
            }
        }
        "csv.read" => {
            let distinct = task.with.and_then(|with| with.get("distinct"));
            outputs.any |= distinct.and_then(|node| node.as_text()).is_some_and(is_whole);
            for entry in distinct.and_then(|node| node.as_map()).unwrap_or_default() {
                outputs.fields.insert(entry.key.value.clone(), OutputType::Is(ValueType::List));
            }
        }
        _ => {}
    }
}

fn from_schema(schema: &Value, outputs: &mut TaskOutputs) {
    let Some(properties) = super::properties(schema) else {
        outputs.any = true;
        return;
    };
    for (name, property) in properties {
        let kind = match property.get("type").and_then(Value::as_str) {
            Some("array") => OutputType::Is(ValueType::List),
            Some("object") => OutputType::Unknown,
            Some(word) => type_of_word(word).map_or(OutputType::Unknown, OutputType::Is),
            None => OutputType::Unknown,
        };
        outputs.fields.entry(name.clone()).or_insert(kind);
    }
}
