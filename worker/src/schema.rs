//! Column schemas in the form of a Frictionless Table Schema: what a value of a column may be.
//!
//! Owns types, formats and constraints. Deliberately does not know where the values come from.

mod constraint;
mod descriptor;
mod kind;
mod unique;

pub use constraint::Constraints;
pub use kind::Kind;
pub use unique::{Key, Unique};

use candor_proto::{Column, TaskError};
use serde_json::Value;

use crate::table::column;

/// The columns that a table must have.
#[derive(Clone, Debug)]
pub struct Schema {
    /// In the order of the table that results.
    pub fields: Vec<Field>,
    /// Texts that stand for "no value".
    pub missing: Vec<String>,
    /// Groups of columns whose values together occur once, such as the primary key.
    pub keys: Vec<Vec<usize>>,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type and format.
    pub kind: Kind,
    /// What must hold of each value.
    pub constraints: Constraints,
}

/// Why a value is not what its column takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule that it breaks, as a word: `type`, `required`, `enum`, `minimum` …
    pub rule: &'static str,
    /// A sentence for people, lower case.
    pub reason: String,
}

impl Fault {
    /// A fault of this rule.
    pub fn new(rule: &'static str, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }
}

impl Schema {
    /// Reads the descriptor, as an object that was parsed already.
    pub fn from_value(value: &Value) -> Result<Self, TaskError> {
        descriptor::read(value)
    }

    /// Columns of text, for data about which nothing is said.
    pub fn of_text(names: &[String]) -> Self {
        let text = |name: &String| Field {
            name: name.clone(),
            kind: Kind::String(kind::TextFormat::Any),
            constraints: Constraints::default(),
        };
        Self { fields: names.iter().map(text).collect(), missing: vec![String::new()], keys: Vec::new() }
    }

    /// The columns of a table with this schema.
    pub fn columns(&self) -> Vec<Column> {
        self.fields.iter().map(|field| column(&field.name, field.kind.word())).collect()
    }

    /// Where each field lies among these names; an error that lists what is missing, unknown or there twice.
    pub fn places(&self, names: &[String]) -> Result<Vec<usize>, Vec<String>> {
        let mut wrong = Vec::new();
        for name in names {
            if !self.fields.iter().any(|field| field.name == *name) {
                wrong.push(format!("column `{name}` is not in the schema"));
            }
        }
        let mut places = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            match names.iter().position(|name| *name == field.name) {
                Some(place) => places.push(place),
                None => wrong.push(format!("column `{}` of the schema is missing", field.name)),
            }
        }
        if wrong.is_empty() { Ok(places) } else { Err(wrong) }
    }
}

impl Field {
    /// The value that a text stands for; `None` is no value at all.
    pub fn read(&self, text: Option<&str>) -> Result<Value, Fault> {
        let value = match text {
            Some(text) => self.kind.read(text)?,
            None => Value::Null,
        };
        self.constraints.check(&value, text)?;
        Ok(value)
    }

    /// The value that a value of a table stands for; `from` is the type of its column there, which is text
    /// when the table was read without a schema.
    pub fn take(&self, value: &Value, from: &str, missing: &[String]) -> Result<Value, Fault> {
        let already = matches!(self.kind, Kind::Date(_) | Kind::Datetime(_)) && from == self.kind.word();
        match value {
            Value::Null => self.read(None),
            Value::String(text) if already => {
                // It has its canonical form, whatever the pattern was that it was once read with.
                self.constraints.check(value, Some(text))?;
                Ok(value.clone())
            }
            Value::String(text) if missing.contains(text) => self.read(None),
            Value::String(text) => self.read(Some(text)),
            other => {
                let taken = self.kind.take(other)?;
                self.constraints.check(&taken, Some(&other.to_string()))?;
                Ok(taken)
            }
        }
    }
}

/// A text in a message: short, in back-quotes, without control characters.
pub fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    let mut shown = String::from("`");
    for character in text.chars().take(CHARACTERS_MAX) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown.push('`');
    shown
}
