//! Writing a table's body, and storing it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use candor_platform::Artifacts;
use candor_proto::value::TABLE_MEDIA_TYPE;
use candor_proto::{Column, ErrorClass, TableValue, TaskError};
use serde_json::Value;
use tempfile::{NamedTempFile, TempPath};

use crate::checksum::CHUNK_BYTES;
use crate::source::refused;
use crate::{disk, table};

/// Writes rows into a file of its own, which is gone when the writer is dropped.
#[derive(Debug)]
pub struct Writer {
    body: BufWriter<File>,
    path: TempPath,
    columns: Vec<Column>,
    count: u64,
    line: Vec<u8>,
}

impl Writer {
    /// A table without rows; its file lies in `folder`.
    pub fn create(folder: &Path, columns: Vec<Column>) -> Result<Self, TaskError> {
        let what = format!("cannot write a table in {}", folder.display());
        let file = tempfile::Builder::new().prefix(".table-").tempfile_in(folder);
        let (file, path) = file.map(NamedTempFile::into_parts).map_err(|error| disk::own_fault(&what, &error))?;
        Ok(Self { body: BufWriter::with_capacity(CHUNK_BYTES, file), path, columns, count: 0, line: Vec::new() })
    }

    /// Adds a row, with one value per column.
    pub fn write(&mut self, row: &[Value]) -> Result<(), TaskError> {
        if row.len() != self.columns.len() {
            let message = format!("a row has {} values for {} columns", row.len(), self.columns.len());
            return Err(TaskError::new(ErrorClass::Validation, "columns", message));
        }
        self.line.clear();
        serde_json::to_writer(&mut self.line, row).map_err(|error| {
            TaskError::new(ErrorClass::Validation, "row", format!("a row has no form in JSON: {error}"))
        })?;
        if self.line.len() > table::ROW_BYTES_MAX {
            let message = format!("row {} has more than {} bytes", self.count + 1, table::ROW_BYTES_MAX);
            return Err(TaskError::new(ErrorClass::Validation, "row_too_long", message));
        }
        self.line.push(b'\n');
        self.body.write_all(&self.line).map_err(|error| disk::own_fault("cannot write a table", &error))?;
        self.count += 1;
        Ok(())
    }

    /// Rows so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The finished body.
    pub fn finish(mut self) -> Result<Unstored, TaskError> {
        self.body.flush().map_err(|error| disk::own_fault("cannot write a table", &error))?;
        Ok(Unstored { path: self.path, columns: self.columns, count: self.count })
    }
}

/// A finished table whose body is not stored yet. Dropped, it is gone.
#[derive(Debug)]
pub struct Unstored {
    path: TempPath,
    columns: Vec<Column>,
    count: u64,
}

impl Unstored {
    /// Where the body lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Stores the body; `name` ends in `.jsonl`.
    pub async fn store(self, artifacts: &dyn Artifacts, name: &str) -> Result<TableValue, TaskError> {
        let stored = artifacts.put_file(&self.path).await.map_err(|error| refused(&error))?;
        Ok(TableValue {
            name: name.to_owned(),
            sha256: stored.sha256,
            bytes: stored.bytes,
            media_type: TABLE_MEDIA_TYPE.to_owned(),
            count: self.count,
            columns: self.columns,
        })
    }
}
