//! The different values of a column, in the order in which they are first seen.

use std::collections::BTreeMap;

use candor_proto::limits::FAN_OUT_ITEMS_MAX;
use candor_proto::{ErrorClass, TaskError};
use serde_json::Value;

use super::header::refused;
use crate::action::with::invalid;
use crate::schema::{Key, Schema, Unique};

/// All values of one list together, in bytes of JSON: a list is a value of the job and lies in its memory.
const LIST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The lists that `distinct` asks for.
#[derive(Debug, Default)]
pub(super) struct Distinct(Vec<List>);

#[derive(Debug)]
struct List {
    output: String,
    place: usize,
    seen: Unique,
    /// No value at all is one too, so that a fan-out over the list leaves no row out.
    saw_none: bool,
    values: Vec<Value>,
    bytes: usize,
}

impl Distinct {
    /// Empty lists by output name, each of a column.
    pub(super) fn new(wanted: &BTreeMap<String, String>, schema: &Schema) -> Result<Self, TaskError> {
        let mut lists = Vec::with_capacity(wanted.len());
        for (output, column) in wanted {
            let place = schema
                .fields
                .iter()
                .position(|field| field.name == *column)
                .ok_or_else(|| refused(&format!("`distinct.{output}`: there is no column `{column}`"), None))?;
            let (seen, values) = (Unique::default(), Vec::new());
            lists.push(List { output: output.clone(), place, seen, saw_none: false, values, bytes: 0 });
        }
        Ok(Self(lists))
    }

    /// Notes the values of a row.
    pub(super) fn note(&mut self, row: &[Value]) -> Result<(), TaskError> {
        self.0.iter_mut().try_for_each(|list| list.note(&row[list.place]))
    }

    /// The lists by output name.
    pub(super) fn finish(self) -> Vec<(String, Vec<Value>)> {
        self.0.into_iter().map(|list| (list.output, list.values)).collect()
    }
}

impl List {
    fn note(&mut self, value: &Value) -> Result<(), TaskError> {
        let new = match Key::of([value]) {
            Some(key) => self.seen.insert(&self.output, key, 0)?,
            None => !std::mem::replace(&mut self.saw_none, true),
        };
        if !new {
            return Ok(());
        }
        self.bytes += value.as_str().map_or(24, str::len);
        if self.values.len() >= FAN_OUT_ITEMS_MAX || self.bytes > LIST_BYTES_MAX {
            let message = format!("`distinct.{}` has more than {FAN_OUT_ITEMS_MAX} values or 16 MiB", self.output);
            return Err(TaskError::new(ErrorClass::Validation, "too_many_values", message));
        }
        self.values.push(value.clone());
        Ok(())
    }
}

/// Refuses lists that would hide an output of the action.
pub(super) fn free_names(wanted: &BTreeMap<String, String>, taken: &[&str]) -> Result<(), TaskError> {
    match wanted.keys().find(|name| taken.contains(&name.as_str())) {
        Some(name) => Err(invalid(format!("`distinct.{name}`: the action has an output `{name}` already"))),
        None => Ok(()),
    }
}
