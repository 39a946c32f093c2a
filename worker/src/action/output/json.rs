//! Rows as JSON objects, with the keys in the order of the columns.

use std::io::{self, Write};

use candor_proto::Column;
use serde_json::Value;

pub(super) fn object(out: &mut impl Write, columns: &[Column], row: &[Value]) -> io::Result<()> {
    for (index, (column, value)) in columns.iter().zip(row).enumerate() {
        out.write_all(if index == 0 { b"{" } else { b"," })?;
        serde_json::to_writer(&mut *out, &column.name)?;
        out.write_all(b":")?;
        serde_json::to_writer(&mut *out, value)?;
    }
    out.write_all(if columns.is_empty() { b"{}" } else { b"}" })
}
