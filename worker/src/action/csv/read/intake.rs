//! One pass over a CSV file: each record becomes a row of one of two tables.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use candor_proto::TaskError;
use encoding_rs::Encoding;
use serde_json::Value;

use super::NAMED_MAX;
use super::judge::{Judge, Rejected, Verdict};
use crate::action::csv::STOP_EVERY_ROWS;
use crate::action::csv::decode::Decoded;
use crate::action::csv::distinct::Distinct;
use crate::action::csv::header::{self, Header, refused};
use crate::action::csv::record::{Record, Records};
use crate::action::{Halt, Stop};
use crate::disk;
use crate::schema::Schema;
use crate::table::{Unstored, Writer, column};

/// How the file is written, and what its rows must be.
pub(super) struct Settings {
    pub(super) delimiter: u8,
    pub(super) encoding: Option<&'static Encoding>,
    pub(super) header: Header,
    pub(super) null_values: Option<Vec<String>>,
    pub(super) schema: Option<Schema>,
    pub(super) distinct: BTreeMap<String, String>,
}

/// What came of the file.
pub(super) struct Taken {
    pub(super) rows: Unstored,
    pub(super) rejected: Unstored,
    pub(super) rows_in: u64,
    pub(super) distinct: Vec<(String, Vec<Value>)>,
    /// The first rejected rows, in words.
    pub(super) first: Vec<String>,
}

/// The pass.
pub(super) struct Intake {
    judge: Judge,
    rows: Writer,
    rejected: Writer,
    distinct: Distinct,
    first: Vec<String>,
}

impl Intake {
    pub(super) fn run(
        input: impl Read,
        settings: &Settings,
        folder: &Path,
        stop: &Stop,
        name: &str,
    ) -> Result<Taken, Halt> {
        let unreadable = |error: io::Error| match stop.check() {
            Ok(()) => disk::fault(format!("cannot read {name}"), &error).into(),
            Err(halt) => halt,
        };
        let decoded = Decoded::new(Watched { input, stop }, settings.encoding).map_err(unreadable)?;
        let mut records = Records::new(decoded, settings.delimiter);
        let mut record = Record::default();
        let mut more = records.next(&mut record).map_err(unreadable)?;
        let judge = judge(settings, more.then_some(&record), name)?;
        if matches!(settings.header, Header::First(true)) {
            more = records.next(&mut record).map_err(unreadable)?;
        }
        let mut intake = Self::new(judge, settings, folder)?;
        let mut rows_in = 0_u64;
        while more {
            if rows_in.is_multiple_of(STOP_EVERY_ROWS) {
                stop.check()?;
            }
            rows_in += 1;
            intake.take(&record)?;
            more = records.next(&mut record).map_err(unreadable)?;
        }
        Ok(Taken {
            rows: intake.rows.finish()?,
            rejected: intake.rejected.finish()?,
            rows_in,
            distinct: intake.distinct.finish(),
            first: intake.first,
        })
    }

    fn new(judge: Judge, settings: &Settings, folder: &Path) -> Result<Self, TaskError> {
        let rejected =
            [("line", "integer"), ("column", "string"), ("rule", "string"), ("reason", "string"), ("raw", "string")];
        let rejected = rejected.iter().map(|(name, kind)| column(name, kind)).collect();
        Ok(Self {
            rows: Writer::create(folder, judge.schema.columns())?,
            rejected: Writer::create(folder, rejected)?,
            distinct: Distinct::new(&settings.distinct, &judge.schema)?,
            judge,
            first: Vec::new(),
        })
    }

    fn take(&mut self, record: &Record) -> Result<(), TaskError> {
        match self.judge.judge(record)? {
            Verdict::Row(row) => {
                self.distinct.note(&row)?;
                self.rows.write(&row)
            }
            Verdict::Rejected(why) => self.reject(record, why),
        }
    }

    fn reject(&mut self, record: &Record, why: Rejected) -> Result<(), TaskError> {
        if self.first.len() < NAMED_MAX {
            self.first.push(format!("line {}: {}", record.line, why.reason));
        }
        let raw = String::from_utf8_lossy(&record.raw);
        self.rejected.write(&[record.line.into(), why.column.into(), why.rule.into(), why.reason.into(), raw.into()])
    }
}

/// A reader that ends in an error when the attempt must end, also in the middle of a record that never does.
struct Watched<'a, R> {
    input: R,
    stop: &'a Stop,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_set() {
            return Err(io::Error::other("told to stop"));
        }
        self.input.read(buffer)
    }
}

/// Settles names and schema by the first record.
fn judge(settings: &Settings, first: Option<&Record>, name: &str) -> Result<Judge, TaskError> {
    let names = match (&settings.header, first) {
        (Header::Names(names), _) => Some(header::checked(names.clone())?),
        (Header::First(true), Some(record)) => Some(header::names(record)?),
        (Header::First(true), None) => {
            let advice = "if that is no mistake, give the names with `header: [name, …]`";
            return Err(refused(
                &format!("{name} is empty: it has no line with the names of the columns"),
                Some(advice),
            ));
        }
        (Header::First(false), _) => None,
    };
    let mut schema = match (&settings.schema, &names, first) {
        (Some(schema), _, _) => schema.clone(),
        (None, Some(names), _) => Schema::of_text(names),
        (None, None, first) => {
            let count = first.map_or(0, |record| record.count);
            Schema::of_text(&(1..=count).map(|number| format!("column_{number}")).collect::<Vec<_>>())
        }
    };
    let places = match &names {
        Some(names) => schema.places(names).map_err(|wrong| {
            let advice = format!("the columns of the file are {}", names.join(", "));
            refused(&format!("{name} does not fit the schema: {}", wrong.join("; ")), Some(&advice))
        })?,
        None => (0..schema.fields.len()).collect(),
    };
    if let Some(null_values) = &settings.null_values {
        schema.missing.clone_from(null_values);
    }
    Ok(Judge::new(schema, places))
}
