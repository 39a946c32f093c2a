//! Schemas and rules that a workflow names: read here, so that a broken one is found at the desk.

use serde_json::Value;

use super::Checker;
use super::expressions::has_expressions;
use super::site::Site;
use super::with::build;
use crate::catalogue::ActionSpec;
use crate::diagnostic::{Code, Findings, quoted};
use crate::document::TaskDeclaration;
use crate::expression::Expression;
use crate::node::{Node, Span};
use crate::read;

/// Types of a column.
const COLUMN_TYPES: &[&str] = &[
    "string",
    "integer",
    "number",
    "boolean",
    "date",
    "time",
    "datetime",
    "duration",
    "year",
    "yearmonth",
    "object",
    "array",
    "any",
];

impl<'a> Checker<'a, '_> {
    /// The schema of a task's outputs, inline or from a file.
    pub(super) fn output_schema(&mut self, task: &'a TaskDeclaration<'a>) -> Option<Value> {
        let node = task.output_schema?;
        let schema = match node.as_map() {
            Some(_) => node.to_value(),
            None => self.document_of(node.as_scalar()?.text.as_str(), node.span, Code::InvalidSchema)?.to_value(),
        };
        match build(&schema) {
            Ok(_) => Some(schema),
            Err(reason) => {
                let message = format!("This is no JSON Schema: {}.", quoted(reason.trim_end_matches('.')));
                let advice = "Write a schema such as `{ type: object, properties: { count: { type: integer } } }`; `$ref` may point into itself only.";
                self.context.findings.error(Code::InvalidSchema, node.span, message, advice);
                None
            }
        }
    }

    /// A file of the workflow as a tree; what is wrong inside is said at the place that names it.
    fn document_of(&mut self, path: &str, span: Span, code: Code) -> Option<Node> {
        let content = self.read_path(path, span)?;
        let mut inner = Findings::new();
        let node = std::str::from_utf8(content).ok().and_then(|text| read::read(path, text, &mut inner));
        let places = crate::place::Places::new(std::str::from_utf8(content).unwrap_or(""));
        let wrong = inner.finish(&places).into_iter().next();
        if node.is_none() || wrong.is_some() {
            let reason = wrong.map_or_else(
                || "It is not text in UTF-8.".to_owned(),
                |wrong| format!("In line {}, column {}: {}", wrong.line, wrong.column, wrong.message),
            );
            let message = format!("The file `{}` cannot be read. {reason}", quoted(path));
            self.context.findings.error(code, span, message, "Correct the file.");
            return None;
        }
        node
    }

    /// Schemas and rules of the `csv` actions.
    pub(super) fn with_schemas(&mut self, spec: &ActionSpec, with: &'a Node) {
        if !spec.name.starts_with("csv.") {
            return;
        }
        if let Some(node) = with.get("schema") {
            self.column_schema(node);
        }
        if let Some(node) = with.get("rules") {
            self.rules(node);
        }
    }

    fn column_schema(&mut self, node: &'a Node) {
        let read;
        let schema = match node.as_text() {
            Some(text) if has_expressions(text) => return,
            Some(text) => {
                let Some(found) = self.document_of(text, node.span, Code::InvalidSchema) else { return };
                read = found;
                &read
            }
            None => node,
        };
        if let Err((at, reason)) = columns(schema) {
            // Of a schema in a file, only the place that names it is in this document.
            let span = if std::ptr::eq(schema, node) { at } else { node.span };
            let message = format!("This is no schema of columns: {reason}.");
            let advice = "Write `{ fields: [{ name: id, type: integer }] }`, as of Frictionless Table Schema.";
            self.context.findings.error(Code::InvalidSchema, span, message, advice);
        }
    }

    fn rules(&mut self, node: &'a Node) {
        let read;
        let rules = match node.as_text() {
            Some(text) if has_expressions(text) => return,
            Some(text) => {
                let Some(found) = self.document_of(text, node.span, Code::InvalidRules) else { return };
                read = found;
                &read
            }
            None => node,
        };
        let inline = std::ptr::eq(rules, node);
        // A file may hold the list under the key `rules`.
        let list = rules.get("rules").unwrap_or(rules);
        let mut wrong = Vec::new();
        match list.as_list() {
            Some(items) => wrong.extend(items.iter().filter_map(|item| rule(item, !inline).err())),
            None => wrong.push((list.span, "it is no list".to_owned())),
        }
        for (at, reason) in wrong {
            let span = if inline { at } else { node.span };
            let message = format!("A rule cannot be used: {reason}.");
            let advice = "Write `{ id: positive, assert: row.amount > 0, severity: error }`.";
            self.context.findings.error(Code::InvalidRules, span, message, advice);
        }
        for assert in inline_rules(node) {
            self.expression(assert, &Site::row(), "The `assert` of a rule");
        }
    }
}

fn columns(schema: &Node) -> Result<(), (Span, String)> {
    let fields = schema.get("fields").ok_or((schema.span, "it has no `fields`".to_owned()))?;
    let fields = fields.as_list().ok_or((fields.span, "`fields` is no list".to_owned()))?;
    let mut seen = std::collections::HashSet::new();
    for field in fields {
        let name = field.get("name").and_then(|name| name.as_scalar()).map(|name| name.text.as_str());
        let name = name.filter(|name| !name.is_empty()).ok_or((field.span, "a field has no `name`".to_owned()))?;
        if !seen.insert(name) {
            return Err((field.span, format!("the field `{}` stands twice", quoted(name))));
        }
        if let Some(kind) = field.get("type") {
            let word = kind.as_text().unwrap_or("");
            if !COLUMN_TYPES.contains(&word) {
                return Err((
                    kind.span,
                    format!("the field `{}` has the unknown type `{}`", quoted(name), quoted(word)),
                ));
            }
        }
        if let Some(constraints) = field.get("constraints").filter(|constraints| constraints.as_map().is_none()) {
            return Err((constraints.span, format!("the `constraints` of `{}` are no map", quoted(name))));
        }
    }
    Ok(())
}

/// The expressions of rules that stand in the workflow itself. They are over `row`, so nothing but the action evaluates them.
pub(super) fn inline_rules(rules: &Node) -> impl Iterator<Item = &Node> {
    let items = rules.as_list().unwrap_or_default().iter();
    items.filter_map(|item| item.get("assert").filter(|assert| assert.as_scalar().is_some()))
}

/// What is wrong with a rule; also with its expression, where that is not looked at in its own place.
fn rule(node: &Node, expression: bool) -> Result<(), (Span, String)> {
    let id = node.get("id").and_then(|id| id.as_scalar()).map(|id| quoted(&id.text));
    let id = id.ok_or((node.span, "it has no `id`".to_owned()))?;
    let assert = node.get("assert").and_then(|assert| assert.as_scalar());
    let assert = assert.ok_or((node.span, format!("`{id}` has no `assert`")))?;
    let severity = node.get("severity").and_then(|severity| severity.as_text());
    if let Some(severity) = severity.filter(|word| !["error", "warning", "warn", "info"].contains(word)) {
        return Err((node.span, format!("`{id}` has the unknown severity `{}`", quoted(severity))));
    }
    match expression.then(|| Expression::parse_rule(&assert.text)) {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err((node.span, format!("the expression of `{id}` is wrong: {}", quoted(&error.message)))),
    }
}
