//! Absolute paths that a run may use without being asked: those that its author or its caller wrote.
//!
//! What a task computed comes from data, and data must not choose what is read or written on this machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use candor_proto::ValueType;
use candor_proto::plan::Plan;
use candor_workflow::catalogue::{Catalogue, OutputKind};
use serde_json::{Map, Value};

/// Where an expression begins in a text.
const EXPRESSION: &str = "${{";

/// The absolute paths that stand in a plan and in what was given to it, and those that were allowed beside them.
/// Of a text that begins with a path and goes on with an expression it is the folder before that.
pub(crate) fn written(plan: &Plan, given: &Map<String, Value>, allowed: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: BTreeSet<PathBuf> = allowed.iter().cloned().collect();
    let mut texts = Vec::new();
    let plan = serde_json::to_value(plan).unwrap_or_default();
    collect(&plan, &mut texts);
    given.values().for_each(|value| collect(value, &mut texts));
    found.extend(texts.into_iter().filter_map(absolute));
    found.into_iter().collect()
}

/// The fields that name a path by an expression over results, as `task.field`.
pub(crate) fn computed(plan: &Plan, catalogue: &Catalogue) -> Vec<String> {
    let names_path = |uses: &str, field: &str| {
        let schema = catalogue.get(uses).and_then(|action| action.with.get("properties")?.get(field));
        schema.is_some_and(|schema| schema.to_string().contains("\"format\":\"path\""))
    };
    let mut found = Vec::new();
    for task in &plan.tasks {
        for (field, value) in task.with.as_object().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            let from_results = text.contains(EXPRESSION) && text.contains("tasks.");
            if from_results && names_path(&task.uses, field) && !is_file(plan, catalogue, text) {
                found.push(format!("{}.{field}: {text}", task.id));
            }
        }
    }
    found
}

/// Whether a text is nothing but an output that is a file or a table: then it is no path, whatever it holds.
fn is_file(plan: &Plan, catalogue: &Catalogue, text: &str) -> bool {
    let inner = text.trim().strip_prefix(EXPRESSION).and_then(|text| text.strip_suffix("}}")).unwrap_or_default();
    let parts: Vec<&str> = inner.trim().split('.').collect();
    let ["tasks", id, "outputs", name] = parts.as_slice() else { return false };
    let Some(task) = plan.tasks.iter().find(|task| task.id == *id) else { return false };
    let fixed = || match &catalogue.get(&task.uses)?.outputs.get(*name)?.kind {
        OutputKind::One(kind) => Some(*kind),
        OutputKind::Either(_) => None,
    };
    let kind = task.outputs.get(*name).copied().or_else(fixed);
    matches!(kind, Some(ValueType::File | ValueType::Table))
}

fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn absolute(text: &str) -> Option<PathBuf> {
    let path = match text.find(EXPRESSION) {
        None => text,
        Some(place) => &text[..=text[..place].rfind('/')?],
    };
    // The root is in every path, and a text that is nothing but a slash is rarely meant as one.
    let named = Path::new(path).is_absolute() && Path::new(path).components().count() > 1 && !path.contains('\0');
    named.then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::absolute;
    use std::path::{Path, PathBuf};

    #[test]
    fn a_path_is_taken_as_far_as_it_stands_there() {
        for (text, wanted) in [
            ("/data/a.csv", Some("/data/a.csv")),
            ("/data/${{ item }}.csv", Some("/data/")),
            ("/data/x${{ item }}/y", Some("/data/")),
            ("/${{ item }}", None),
            ("${{ item }}/a", None),
            ("a/b", None),
            ("/", None),
        ] {
            assert_eq!(absolute(text).as_deref(), wanted.map(Path::new), "{text}");
        }
        assert_eq!(absolute("/data/${{ a }}"), Some(PathBuf::from("/data")));
    }
}
