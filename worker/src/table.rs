//! Tables: a body of JSON Lines, one array per row in column order, and what is said about it.
//!
//! Rows pass by one at a time, so that a table may be larger than memory.
//! Deliberately does not know what the columns mean.

mod reader;
mod rows;
mod writer;

pub use reader::Reader;
pub use rows::{Pass, Rows};
pub use writer::{Unstored, Writer};

use candor_proto::{Column, ErrorClass, TaskError};

/// One row: its values in column order.
pub type Row = Vec<serde_json::Value>;

/// The longest row of a table, in bytes of its JSON: a guard against a body without line ends.
/// A record of a CSV file grows at most sixfold when it becomes JSON.
pub const ROW_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A column with this name and type.
pub fn column(name: &str, kind: &str) -> Column {
    Column { name: name.to_owned(), kind: kind.to_owned() }
}

fn damaged(name: &str, reason: &str) -> TaskError {
    TaskError::new(ErrorClass::System, "table_damaged", format!("the table `{name}` cannot be read: {reason}"))
}
