//! Files and tables in what an action gives: behind each must be a body that is stored and is what the value says.
//!
//! Anybody can write a digest and a length, and a sentence of the answer would repeat them as checked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use candor_platform::artifacts::{Baseless, baseless};
use candor_platform::runtime;
use candor_proto::{ErrorClass, Outcome, Sha256, TableValue, TaskError};
use serde_json::Value;

use crate::action::{Context, Stop};
use crate::registry::Needs;
use crate::source;
use crate::table::Reader;

/// Tables that a worker remembers having looked through: enough for a fan-out over one table, little memory.
const TABLES_MAX: usize = 4_096;
/// Rows between two looks whether the attempt must end.
const LOOK_ROWS: u64 = 4_096;

/// Tables that were looked through, by digest, rows and columns.
#[derive(Clone, Debug, Default)]
pub struct Tables(Arc<Mutex<BTreeSet<(Sha256, u64, usize)>>>);

impl Tables {
    fn has(&self, table: &TableValue) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&key(table))
    }

    fn keep(&self, table: &TableValue) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == TABLES_MAX {
            known.clear();
        }
        known.insert(key(table));
    }
}

const fn key(table: &TableValue) -> (Sha256, u64, usize) {
    (table.sha256, table.count, table.columns.len())
}

/// What an attempt gave, or why it cannot be believed. `given` are the tables of its `with`.
pub(super) async fn check(
    outcome: Outcome,
    context: &Context,
    needs: Needs,
    given: &[TableValue],
    known: &Tables,
) -> Outcome {
    let Outcome::Done { outputs, evidence } = outcome else { return outcome };
    let outputs = Value::Object(outputs);
    match based(&outputs, context, needs, given, known).await {
        Ok(true) => {}
        Ok(false) => return Outcome::Cancelled,
        Err(error) => return Outcome::Fail { error },
    }
    let Value::Object(outputs) = outputs else { return Outcome::Cancelled };
    Outcome::Done { outputs, evidence }
}

/// Whether all of it is so; `false` when the attempt was told to end meanwhile.
async fn based(
    outputs: &Value,
    context: &Context,
    needs: Needs,
    given: &[TableValue],
    known: &Tables,
) -> Result<bool, TaskError> {
    let artifacts = context.artifacts.as_ref();
    if let Some(Baseless { name, reason }) =
        baseless(artifacts, outputs).await.map_err(|error| source::refused(&error))?
    {
        return Err(unknown(&name, &reason));
    }
    for table in tables(outputs) {
        // Actions of the worker's own count what they write; what they hand on was counted by nobody here.
        let ours = match needs {
            Needs::Directory => !given.contains(&table),
            Needs::Nothing | Needs::Files => false,
        };
        if ours || known.has(&table) {
            continue;
        }
        let path = artifacts.local(table.sha256).await.map_err(|error| source::refused(&error))?;
        let (looked_at, stop) = (table.clone(), context.stop.clone());
        let looked = runtime::blocking(move || look_through(Reader::open(&path, &looked_at)?, &stop)).await;
        match looked.unwrap_or_else(|| Err(TaskError::new(ErrorClass::System, "panic", "reading a table panicked"))) {
            Ok(true) => known.keep(&table),
            Ok(false) => return Ok(false),
            Err(error) if error.code == "table_damaged" => return Err(unknown(&table.name, &error.message)),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn look_through(reader: Reader, stop: &Stop) -> Result<bool, TaskError> {
    for (row, number) in reader.zip(0_u64..) {
        row?;
        if number % LOOK_ROWS == 0 && stop.is_set() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn unknown(name: &str, reason: &str) -> TaskError {
    let message = format!("in the outputs the file or table `{name}` {reason}");
    TaskError::new(ErrorClass::Validation, "output_file_unknown", message)
        .with_advice("write files below $CANDOR_OUT and hand on file and table values as they came; nothing else has all of these fields")
}

/// Every table in a value, however deep.
pub(super) fn tables(value: &Value) -> Vec<TableValue> {
    let (mut open, mut found) = (vec![value], Vec::new());
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => match TableValue::from_value(value) {
                Some(table) => found.push(table),
                None => open.extend(fields.values()),
            },
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}
