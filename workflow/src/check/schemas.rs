//! Schemas and rules that a workflow names: read here, so that a broken one is found at the desk.

use serde_json::Value;

use super::Checker;
use super::expressions::has_expressions;
use super::with::build;
use crate::catalogue::ActionSpec;
use crate::diagnostic::{Code, Findings, quoted};
use crate::document::TaskDeclaration;
use crate::node::{Node, Span};
use crate::read;

/// Types of a column that are read here; a Table Schema knows some more.
const COLUMN_TYPES: &[&str] =
    &["string", "integer", "number", "boolean", "date", "time", "datetime", "year", "yearmonth", "any"];

/// The others of a Table Schema.
const LATER_TYPES: &[&str] = &["object", "array", "duration", "geopoint", "geojson", "list"];

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
    pub(super) fn document_of(&mut self, path: &str, span: Span, code: Code) -> Option<Node> {
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

    /// Schemas and rules of the `csv` actions. JSON Pointers of what was found wrong, so that it is not said again.
    pub(super) fn with_schemas(&mut self, spec: &ActionSpec, with: &'a Node) -> Vec<String> {
        let mut said = Vec::new();
        if !spec.name.starts_with("csv.") {
            return said;
        }
        if let Some(node) = with.get("schema") {
            self.column_schema(node);
        }
        if let Some(node) = with.get("rules") {
            said.extend(self.rules(node, with));
        }
        said
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
                let which = if LATER_TYPES.contains(&word) { "type" } else { "unknown type" };
                let later = if LATER_TYPES.contains(&word) { ", which this build does not read" } else { "" };
                return Err((
                    kind.span,
                    format!("the field `{}` has the {which} `{}`{later}", quoted(name), quoted(word)),
                ));
            }
        }
        if let Some(constraints) = field.get("constraints").filter(|constraints| constraints.as_map().is_none()) {
            return Err((constraints.span, format!("the `constraints` of `{}` are no map", quoted(name))));
        }
    }
    Ok(())
}
