//! Where rows are expected: a table, or a list of tables with equal columns, one after the other.

use std::path::PathBuf;

use candor_platform::Artifacts;
use candor_proto::{Column, ErrorClass, TableValue, TaskError};
use serde_json::Value;

use super::{Reader, Row};
use crate::source::refused;

/// Tables with equal columns, each with the place where its body can be read. Can be read any number of times.
#[derive(Clone, Debug)]
pub struct Rows {
    parts: Vec<(PathBuf, TableValue)>,
    columns: Vec<Column>,
}

impl Rows {
    /// The rows that `value` stands for. A table without rows and columns goes with any other.
    pub async fn locate(artifacts: &dyn Artifacts, field: &str, value: &Value) -> Result<Self, TaskError> {
        let tables = tables(field, value)?;
        let named = tables.iter().find(|table| !table.columns.is_empty());
        let columns = named.map(|table| table.columns.clone()).unwrap_or_default();
        let mut parts = Vec::with_capacity(tables.len());
        for (index, table) in tables.into_iter().enumerate() {
            if table.columns != columns && !(table.count == 0 && table.columns.is_empty()) {
                let found = listed(&table.columns);
                let message =
                    format!("`{field}`: table {} has the columns {found}, not {}", index + 1, listed(&columns));
                let advice = "give every table the same columns with the same types in the same order";
                return Err(TaskError::new(ErrorClass::Validation, "columns", message).with_advice(advice));
            }
            let path = artifacts.local(table.sha256).await.map_err(|error| refused(&error))?;
            if table.columns == columns {
                parts.push((path, table));
            }
        }
        Ok(Self { parts, columns })
    }

    /// The columns of all of them.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The place of a column; an error that names the nearest one.
    pub fn column(&self, field: &str, name: &str) -> Result<usize, TaskError> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| {
            let message = format!("`{field}`: there is no column `{name}`");
            let advice = format!("the columns are {}", listed(&self.columns));
            TaskError::new(ErrorClass::Validation, "columns", message).with_advice(advice)
        })
    }

    /// All rows, from the first.
    pub fn read(&self) -> Pass<'_> {
        Pass { rest: self.parts.iter(), open: None }
    }
}

/// One pass over all rows.
pub struct Pass<'a> {
    rest: std::slice::Iter<'a, (PathBuf, TableValue)>,
    open: Option<Reader>,
}

impl Iterator for Pass<'_> {
    type Item = Result<Row, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.open.as_mut().and_then(Iterator::next) {
                return Some(row);
            }
            let (path, table) = self.rest.next()?;
            match Reader::open(path, table) {
                Ok(reader) => self.open = Some(reader),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn tables(field: &str, value: &Value) -> Result<Vec<TableValue>, TaskError> {
    let read = |value: &Value, place: String| {
        TableValue::from_value(value).ok_or_else(|| {
            let message = format!("{place} is not a table");
            let advice = "give it the `rows` of a task, or a list of such tables";
            TaskError::new(ErrorClass::Validation, "with", message).with_advice(advice)
        })
    };
    match value {
        Value::Array(items) => {
            let place = |index: usize| format!("`{field}[{index}]`");
            items.iter().enumerate().map(|(index, item)| read(item, place(index))).collect()
        }
        _ => Ok(vec![read(value, format!("`{field}`"))?]),
    }
}

fn listed(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|column| format!("{} ({})", column.name, column.kind)).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
