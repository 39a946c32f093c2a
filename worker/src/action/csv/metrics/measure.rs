//! The measures of one column.

use candor_proto::{Column, TaskError};
use serde_json::{Value, json};

use crate::action::csv::numbers::{self, Sample, Samples, quantile, whole_json};
use crate::schema::{Key, Unique};

/// The quantiles that are given, by name.
const QUANTILES: [(&str, f64); 5] = [("p05", 0.05), ("p25", 0.25), ("p50", 0.50), ("p75", 0.75), ("p95", 0.95)];

/// The measures of several columns.
pub(super) struct Measures {
    columns: Vec<Column>,
    /// Of columns of numbers.
    samples: Samples,
    /// Of the others.
    words: Vec<Words>,
}

/// What is kept of values that are no numbers.
#[derive(Debug, Default)]
struct Words {
    count: u64,
    nulls: u64,
    seen: Unique,
    /// Values that are no numbers, in a column that may hold anything.
    other: u64,
    lengths: Option<(u64, u64)>,
    ends: Option<(String, String)>,
    truths: [u64; 2],
}

impl Measures {
    pub(super) fn new<'a>(columns: impl Iterator<Item = &'a Column>) -> Self {
        let columns: Vec<_> = columns.cloned().collect();
        let samples = Samples::new(columns.iter().map(|column| column.name.as_str()));
        let words = columns.iter().map(|_| Words::default()).collect();
        Self { columns, samples, words }
    }

    pub(super) fn note(&mut self, index: usize, value: &Value) -> Result<(), TaskError> {
        let column = &self.columns[index];
        match column.kind.as_str() {
            "integer" | "number" => self.samples.note(index, value),
            "any" => {
                if value.is_number() || value.is_null() {
                    self.samples.note(index, value)?;
                } else {
                    self.words[index].other += 1;
                }
                self.words[index].note(&column.name, value)
            }
            _ => self.words[index].note(&column.name, value),
        }
    }

    pub(super) fn finish(self) -> impl Iterator<Item = (String, Value)> {
        let parts = self.columns.into_iter().zip(self.samples.columns).zip(self.words);
        parts.map(|((column, sample), words)| {
            // A column that may hold anything is one of numbers when it holds nothing else.
            let numbers = match column.kind.as_str() {
                "integer" | "number" => true,
                "any" => words.other == 0 && !sample.values.is_empty(),
                _ => false,
            };
            let whole = column.kind == "integer";
            let measured = if numbers { of_numbers(sample, whole) } else { words.measured(&column.kind) };
            (column.name, measured)
        })
    }
}

fn of_numbers(mut sample: Sample, whole: bool) -> Value {
    let (count, nulls, mean, stddev) = (sample.values.len(), sample.nulls, sample.mean(), sample.stddev());
    let exact = sample.whole.filter(|_| whole && count > 0);
    let sum = sample.sum();
    sample.sort();
    let (sum, min, max) = match exact {
        Some(exact) => (whole_json(exact.sum), whole_json(exact.min), whole_json(exact.max)),
        None if whole && count == 0 => (Value::from(0), Value::Null, Value::Null),
        None => {
            let (first, last) = (sample.values.first().copied(), sample.values.last().copied());
            (numbers::json(Some(sum)), numbers::json(first), numbers::json(last))
        }
    };
    let quantiles = QUANTILES.map(|(name, share)| (name.to_owned(), numbers::json(quantile(&sample.values, share))));
    json!({
        "count": count, "nulls": nulls, "sum": sum, "mean": numbers::json(mean), "stddev": numbers::json(stddev),
        "min": min, "max": max,
        "quantiles": Value::Object(quantiles.into_iter().collect()),
    })
}

impl Words {
    fn note(&mut self, column: &str, value: &Value) -> Result<(), TaskError> {
        let Some(key) = Key::of([value]) else {
            self.nulls += 1;
            return Ok(());
        };
        self.count += 1;
        self.seen.insert(column, key, 0)?;
        match value {
            Value::String(text) => self.note_text(text),
            Value::Bool(truth) => self.truths[usize::from(*truth)] += 1,
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => {}
        }
        Ok(())
    }

    fn note_text(&mut self, text: &str) {
        let length = text.chars().count() as u64;
        let (shortest, longest) = self.lengths.unwrap_or((length, length));
        self.lengths = Some((shortest.min(length), longest.max(length)));
        match &mut self.ends {
            None => self.ends = Some((text.to_owned(), text.to_owned())),
            Some((first, _)) if text < first.as_str() => text.clone_into(first),
            Some((_, last)) if text > last.as_str() => text.clone_into(last),
            Some(_) => {}
        }
    }

    fn measured(self, kind: &str) -> Value {
        let (count, nulls, distinct) = (self.count, self.nulls, self.seen.len());
        match kind {
            "boolean" => {
                let [no, yes] = self.truths;
                json!({"count": count, "nulls": nulls, "distinct": distinct, "true": yes, "false": no})
            }
            "date" | "datetime" => {
                let (first, last) = self.ends.unzip();
                json!({"count": count, "nulls": nulls, "distinct": distinct, "min": first, "max": last})
            }
            _ => {
                let (shortest, longest) = self.lengths.unzip();
                json!({
                    "count": count, "nulls": nulls, "distinct": distinct,
                    "min_length": shortest, "max_length": longest,
                })
            }
        }
    }
}
