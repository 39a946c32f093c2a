//! The reference pages of all actions, made from their declarations.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::{ActionSpec, Catalogue, OutputKind, Risk};

/// File names and Markdown texts for `docs/actions/`: a page for each action, and `README.md`.
pub fn pages(catalogue: &Catalogue) -> BTreeMap<String, String> {
    let mut pages: BTreeMap<String, String> =
        catalogue.iter().map(|spec| (format!("{}.md", spec.name), page(spec))).collect();
    pages.insert("README.md".to_owned(), overview(catalogue));
    pages
}

fn overview(catalogue: &Catalogue) -> String {
    let mut text = "# Actions\n\nWhat a task can use. Each page is made from the action's declaration.\n\n".to_owned();
    text.push_str("| action | what it does |\n| --- | --- |\n");
    for spec in catalogue.iter() {
        let later = if spec.supported { "" } else { " *(not in this build)*" };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "| [`{0}`]({0}.md) | {1}{later} |", spec.name, cell(&spec.summary));
    }
    text
}

/// The page of one action, as Markdown.
pub fn page(spec: &ActionSpec) -> String {
    let mut text = format!("# {}\n\n{}\n", spec.name, spec.summary);
    if !spec.supported {
        text.push_str("\nThis build knows the action but cannot execute it.\n");
    }
    text.push_str("\n## With\n\n");
    fields(&mut text, &spec.with);
    text.push_str("\n## Outputs\n\n");
    outputs(&mut text, spec);
    if !spec.checks.is_empty() {
        text.push_str("\n## Checks\n\n| check | what it says |\n| --- | --- |\n");
        for (name, summary) in &spec.checks {
            let _ = writeln!(text, "| `{name}` | {} |", cell(summary));
        }
    }
    text.push_str("\n## Risk\n\n");
    let risk = match spec.risk {
        Risk::Low => "Low: it reads, computes and writes its own outputs only.",
        Risk::Medium => "Medium: it runs somebody's code or changes files.",
        Risk::High => "High: it changes something that others rely on.",
    };
    let _ = writeln!(text, "{risk}");
    if !spec.effects.is_empty() {
        let effects: Vec<String> = spec.effects.iter().map(|effect| format!("`{effect}`")).collect();
        let _ = writeln!(text, "Effects: {}.", effects.join(", "));
    }
    if spec.model {
        text.push_str("Its result comes from a language model.\n");
    }
    text
}

fn fields(text: &mut String, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|fields| !fields.is_empty())
    else {
        text.push_str("Any fields.\n");
        return;
    };
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    text.push_str("| field | kind | default | meaning |\n| --- | --- | --- | --- |\n");
    for (name, field) in properties {
        let star = if required.contains(&name.as_str()) { "*" } else { "" };
        let default = field.get("default").map(|value| format!("`{value}`")).unwrap_or_default();
        let meaning = field.get("description").and_then(Value::as_str).unwrap_or("");
        let _ = writeln!(text, "| `{name}`{star} | {} | {} | {} |", cell(&kind(field)), cell(&default), cell(meaning));
    }
    text.push_str("\nA field with * is required.\n");
    for (word, number) in [("oneOf", "Exactly one"), ("anyOf", "At least one")] {
        let variants = schema.get(word).and_then(Value::as_array).into_iter().flatten();
        let needed = variants.filter_map(|variant| variant.get("required")?.as_array());
        let names: Vec<String> = needed.flatten().filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "{number} of {} is needed.", names.join(" and "));
        }
    }
}

fn kind(schema: &Value) -> String {
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        return options
            .iter()
            .map(|option| format!("`{}`", option.as_str().unwrap_or("")))
            .collect::<Vec<_>>()
            .join(", ");
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(variants) = schema.get(word).and_then(Value::as_array) {
            return variants.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    let word = schema.get("type").and_then(Value::as_str).unwrap_or("any value");
    match (word, schema.get("format").and_then(Value::as_str)) {
        ("string", Some("path")) => "path of a file".to_owned(),
        ("string", Some("out-path")) => "path below `out/`".to_owned(),
        ("string", Some("place")) => "relative or absolute path".to_owned(),
        ("string", Some("encoding")) => "name of an encoding".to_owned(),
        ("string", _) => "text".to_owned(),
        ("array", _) => match schema.get("items") {
            Some(items) => format!("list of {}", kind(items)),
            None => "list".to_owned(),
        },
        ("object", _) => "map or value with fields".to_owned(),
        (other, _) => other.to_owned(),
    }
}

fn outputs(text: &mut String, spec: &ActionSpec) {
    if !spec.outputs.is_empty() {
        text.push_str("| output | type | meaning |\n| --- | --- | --- |\n");
        for (name, output) in &spec.outputs {
            let kind = match &output.kind {
                OutputKind::One(kind) => kind.word().to_owned(),
                OutputKind::Either(kinds) => kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(" or "),
            };
            let _ = writeln!(text, "| `{name}` | {kind} | {} |", cell(&output.summary));
        }
    }
    if spec.open_outputs {
        text.push_str("\nThe task may declare further outputs under `outputs` or `output_schema`.\n");
    } else if spec.outputs.is_empty() {
        text.push_str("What its parameters name, or none.\n");
    }
}

/// A text inside a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
