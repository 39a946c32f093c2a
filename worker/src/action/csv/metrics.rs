//! `csv.metrics`: what can be said of each column of a table.
//!
//! Columns of numbers: `count`, `nulls`, `sum`, `mean`, `stddev` (n − 1), `min`, `max`, `quantiles` (type 7).
//! Other columns: `count`, `nulls`, `distinct`, of text also the lengths, of days and times the first and the last.
//! Memory: eight bytes per number, and what [`crate::schema::Unique`] keeps per different text.

mod measure;

use async_trait::async_trait;
use candor_proto::{ErrorClass, Evidence, Outcome, TaskError};
use serde::Deserialize;
use serde_json::{Map, Value};

use self::measure::Measures;
use super::STOP_EVERY_ROWS;
use super::numbers::SCHEMA_ADVICE;
use crate::action::halt::blocking;
use crate::action::with::{self, Answer};
use crate::action::{Action, Context, Halt};
use crate::table::Rows;

/// Measures the columns of a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct CsvMetrics;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    rows: Value,
    #[serde(default)]
    columns: Option<Vec<String>>,
}

#[async_trait]
impl Action for CsvMetrics {
    fn name(&self) -> &str {
        "csv.metrics"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(measured(context, with).await)
    }
}

async fn measured(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("csv.metrics", with)?;
    let rows = Rows::locate(context.artifacts.as_ref(), "rows", &with.rows).await?;
    let places = numeric_or(&rows, with.columns.as_deref())?;
    let stop = context.stop.clone();
    let (columns, count) = blocking(move || {
        let mut measures = Measures::new(places.iter().map(|place| &rows.columns()[*place]));
        let mut count = 0_u64;
        for row in rows.read() {
            if count.is_multiple_of(STOP_EVERY_ROWS) {
                stop.check()?;
            }
            let row = row?;
            for (index, place) in places.iter().enumerate() {
                measures.note(index, &row[*place])?;
            }
            count += 1;
        }
        let mut columns = Map::new();
        for (name, measure) in measures.finish() {
            stop.check()?;
            columns.insert(name, measure);
        }
        Ok((columns, count))
    })
    .await?;
    let rows = Evidence::checked("row_count").with_detail(format!("{count} rows"));
    Ok(Answer::default().output("columns", columns).evidence(rows))
}

/// The places of the columns that are named, or of all columns of numbers.
pub(super) fn numeric_or(rows: &Rows, named: Option<&[String]>) -> Result<Vec<usize>, TaskError> {
    if let Some(names) = named {
        return names.iter().map(|name| rows.column("columns", name)).collect();
    }
    let numeric = |kind: &str| matches!(kind, "integer" | "number");
    let places: Vec<_> = (0..rows.columns().len()).filter(|place| numeric(&rows.columns()[*place].kind)).collect();
    if places.is_empty() && !rows.columns().is_empty() {
        let message = "the table has no column of numbers";
        return Err(TaskError::new(ErrorClass::Validation, "columns", message).with_advice(SCHEMA_ADVICE));
    }
    Ok(places)
}
