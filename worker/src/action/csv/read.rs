//! `csv.read`: a CSV file becomes a table, and every row that breaks the schema is set aside with its reason.
//!
//! Without a schema every column is text; nothing is guessed from the data.
//! Memory: one record, and what `unique` and `distinct` keep (see [`crate::schema::Unique`]).

mod intake;
mod judge;

use std::collections::BTreeMap;
use std::fs::File;

use async_trait::async_trait;
use candor_proto::{Class, ErrorClass, Evidence, Outcome, Score, TaskError};
use serde::Deserialize;
use serde_json::Value;

use self::intake::{Intake, Taken};
use super::decode;
use super::distinct::free_names;
use super::header::Header;
use crate::action::halt::blocking;
use crate::action::with::{self, Answer, invalid};
use crate::action::{Action, Context, Halt};
use crate::schema::Schema;
use crate::source::Source;
use crate::{checksum, disk, document};

/// Bad rows that an error names; further ones are only counted.
const NAMED_MAX: usize = 20;

/// Reads a CSV file into a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct CsvRead;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    path: Value,
    #[serde(default)]
    delimiter: Option<String>,
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default)]
    header: Option<Header>,
    #[serde(default)]
    null_values: Option<Vec<String>>,
    #[serde(default)]
    schema: Option<Value>,
    #[serde(default)]
    on_bad_row: OnBadRow,
    #[serde(default)]
    distinct: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OnBadRow {
    #[default]
    Fail,
    Collect,
}

#[async_trait]
impl Action for CsvRead {
    fn name(&self) -> &str {
        "csv.read"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(read(context, with).await)
    }
}

async fn read(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("csv.read", with)?;
    free_names(&with.distinct, &["rows", "rejected", "rows_in", "rows_ok", "rows_rejected"])?;
    let delimiter = delimiter(with.delimiter.as_deref())?;
    let encoding = decode::encoding(with.encoding.as_deref())?;
    let source = Source::locate(context, "path", &with.path).await?;
    let schema = match &with.schema {
        Some(value) => Some(Schema::from_value(&document::read(context, "schema", value).await?)?),
        None => None,
    };
    let settings = intake::Settings {
        delimiter,
        encoding,
        header: with.header.unwrap_or(Header::First(true)),
        null_values: with.null_values,
        schema,
        distinct: with.distinct,
    };
    let (folder, stop) = (context.directory.clone(), context.stop.clone());
    let (taken, verified) = blocking(move || {
        let what = format!("cannot read {}", source.path.display());
        let file = File::open(&source.path).map_err(|error| disk::fault(&what, &error))?;
        let mut input = checksum::Checksum::new(file);
        let taken = Intake::run(&mut input, &settings, &folder, &stop, &source.name)?;
        let (found, _) = input.finish();
        match source.known {
            Some((wanted, _)) if wanted != found => Err(checksum::mismatch(&source.name, wanted, found).into()),
            known => Ok((taken, known.is_some())),
        }
    })
    .await?;
    answer(context, with.on_bad_row, taken, verified).await
}

async fn answer(context: &Context, on_bad_row: OnBadRow, taken: Taken, verified: bool) -> Result<Answer, Halt> {
    let (rows_in, ok, rejected) = (taken.rows_in, taken.rows.count(), taken.rejected.count());
    if rows_in != ok + rejected {
        let message = format!("{rows_in} rows went in and {} came out", ok + rejected);
        return Err(TaskError::new(ErrorClass::System, "rows_lost", message).into());
    }
    if rejected > 0 && on_bad_row == OnBadRow::Fail {
        return Err(bad_rows(rows_in, rejected, &taken.first).into());
    }
    let mut answer = Answer::default()
        .output("rows", taken.rows.store(context.artifacts.as_ref(), "rows.jsonl").await?.to_value())
        .output("rejected", taken.rejected.store(context.artifacts.as_ref(), "rejected.jsonl").await?.to_value())
        .output("rows_in", rows_in)
        .output("rows_ok", ok)
        .output("rows_rejected", rejected)
        .evidence(Evidence::checked("rows_conserved").with_detail(format!("{rows_in} = {ok} + {rejected}")));
    if verified {
        answer = answer.evidence(Evidence::checked("checksum"));
    }
    if rejected > 0 {
        let share = Evidence::limit(Class::Checked, "rows_rejected", Score::share(ok, rows_in));
        answer = answer.evidence(share.with_detail(format!("{rejected} of {rows_in} rows were rejected")));
    }
    for (name, values) in taken.distinct {
        answer = answer.output(&name, values);
    }
    Ok(answer)
}

fn bad_rows(rows_in: u64, rejected: u64, first: &[String]) -> TaskError {
    let example = first.first().map(String::as_str).unwrap_or_default();
    let message = format!("{rejected} of {rows_in} rows are bad; the first: {example}");
    TaskError::new(ErrorClass::Validation, "bad_row", message)
        .with_detail(&first.join("\n"))
        .with_advice("correct the file, or write `on_bad_row: collect` to set bad rows aside")
}

fn delimiter(text: Option<&str>) -> Result<u8, TaskError> {
    match text.unwrap_or(",").as_bytes() {
        [byte] if byte.is_ascii() && !b"\"\r\n\0".contains(byte) => Ok(*byte),
        _ => Err(invalid("`delimiter` must be one ASCII character, and no quote or line end")
            .with_advice("write for example \",\", \";\", \"|\" or \"\\t\" in double quotes")),
    }
}
