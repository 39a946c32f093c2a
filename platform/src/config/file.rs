//! The file of settings: TOML, plain keys, no tables.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::problem::{Origin, Problem};

/// A file of settings larger than this is none, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// One setting as it stands in the file.
pub(super) struct Entry {
    /// With `-` between its words, whatever stands there.
    pub(super) name: String,
    pub(super) texts: Vec<String>,
    pub(super) origin: Origin,
}

/// What a file says.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) entries: Vec<Entry>,
    pub(super) problems: Vec<Problem>,
}

/// Reads a file. A missing one is a problem: somebody named it.
pub(super) fn read(path: &Path) -> Contents {
    let text = fs::metadata(path).and_then(|found| {
        if found.len() > FILE_BYTES_MAX {
            let reason = format!("it has {} bytes, which is more than a file of settings may have", found.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        fs::read_to_string(path)
    });
    match text {
        Ok(text) => understand(path, &text),
        Err(error) => {
            let origin = Origin::File { path: path.to_owned(), line: None };
            let problem = Problem { origin, message: format!("cannot be read: {error}"), advice: None };
            Contents { entries: Vec::new(), problems: vec![problem] }
        }
    }
}

fn understand(path: &Path, text: &str) -> Contents {
    let (table, errors) = DeTable::parse_recoverable(text);
    let place = Place { path: path.to_owned(), text };
    let mut contents = Contents::default();
    for error in errors {
        let at = error.span().map(|span| span.start);
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        contents.problems.push(Problem { origin: place.origin(at), message, advice: None });
    }
    for (key, value) in table.get_ref() {
        let origin = place.origin(Some(key.span().start));
        let name = key.get_ref().replace('_', "-");
        match texts(value.get_ref()) {
            Ok(texts) => contents.entries.push(Entry { name, texts, origin }),
            Err(message) => contents.problems.push(Problem {
                origin,
                message: format!("`{}` {message}", key.get_ref()),
                advice: None,
            }),
        }
    }
    contents
}

/// Where in the file something stands.
struct Place<'a> {
    path: PathBuf,
    text: &'a str,
}

impl Place<'_> {
    fn origin(&self, at: Option<usize>) -> Origin {
        let line = at.map(|at| self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1);
        Origin::File { path: self.path.clone(), line }
    }
}

/// What somebody would have written in a variable or as a flag.
fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match value {
        DeValue::String(text) => Ok(vec![text.to_string()]),
        DeValue::Integer(number) => Ok(vec![number.to_string()]),
        DeValue::Float(number) => Ok(vec![number.to_string()]),
        DeValue::Boolean(flag) => Ok(vec![flag.to_string()]),
        DeValue::Datetime(time) => Ok(vec![time.to_string()]),
        DeValue::Array(items) => {
            items.iter().map(|item| texts(item.get_ref())).collect::<Result<Vec<_>, _>>().map(|lists| lists.concat())
        }
        DeValue::Table(_) => Err("is a table; settings are plain keys".to_owned()),
    }
}
