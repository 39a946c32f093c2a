//! `csv.anomalies`: rows whose numbers lie far from the others of their column.
//!
//! Two passes: the first finds the middle and the spread of each column (eight bytes per number are kept),
//! the second scores each row. A row that is far out in two columns is there twice.

mod score;

use async_trait::async_trait;
use candor_proto::{Column, Evidence, Outcome, TaskError};
use serde::Deserialize;
use serde_json::Value;

use self::score::{Method, Scale};
use super::STOP_EVERY_ROWS;
use super::metrics::numeric_or;
use super::numbers::{self, Samples};
use crate::action::halt::blocking;
use crate::action::with::{self, Answer, invalid, unsupported};
use crate::action::{Action, Context, Halt, Stop};
use crate::table::{Rows, Unstored, Writer, column};

/// Finds outliers.
#[derive(Clone, Copy, Debug, Default)]
pub struct CsvAnomalies;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    rows: Value,
    #[serde(default)]
    columns: Option<Vec<String>>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    threshold: Option<f64>,
}

#[async_trait]
impl Action for CsvAnomalies {
    fn name(&self) -> &str {
        "csv.anomalies"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(found(context, with).await)
    }
}

async fn found(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("csv.anomalies", with)?;
    let method = match with.method.as_deref() {
        None | Some("robust_z") => Method::RobustZ,
        Some("iqr") => Method::Iqr,
        Some("isolation_forest") => return Err(unsupported("the method `isolation_forest`").into()),
        Some(other) => {
            let message = format!("`method`: there is no method `{other}`");
            return Err(invalid(message).with_advice("use `robust_z` or `iqr`").into());
        }
    };
    let threshold = with.threshold.unwrap_or(method.threshold());
    if !(threshold.is_finite() && threshold > 0.0) {
        return Err(invalid("`threshold` must be a number above 0").into());
    }
    let rows = Rows::locate(context.artifacts.as_ref(), "rows", &with.rows).await?;
    let places = numeric_or(&rows, with.columns.as_deref())?;
    let (folder, stop) = (context.directory.clone(), context.stop.clone());
    let (table, read) = blocking(move || {
        let scales = scales(&rows, &places, method, &stop)?;
        let out = Writer::create(&folder, columns(rows.columns()))?;
        Search { rows: &rows, places: &places, scales, threshold, stop: &stop }.run(out)
    })
    .await?;
    let count = table.count();
    let table = table.store(context.artifacts.as_ref(), "anomalies.jsonl").await?;
    let seen = Evidence::checked("row_count").with_detail(format!("{read} rows, {count} anomalies"));
    Ok(Answer::default().output("rows", table.to_value()).output("count", count).evidence(seen))
}

fn scales(rows: &Rows, places: &[usize], method: Method, stop: &Stop) -> Result<Vec<Scale>, Halt> {
    let mut samples = Samples::new(places.iter().map(|place| rows.columns()[*place].name.as_str()));
    for (number, row) in (0_u64..).zip(rows.read()) {
        if number.is_multiple_of(STOP_EVERY_ROWS) {
            stop.check()?;
        }
        let row = row?;
        for (index, place) in places.iter().enumerate() {
            samples.note(index, &row[*place])?;
        }
    }
    Ok(samples.columns.into_iter().map(|sample| Scale::of(method, sample)).collect())
}

struct Search<'a> {
    rows: &'a Rows,
    places: &'a [usize],
    scales: Vec<Scale>,
    threshold: f64,
    stop: &'a Stop,
}

impl Search<'_> {
    fn run(self, mut out: Writer) -> Result<(Unstored, u64), Halt> {
        let mut read = 0_u64;
        for row in self.rows.read() {
            if read.is_multiple_of(STOP_EVERY_ROWS) {
                self.stop.check()?;
            }
            read += 1;
            let row = row?;
            for (place, scale) in self.places.iter().zip(&self.scales) {
                self.judge(&row, *place, scale, &mut out)?;
            }
        }
        Ok((out.finish()?, read))
    }

    fn judge(&self, row: &[Value], place: usize, scale: &Scale, out: &mut Writer) -> Result<(), TaskError> {
        let name = &self.rows.columns()[place].name;
        if row[place].is_null() {
            return Ok(());
        }
        let value = numbers::number(name, &row[place])?;
        let score = scale.score(value);
        if score.abs() <= self.threshold {
            return Ok(());
        }
        let mut found = row.to_vec();
        found.push(name.as_str().into());
        found.push(row[place].clone());
        found.push(numbers::json(Some(score)));
        found.push(scale.reason(score, self.threshold).into());
        out.write(&found)
    }
}

/// The columns of the rows and four more; where one of the four is there already, its name begins with `anomaly_`.
fn columns(own: &[Column]) -> Vec<Column> {
    let mut all = own.to_vec();
    for (name, kind) in [("column", "string"), ("value", "number"), ("score", "number"), ("reason", "string")] {
        let mut name = name.to_owned();
        while all.iter().any(|column| column.name == name) {
            name = format!("anomaly_{name}");
        }
        all.push(column(&name, kind));
    }
    all
}
