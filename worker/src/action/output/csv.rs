//! CSV by RFC 4180, with cells that no spreadsheet takes for a formula.
//!
//! A text that begins with `=`, `+`, `-`, `@`, TAB, CR or NUL gets a `'` before it (OWASP ASVS 1.2.10). Numbers do
//! not, and neither does a text that is a negative number, because nothing but a number can come of it.

use std::io::{self, Write};

use candor_proto::Column;
use serde_json::Value;

use super::cell;

pub(super) fn header(out: &mut impl Write, columns: &[Column]) -> io::Result<()> {
    // Without columns there is no line: an empty one would read as a column without a name.
    if columns.is_empty() {
        return Ok(());
    }
    line(out, columns.iter().map(|column| (column.name.as_str().into(), true)))
}

pub(super) fn row(out: &mut impl Write, row: &[Value]) -> io::Result<()> {
    line(out, row.iter().map(|value| (cell::text(value), value.is_string())))
}

fn line<'a>(
    out: &mut impl Write,
    cells: impl ExactSizeIterator<Item = (std::borrow::Cow<'a, str>, bool)>,
) -> io::Result<()> {
    let alone = cells.len() == 1;
    for (index, (text, is_text)) in cells.enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        let guard = is_text && dangerous(&text);
        let quote = guard || text.contains([',', '"', '\r', '\n']) || (alone && text.is_empty());
        if !quote {
            out.write_all(text.as_bytes())?;
            continue;
        }
        out.write_all(b"\"")?;
        if guard {
            out.write_all(b"'")?;
        }
        out.write_all(text.replace('"', "\"\"").as_bytes())?;
        out.write_all(b"\"")?;
    }
    out.write_all(b"\r\n")
}

/// Whether a spreadsheet could take the text for a formula.
fn dangerous(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) && !negative_number(text)
}

fn negative_number(text: &str) -> bool {
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let Some(digits) = text.strip_prefix('-') else { return false };
    match digits.split_once('.') {
        Some((whole, fraction)) => plain(whole) && plain(fraction),
        None => plain(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(row_of: &[Value]) -> String {
        let mut out = Vec::new();
        row(&mut out, row_of).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_that_look_like_formulas_are_guarded() {
        for text in ["=1+1", "+49 30", "-2+3", "@SUM(A1)", "\tx", "\rx", "\0x", "-", "-1e5x", "--1"] {
            let row = written(&[text.into(), 1.into()]);
            assert_eq!(row, format!("\"'{text}\",1\r\n"));
        }
    }

    #[test]
    fn numbers_stay_numbers() {
        assert_eq!(written(&["-5".into(), "-0.25".into(), (-7).into(), (-2.5).into()]), "-5,-0.25,-7,-2.5\r\n");
    }

    #[test]
    fn what_needs_quotes_gets_them() {
        let row = written(&["a,b".into(), "say \"x\"".into(), "two\nlines".into(), Value::Null, true.into()]);
        assert_eq!(row, "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",,true\r\n");
        assert_eq!(written(&["".into()]), "\"\"\r\n");
    }
}
