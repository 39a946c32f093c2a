//! Which columns rows have, where a schema that is known at the desk says so, and whether those that are named are there.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Checker;
use super::expressions::has_expressions;
use crate::catalogue::ActionSpec;
use crate::diagnostic::{Code, quoted};
use crate::document::TaskDeclaration;
use crate::expression::Template;
use crate::files::Path;
use crate::node::Node;
use crate::read;

/// Tasks through which the columns of rows are followed back.
const STEPS_MAX: usize = 32;

/// Columns by name, each with a value of its type; `None` for any type.
pub(super) struct Columns(Vec<(String, Option<Value>)>);

impl Columns {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// A row to try; `None` where one of the columns that are read may hold anything.
    pub(super) fn sample(&self, read: &BTreeSet<String>) -> Option<Value> {
        let any = self.0.iter().any(|(name, value)| value.is_none() && read.contains(name));
        let fields = self.0.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        (!any).then(|| Value::Object(fields.collect::<Map<_, _>>()))
    }
}

impl<'a> Checker<'a, '_> {
    /// The names of columns that the `csv` actions are given, where the columns are known.
    pub(super) fn with_columns(&mut self, spec: &ActionSpec, with: &'a Node) {
        let mut named: Vec<&Node> = Vec::new();
        let known = match spec.name.as_str() {
            "csv.metrics" | "csv.anomalies" => {
                named.extend(with.get("columns").and_then(Node::as_list).unwrap_or_default());
                self.columns_of(with)
            }
            "csv.read" => {
                let entries = with.get("distinct").and_then(Node::as_map).unwrap_or_default();
                named.extend(entries.iter().map(|entry| &entry.value));
                match (with.get("schema"), with.get("header")) {
                    (Some(schema), _) => self.columns_of_schema(schema),
                    (None, Some(header)) => columns_of_header(header),
                    (None, None) => None,
                }
            }
            _ => None,
        };
        let Some(known) = known else { return };
        for node in named {
            let Some(name) = node.as_text().filter(|name| !has_expressions(name) && !known.has(name)) else { continue };
            let advice = self.context.findings.did_you_mean(name, known.names(), "");
            let message = format!("The rows have no column `{}`.", quoted(name));
            self.context.findings.error(Code::InvalidWith, node.span, message, advice);
        }
    }

    /// The columns of the rows that an action is given: by its own schema, else by that of the task that read them.
    pub(super) fn columns_of(&self, with: &'a Node) -> Option<Columns> {
        let mut with = with;
        for _ in 0..STEPS_MAX {
            if let Some(schema) = with.get("schema") {
                return self.columns_of_schema(schema);
            }
            let task = self.rows_from(with.get("rows")?)?;
            let name = task.action.name()?.0;
            with = task.with?;
            match name {
                "csv.validate" => {}
                "csv.read" if with.get("schema").is_none() => return columns_of_header(with.get("header")?),
                "csv.read" => {}
                _ => return None,
            }
        }
        None
    }

    /// The task whose output `rows` this is.
    fn rows_from(&self, rows: &Node) -> Option<&'a TaskDeclaration<'a>> {
        let template = Template::parse(rows.as_text()?).ok()?;
        let expression = template.whole()?;
        let [read] = expression.references().tasks.as_slice() else { return None };
        // `tasks.x.outputs.rows` and nothing around it.
        let whole = read.offset == 0 && read.length == expression.text().len();
        if !whole || read.output.as_deref() != Some("rows") {
            return None;
        }
        let document = self.document;
        self.index.get(read.id.as_str()).map(|index| &document.tasks[*index]).filter(|task| task.fan_out.is_none())
    }

    fn columns_of_schema(&self, schema: &'a Node) -> Option<Columns> {
        let Some(text) = schema.as_text() else { return fields(schema) };
        let path = match Path::of(text) {
            Path::Inside(path) if !has_expressions(text) => path,
            Path::Inside(_) | Path::Outside | Path::Absolute | Path::Empty => return None,
        };
        // What is wrong with the file is said where it is named.
        let content = std::str::from_utf8(self.files.facts.get(&path)?.content.as_deref()?).ok()?;
        fields(&read::read(&path, content, &mut crate::diagnostic::Findings::new())?)
    }
}

/// Without a schema every column is text; their names stand in `header`, or only in the file.
fn columns_of_header(header: &Node) -> Option<Columns> {
    let names = header.as_list()?.iter().map(|name| name.as_text().filter(|name| !has_expressions(name)));
    let columns: Option<Vec<_>> = names.map(|name| Some((name?.to_owned(), Some(json!("text"))))).collect();
    columns.map(Columns)
}

fn fields(schema: &Node) -> Option<Columns> {
    let fields = schema.get("fields")?.as_list()?;
    let columns: Option<Vec<_>> = fields
        .iter()
        .map(|field| {
            let name = field.get("name")?.as_scalar()?.text.clone();
            let kind = field.get("type").map_or(Some("string"), Node::as_text)?;
            Some((name, of_type(kind)))
        })
        .collect();
    columns.filter(|columns| !columns.is_empty()).map(Columns)
}

/// A value of a column's type, as `csv.read` gives it.
fn of_type(kind: &str) -> Option<Value> {
    match kind {
        "string" => Some(json!("text")),
        "integer" => Some(json!(1)),
        "year" => Some(json!(2024)),
        "number" => Some(json!(1.5)),
        "boolean" => Some(json!(true)),
        "date" => Some(json!("2024-01-31")),
        "datetime" => Some(json!("2024-01-31T12:00:00")),
        "time" => Some(json!("12:00:00")),
        "yearmonth" => Some(json!("2024-01")),
        _ => None,
    }
}
