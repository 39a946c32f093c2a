//! One pass over rows: which go on, and which rule each of the others breaks.

use std::collections::BTreeMap;
use std::path::Path;

use candor_proto::{Column, TaskError};
use serde_json::Value;

use crate::action::csv::header::refused;
use crate::action::csv::rule::{RowScope, Rule, Severity};
use crate::schema::{Fault, Key, Schema, Unique};
use crate::table::{Row, Unstored, Writer, column};

/// What came of the rows.
pub(super) struct Checked {
    pub(super) rows: Unstored,
    pub(super) violations: Unstored,
    /// Violations by rule, also where there are none.
    pub(super) report: BTreeMap<String, u64>,
    pub(super) rows_in: u64,
    pub(super) set_aside: u64,
}

/// The pass.
pub(super) struct Checks {
    shape: Option<Shape>,
    rules: Vec<Rule>,
    names: Vec<String>,
    rows: Writer,
    violations: Writer,
    report: BTreeMap<String, u64>,
    rows_in: u64,
    set_aside: u64,
}

/// What the schema says of each column of the rows, in their order.
struct Shape {
    schema: Schema,
    kinds: Vec<String>,
    /// The schema's field for each column.
    fields: Vec<usize>,
    seen: Vec<Unique>,
}

/// A rule that a row breaks.
struct Violation<'a> {
    column: Option<&'a str>,
    rule: String,
    severity: Severity,
    message: String,
}

impl Checks {
    pub(super) fn new(
        folder: &Path,
        columns: &[Column],
        schema: Option<Schema>,
        rules: Vec<Rule>,
    ) -> Result<Self, TaskError> {
        let shape = schema.map(|schema| Shape::new(schema, columns)).transpose()?;
        let typed = |(index, found): (usize, &Column)| match &shape {
            Some(shape) => column(&found.name, shape.schema.fields[shape.fields[index]].kind.word()),
            None => found.clone(),
        };
        let out: Vec<_> = columns.iter().enumerate().map(typed).collect();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        rules.iter().try_for_each(|rule| rule.asks_of(&names))?;
        let violations = [
            ("row", "integer"),
            ("column", "string"),
            ("rule", "string"),
            ("severity", "string"),
            ("message", "string"),
        ];
        let violations = violations.iter().map(|(name, kind)| column(name, kind)).collect();
        Ok(Self {
            shape,
            report: rules.iter().map(|rule| (rule.id.clone(), 0)).collect(),
            rules,
            names,
            rows: Writer::create(folder, out)?,
            violations: Writer::create(folder, violations)?,
            rows_in: 0,
            set_aside: 0,
        })
    }

    pub(super) fn row(&mut self, number: u64, row: Row) -> Result<(), TaskError> {
        self.rows_in += 1;
        let mut found = Vec::new();
        let row = match &mut self.shape {
            Some(shape) => shape.typed(number, row, &mut found)?,
            None => row,
        };
        if found.is_empty() && !self.rules.is_empty() {
            let scope = RowScope::new(&self.names, &row);
            for rule in &self.rules {
                if let Some(message) = rule.violation(&scope)? {
                    found.push(Violation { column: None, rule: rule.id.clone(), severity: rule.severity, message });
                }
            }
        }
        if found.iter().any(|violation| violation.severity == Severity::Error) {
            self.set_aside += 1;
        } else {
            self.rows.write(&row)?;
        }
        for violation in found {
            let Violation { column, rule, severity, message } = violation;
            self.violations.write(&[
                number.into(),
                column.into(),
                rule.as_str().into(),
                severity.word().into(),
                message.into(),
            ])?;
            *self.report.entry(rule).or_default() += 1;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Checked, TaskError> {
        Ok(Checked {
            rows: self.rows.finish()?,
            violations: self.violations.finish()?,
            report: self.report,
            rows_in: self.rows_in,
            set_aside: self.set_aside,
        })
    }
}

impl Shape {
    fn new(schema: Schema, columns: &[Column]) -> Result<Self, TaskError> {
        let names: Vec<_> = columns.iter().map(|column| column.name.clone()).collect();
        let places = schema.places(&names).map_err(|wrong| {
            let advice = format!("the columns of the rows are {}", names.join(", "));
            refused(&format!("the rows do not fit the schema: {}", wrong.join("; ")), Some(&advice))
        })?;
        let mut fields = vec![0; columns.len()];
        for (field, place) in places.into_iter().enumerate() {
            fields[place] = field;
        }
        let seen = schema.keys.iter().map(|_| Unique::default()).collect();
        let kinds = columns.iter().map(|column| column.kind.clone()).collect();
        Ok(Self { schema, kinds, fields, seen })
    }

    /// The row with its values in the schema's types. Where one has none it stays as it was, and a violation says so.
    fn typed<'a>(&'a mut self, number: u64, row: Row, found: &mut Vec<Violation<'a>>) -> Result<Row, TaskError> {
        let Self { schema, kinds, fields, seen } = self;
        let mut typed = Row::with_capacity(row.len());
        for ((value, field), kind) in row.into_iter().zip(fields.iter()).zip(kinds.iter()) {
            let field = &schema.fields[*field];
            match field.take(&value, kind, &schema.missing) {
                Ok(value) => typed.push(value),
                Err(fault) => {
                    found.push(violation(&field.name, fault));
                    typed.push(value);
                }
            }
        }
        if !found.is_empty() {
            return Ok(typed);
        }
        let at = |field: &usize| fields.iter().position(|found| found == field).and_then(|place| typed.get(place));
        let keys: Vec<_> =
            schema.keys.iter().map(|key| Key::of(key.iter().map(|field| at(field).unwrap_or(&Value::Null)))).collect();
        for ((columns, key), seen) in schema.keys.iter().zip(&keys).zip(seen.iter()) {
            if let Some(earlier) = key.and_then(|key| seen.seen(key)) {
                let fault = Fault::new("unique", format!("the value is the one of row {earlier} again"));
                found.push(violation(&schema.fields[columns[0]].name, fault));
            }
        }
        if found.is_empty() {
            for ((columns, key), seen) in schema.keys.iter().zip(keys).zip(seen.iter_mut()) {
                if let Some(key) = key {
                    seen.insert(&schema.fields[columns[0]].name, key, number)?;
                }
            }
        }
        Ok(typed)
    }
}

fn violation(column: &str, fault: Fault) -> Violation<'_> {
    let rule = format!("schema.{}", fault.rule);
    Violation { column: Some(column), rule, severity: Severity::Error, message: fault.reason }
}
