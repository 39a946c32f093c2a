//! Masking a whole body so that it stays what it was: rows stay rows, and JSON stays JSON.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};

use serde_json::Value;

use super::Masks;
use crate::table::ROW_BYTES_MAX;

/// Largest document that is masked value by value, in bytes; in a larger one secrets are masked as bytes.
const DOCUMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Copies a body with every secret masked.
pub(super) fn copy(masks: &Masks, from: &mut File, to: &mut File) -> io::Result<()> {
    if lines(masks, from, to)? || document(masks, from, to)? {
        return Ok(());
    }
    restart(from, to)?;
    masks.copy(from, to)
}

fn restart(from: &mut File, to: &mut File) -> io::Result<()> {
    from.rewind()?;
    to.rewind()?;
    to.set_len(0)
}

/// JSON Lines, as the body of a table is: line by line, and one without a secret as it is. `false` where it is none.
fn lines(masks: &Masks, from: &mut File, to: &mut File) -> io::Result<bool> {
    restart(from, to)?;
    let (mut from, mut to) = (BufReader::new(from), BufWriter::new(to));
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.by_ref().take(ROW_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)? == 0 {
            to.flush()?;
            return Ok(true);
        }
        let ended = line.last() == Some(&b'\n');
        match serde_json::from_slice(&line) {
            Ok(mut value @ (Value::Array(_) | Value::Object(_))) => {
                let before = value.clone();
                masks.value(&mut value);
                if value == before {
                    to.write_all(&line)?;
                    continue;
                }
                serde_json::to_writer(&mut to, &value)?;
                if ended {
                    to.write_all(b"\n")?;
                }
            }
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => return Ok(false),
        }
    }
}

/// One JSON document. `false` where it is none, or too large.
fn document(masks: &Masks, from: &mut File, to: &mut File) -> io::Result<bool> {
    if from.metadata()?.len() > DOCUMENT_BYTES_MAX {
        return Ok(false);
    }
    restart(from, to)?;
    let mut body = Vec::new();
    from.read_to_end(&mut body)?;
    match serde_json::from_slice(&body) {
        Ok(mut value @ (Value::Array(_) | Value::Object(_))) => {
            masks.value(&mut value);
            serde_json::to_writer_pretty(&mut *to, &value)?;
            to.write_all(b"\n").map(|()| true)
        }
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let masks = Masks::new(["4711".to_owned(), "a\nb".to_owned()]);
        let (mut from, mut to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        from.write_all(text.as_bytes()).unwrap();
        copy(&masks, &mut from, &mut to).unwrap();
        let mut found = String::new();
        to.rewind().unwrap();
        to.read_to_string(&mut found).unwrap();
        found
    }

    #[test]
    fn json_stays_json_and_rows_stay_rows() {
        assert_eq!(masked("[1,\"x4711\"]\n[147112, 2]\n[3 ,4]\n"), "[1,\"x***\"]\n[\"***\",2]\n[3 ,4]\n");
        let document = masked("{\n  \"pin\": 4711,\n  \"text\": \"a\\nb\"\n}\n");
        assert_eq!(serde_json::from_str::<Value>(&document).unwrap(), serde_json::json!({"pin": "***", "text": "***"}));
        assert_eq!(masked("pin 4711\na\nb\n"), "pin ***\n***\n");
        assert_eq!(masked("[1]\nno json 4711 a\nb\n"), "[1]\nno json *** ***\n");
    }
}
