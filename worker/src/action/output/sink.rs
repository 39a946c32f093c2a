//! One file in one format, written row by row.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use candor_proto::{Column, TaskError};
use serde_json::Value;
use tempfile::{NamedTempFile, TempPath};

use super::{Written, csv, json, markdown};
use crate::checksum::CHUNK_BYTES;
use crate::disk;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Json,
    JsonLines,
    Markdown,
}

impl Format {
    pub(super) const ALL: [Self; 4] = [Self::Csv, Self::JsonLines, Self::Json, Self::Markdown];

    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Markdown => "md",
        }
    }
}

/// A file that is being written; dropped, it is gone.
pub(super) struct Sink {
    format: Format,
    name: String,
    body: BufWriter<File>,
    path: TempPath,
    columns: Vec<Column>,
    rows: u64,
}

impl Sink {
    pub(super) fn create(format: Format, folder: &Path, stem: &str) -> Result<Self, TaskError> {
        let name = format!("{stem}.{}", format.extension());
        let file = tempfile::Builder::new().prefix(".output-").tempfile_in(folder);
        let (file, path) = file.map(NamedTempFile::into_parts).map_err(|error| failed(&name, &error))?;
        let body = BufWriter::with_capacity(CHUNK_BYTES, file);
        Ok(Self { format, name, body, path, columns: Vec::new(), rows: 0 })
    }

    /// Writes what stands before the rows.
    pub(super) fn begin(&mut self, columns: &[Column]) -> Result<(), TaskError> {
        self.columns = columns.to_vec();
        let body = &mut self.body;
        let done = match self.format {
            Format::Csv => csv::header(body, columns),
            Format::Json => body.write_all(b"["),
            Format::JsonLines => Ok(()),
            Format::Markdown => markdown::header(body, columns),
        };
        done.map_err(|error| failed(&self.name, &error))
    }

    pub(super) fn row(&mut self, row: &[Value]) -> Result<(), TaskError> {
        let (body, columns) = (&mut self.body, &self.columns);
        let done = match self.format {
            Format::Csv => csv::row(body, row),
            Format::Json => {
                let before = if self.rows == 0 { "\n" } else { ",\n" };
                body.write_all(before.as_bytes()).and_then(|()| json::object(body, columns, row))
            }
            Format::JsonLines => json::object(body, columns, row).and_then(|()| body.write_all(b"\n")),
            Format::Markdown => markdown::row(body, row),
        };
        self.rows += 1;
        done.map_err(|error| failed(&self.name, &error))
    }

    pub(super) fn finish(self) -> Result<Written, TaskError> {
        let after: &[u8] = match self.format {
            Format::Json if self.rows == 0 => b"]\n",
            Format::Json => b"\n]\n",
            Format::Csv | Format::JsonLines | Format::Markdown => b"",
        };
        self.end(after)
    }

    /// Whether a value is written as it is and not as rows.
    pub(super) fn takes_whole(&self, value: &Value, is_rows: bool) -> bool {
        match self.format {
            Format::Json => true,
            Format::Markdown => value.is_string() || !is_rows,
            Format::Csv | Format::JsonLines => false,
        }
    }

    /// Writes a value as it is.
    pub(super) fn whole(self, value: &Value) -> Result<Written, TaskError> {
        let text = match (self.format, value) {
            (Format::Markdown, Value::String(text)) => text.clone(),
            (Format::Markdown, value) => format!("```json\n{value:#}\n```\n"),
            (Format::Csv | Format::Json | Format::JsonLines, value) => format!("{value:#}\n"),
        };
        self.end(text.as_bytes())
    }

    fn end(mut self, last: &[u8]) -> Result<Written, TaskError> {
        let done = self.body.write_all(last).and_then(|()| self.body.flush());
        done.map_err(|error| failed(&self.name, &error))?;
        Ok(Written { name: self.name, path: self.path })
    }
}

fn failed(name: &str, error: &io::Error) -> TaskError {
    disk::own_fault(format!("cannot write {name}"), error)
}
