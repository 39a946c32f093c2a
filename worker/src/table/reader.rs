//! Reading a table's body, row by row.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use candor_proto::{TableValue, TaskError};

use super::{ROW_BYTES_MAX, Row, damaged};
use crate::checksum::{CHUNK_BYTES, Checksum, mismatch};
use crate::disk;

/// The rows of one table. At the end it has also seen that count and digest are those the table claims.
pub struct Reader {
    body: Option<BufReader<Checksum<File>>>,
    table: TableValue,
    count: u64,
    line: Vec<u8>,
}

impl Reader {
    /// Opens the body of `table` that lies at `path`.
    pub fn open(path: &Path, table: &TableValue) -> Result<Self, TaskError> {
        let what = format!("cannot read the table `{}` at {}", table.name, path.display());
        let file = File::open(path).map_err(|error| disk::own_fault(what, &error))?;
        let body = BufReader::with_capacity(CHUNK_BYTES, Checksum::new(file));
        Ok(Self { body: Some(body), table: table.clone(), count: 0, line: Vec::new() })
    }

    fn read_row(&mut self) -> Result<Option<Row>, TaskError> {
        let Some(body) = &mut self.body else { return Ok(None) };
        self.line.clear();
        let mut limited = body.by_ref().take(ROW_BYTES_MAX as u64 + 1);
        let read = limited.read_until(b'\n', &mut self.line);
        let read =
            read.map_err(|error| disk::own_fault(format!("cannot read the table `{}`", self.table.name), &error))?;
        if read == 0 {
            return self.end().map(|()| None);
        }
        if read > ROW_BYTES_MAX {
            return Err(damaged(&self.table.name, &format!("a row has more than {ROW_BYTES_MAX} bytes")));
        }
        self.count += 1;
        let place = |reason: String| damaged(&self.table.name, &format!("row {}: {reason}", self.count));
        let row: Row = serde_json::from_slice(&self.line).map_err(|error| place(error.to_string()))?;
        if row.len() != self.table.columns.len() {
            return Err(place(format!("{} values for {} columns", row.len(), self.table.columns.len())));
        }
        Ok(Some(row))
    }

    fn end(&mut self) -> Result<(), TaskError> {
        let Some(body) = self.body.take() else { return Ok(()) };
        let (found, _) = body.into_inner().finish();
        if found != self.table.sha256 {
            return Err(mismatch(&self.table.name, self.table.sha256, found));
        }
        if self.count != self.table.count {
            let reason = format!("it has {} rows and claims {}", self.count, self.table.count);
            return Err(damaged(&self.table.name, &reason));
        }
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<Row, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read_row();
        if read.is_err() {
            self.body = None;
        }
        read.transpose()
    }
}
