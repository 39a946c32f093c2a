//! `output.write`: rows or a value as files that people and other programs read.
//!
//! The same rows give the same bytes on every machine: columns in their order, numbers in their shortest form.

mod cell;
mod csv;
mod json;
mod markdown;
mod sink;

use async_trait::async_trait;
use candor_proto::value::media_type;
use candor_proto::{Evidence, FileValue, Outcome, TaskError};
use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempPath;

use self::sink::{Format, Sink};
use super::halt::blocking;
use super::with::{self, Answer, invalid, unsupported};
use super::{Action, Context, Halt, Stop};
use crate::source::{Named, refused};
use crate::table::{Rows, column};

/// Rows between two looks at whether the attempt must end.
const STOP_EVERY_ROWS: u64 = 2_048;

/// Writes rows or a value as files.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputWrite;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    #[serde(default)]
    rows: Option<Value>,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    formats: Option<Vec<String>>,
    #[serde(default)]
    compress: Option<Value>,
    #[serde(default)]
    encrypt: Option<Value>,
}

/// A file that was written and is not stored yet.
struct Written {
    name: String,
    path: TempPath,
}

#[async_trait]
impl Action for OutputWrite {
    fn name(&self) -> &str {
        "output.write"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(written(context, with).await)
    }
}

async fn written(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("output.write", with)?;
    for (field, value) in [("compress", &with.compress), ("encrypt", &with.encrypt)] {
        if value.is_some() {
            return Err(unsupported(&format!("`{field}` of output.write")).into());
        }
    }
    let formats = formats(with.formats.as_deref(), with.rows.is_some())?;
    let stem = stem(with.path.as_deref())?;
    let (folder, stop) = (context.directory.clone(), context.stop.clone());
    let (files, count) = match (with.rows, with.value) {
        (Some(rows), None) => {
            let rows = Rows::locate(context.artifacts.as_ref(), "rows", &rows).await?;
            blocking(move || {
                let mut sinks = sinks(&formats, &folder, &stem)?;
                sinks.iter_mut().try_for_each(|sink| sink.begin(rows.columns()))?;
                write_rows(sinks, rows.read(), &stop)
            })
            .await?
        }
        (None, Some(mut value)) => {
            // Here already, because a format may write a secret in a form of its own.
            context.masks.value(&mut value);
            blocking(move || write_value(sinks(&formats, &folder, &stem)?, &value, &stop)).await?
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid("output.write needs either `rows` or `value`").into());
        }
    };
    let mut stored = Vec::with_capacity(files.len());
    for Written { name, path } in files {
        let body = context.artifacts.put_file(&path).await.map_err(|error| refused(&error))?;
        let media_type = media_type(&name).to_owned();
        stored.push(FileValue { name, sha256: body.sha256, bytes: body.bytes, media_type });
    }
    stored.sort_by(|a, b| a.name.cmp(&b.name));
    let stored: Vec<_> = stored.iter().map(FileValue::to_value).collect();
    let evidence = Evidence::checked("row_count").with_detail(format!("{count} rows in {} files", stored.len()));
    Ok(Answer::default().output("files", stored).output("rows", count).evidence(evidence))
}

fn formats(named: Option<&[String]>, rows: bool) -> Result<Vec<Format>, TaskError> {
    let Some(names) = named else { return Ok(vec![if rows { Format::Csv } else { Format::Json }]) };
    let mut formats = Vec::new();
    for name in names {
        let format = match name.as_str() {
            "csv" => Format::Csv,
            "json" => Format::Json,
            "jsonl" => Format::JsonLines,
            "md" => Format::Markdown,
            known @ ("xml" | "parquet") => return Err(unsupported(&format!("the format `{known}`"))),
            other => {
                let error = invalid(format!("`formats`: there is no format `{other}`"));
                return Err(error.with_advice("use csv, json, jsonl or md"));
            }
        };
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    if formats.is_empty() { Err(invalid("`formats` is empty")) } else { Ok(formats) }
}

/// The files' common name; `clean.csv` means `clean`.
fn stem(path: Option<&str>) -> Result<String, TaskError> {
    let Named::Relative(name) = Named::read("path", path.unwrap_or("rows"))? else {
        let error = invalid("`path` of output.write is relative, because its files are stored with the job");
        return Err(error.with_advice("write them elsewhere with file.copy"));
    };
    let stem = Format::ALL.iter().find_map(|format| name.strip_suffix(&format!(".{}", format.extension())));
    let stem = stem.filter(|stem| !stem.is_empty() && !stem.ends_with('/')).map(str::to_owned);
    Ok(stem.unwrap_or(name))
}

fn sinks(formats: &[Format], folder: &std::path::Path, stem: &str) -> Result<Vec<Sink>, TaskError> {
    formats.iter().map(|format| Sink::create(*format, folder, stem)).collect()
}

fn write_rows(
    mut sinks: Vec<Sink>,
    rows: impl Iterator<Item = Result<Vec<Value>, TaskError>>,
    stop: &Stop,
) -> Result<(Vec<Written>, u64), Halt> {
    let mut count = 0_u64;
    for row in rows {
        if count.is_multiple_of(STOP_EVERY_ROWS) {
            stop.check()?;
        }
        let row = row?;
        sinks.iter_mut().try_for_each(|sink| sink.row(&row))?;
        count += 1;
    }
    let files = sinks.into_iter().map(Sink::finish).collect::<Result<_, _>>()?;
    Ok((files, count))
}

/// A list of maps is rows under the sorted names of all keys; anything else has only a form as JSON and Markdown.
fn write_value(sinks: Vec<Sink>, value: &Value, stop: &Stop) -> Result<(Vec<Written>, u64), Halt> {
    let maps = value.as_array().and_then(|items| items.iter().map(Value::as_object).collect::<Option<Vec<_>>>());
    let (whole, mut by_row): (Vec<_>, Vec<_>) =
        sinks.into_iter().partition(|sink| sink.takes_whole(value, maps.is_some()));
    let mut files = whole.into_iter().map(|sink| sink.whole(value)).collect::<Result<Vec<_>, _>>()?;
    let count = value.as_array().map_or(1, |items| items.len() as u64);
    if by_row.is_empty() {
        return Ok((files, count));
    }
    let Some(maps) = maps else {
        let error = invalid("`value` is no list of maps, so it has no form as CSV or JSON Lines");
        return Err(error.with_advice("use the formats json or md, or give `rows`").into());
    };
    let names: std::collections::BTreeSet<&String> = maps.iter().flat_map(|map| map.keys()).collect();
    let columns: Vec<_> = names.iter().map(|name| column(name, "any")).collect();
    let row =
        |map: &&Map<String, Value>| Ok(names.iter().map(|name| map.get(*name).cloned().unwrap_or_default()).collect());
    by_row.iter_mut().try_for_each(|sink| sink.begin(&columns))?;
    let (rows, _) = write_rows(by_row, maps.iter().map(row), stop)?;
    files.extend(rows);
    Ok((files, count))
}
