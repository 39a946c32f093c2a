//! Whether a record becomes a row, and if not, why.

use std::borrow::Cow;

use candor_proto::TaskError;
use memchr::memchr;
use serde_json::Value;

use crate::action::csv::record::{Broken, RECORD_BYTES_MAX, Record};
use crate::schema::{Fault, Field, Key, Schema, Unique};
use crate::table::Row;

/// Judges records by a schema, and remembers what must be unique.
pub(super) struct Judge {
    pub(super) schema: Schema,
    /// Where each field stands in a record.
    places: Vec<usize>,
    /// One per key of the schema.
    seen: Vec<Unique>,
}

/// What became of a record.
pub(super) enum Verdict {
    Row(Row),
    Rejected(Rejected),
}

/// Why a record is no row.
pub(super) struct Rejected {
    /// Of the first fault, where it lies in one column.
    pub(super) column: Option<String>,
    pub(super) rule: &'static str,
    /// All faults.
    pub(super) reason: String,
}

impl Judge {
    pub(super) fn new(schema: Schema, places: Vec<usize>) -> Self {
        let seen = schema.keys.iter().map(|_| Unique::default()).collect();
        Self { schema, places, seen }
    }

    pub(super) fn judge(&mut self, record: &Record) -> Result<Verdict, TaskError> {
        if let Some(rejected) = self.as_a_whole(record) {
            return Ok(Verdict::Rejected(rejected));
        }
        let mut row = Row::with_capacity(self.schema.fields.len());
        let mut faults: Vec<(&str, Fault)> = Vec::new();
        for (field, place) in self.schema.fields.iter().zip(&self.places) {
            match read(field, &self.schema.missing, record.value(*place).unwrap_or_default()) {
                Ok(value) => row.push(value),
                Err(fault) => faults.push((&field.name, fault)),
            }
        }
        if !faults.is_empty() {
            return Ok(Verdict::Rejected(together(&faults)));
        }
        self.claim(row, record.line)
    }

    fn as_a_whole(&self, record: &Record) -> Option<Rejected> {
        let whole = |rule, reason: String| Some(Rejected { column: None, rule, reason });
        match record.broken {
            Some(Broken::Unclosed) => return whole("quote", "a quote is opened and never closed".to_owned()),
            Some(Broken::AfterQuote) => return whole("quote", "text follows a closing quote".to_owned()),
            Some(Broken::TooLong) => {
                return whole(
                    "too_long",
                    format!("the row has more than {RECORD_BYTES_MAX} bytes, or a quote in it is never closed"),
                );
            }
            None => {}
        }
        let columns = self.places.len();
        if record.count != columns {
            return whole("values", format!("{} values for {columns} columns", record.count));
        }
        if memchr(0, &record.raw).is_some() {
            return whole("nul", "it has a NUL character, which no text has".to_owned());
        }
        None
    }

    /// Takes the row's keys; rejected rows take none, so that a bad row does not spoil a good one.
    fn claim(&mut self, row: Row, line: u64) -> Result<Verdict, TaskError> {
        let keys: Vec<_> = self.schema.keys.iter().map(|key| Key::of(key.iter().map(|place| &row[*place]))).collect();
        for ((columns, key), seen) in self.schema.keys.iter().zip(&keys).zip(&self.seen) {
            if let Some(earlier) = key.and_then(|key| seen.seen(key)) {
                let name = |place: &usize| self.schema.fields[*place].name.clone();
                let names: Vec<_> = columns.iter().map(name).collect();
                let reason = format!("the value of {} is the one of line {earlier} again", names.join(" and "));
                return Ok(Verdict::Rejected(Rejected { column: names.into_iter().next(), rule: "unique", reason }));
            }
        }
        for ((columns, key), seen) in self.schema.keys.iter().zip(keys).zip(&mut self.seen) {
            if let Some(key) = key {
                seen.insert(&self.schema.fields[columns[0]].name, key, line)?;
            }
        }
        Ok(Verdict::Row(row))
    }
}

fn read(field: &Field, missing: &[String], bytes: Cow<'_, [u8]>) -> Result<Value, Fault> {
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Err(Fault::new("encoding", "it has bytes that are no text in the file's encoding"));
    };
    let none = missing.iter().any(|word| word == text);
    field.read((!none).then_some(text))
}

fn together(faults: &[(&str, Fault)]) -> Rejected {
    let words: Vec<_> = faults.iter().map(|(column, fault)| format!("{column}: {}", fault.reason)).collect();
    let first = &faults[0];
    Rejected { column: Some(first.0.to_owned()), rule: first.1.rule, reason: words.join("; ") }
}
