//! Values that stand for bodies elsewhere: files and tables; and the types that a workflow may declare.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::canonical::Sha256;

/// The media type of a table's body: JSON Lines, one array per row in column order.
pub const TABLE_MEDIA_TYPE: &str = "application/vnd.candor.table+jsonl";

/// A file, stored once under its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileValue {
    /// Its path below the folder it came from, with `/` between the parts.
    pub name: String,
    /// Of its bytes.
    pub sha256: Sha256,
    /// Its length.
    pub bytes: u64,
    /// What it is, such as `text/csv`.
    pub media_type: String,
}

/// What a file is, by the ending of its name, in letters of either case.
pub fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/jsonl",
        "md" => "text/markdown",
        "txt" | "log" => "text/plain",
        "yaml" | "yml" => "application/yaml",
        "html" | "htm" => "text/html",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "svg" => "image/svg+xml",
        "gz" => "application/gzip",
        "zst" => "application/zstd",
        "zip" => "application/zip",
        "parquet" => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean`, `date`, `datetime` or `any`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A table: a file of rows that also says how many and which columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableValue {
    /// As of a file.
    pub name: String,
    /// Of the rows' JSON Lines.
    pub sha256: Sha256,
    /// Length of the JSON Lines.
    pub bytes: u64,
    /// [`TABLE_MEDIA_TYPE`].
    pub media_type: String,
    /// Rows.
    pub count: u64,
    /// Columns, in the order of the values in each row.
    pub columns: Vec<Column>,
}

impl FileValue {
    /// The file that a value stands for, if it stands for one (a table counts).
    pub fn from_value(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        if !Self::looks_like(fields) {
            return None;
        }
        Self::deserialize(value).ok()
    }

    /// Whether an object has exactly the fields of a file or table value.
    pub fn looks_like(fields: &Map<String, Value>) -> bool {
        let has = |name: &str| fields.contains_key(name);
        let file = has("sha256") && has("name") && has("bytes") && has("media_type");
        file && (fields.len() == 4 || (fields.len() == 6 && has("count") && has("columns")))
    }

    /// The value as JSON.
    pub fn to_value(&self) -> Value {
        serde_json::json!({"name": self.name, "sha256": self.sha256, "bytes": self.bytes, "media_type": self.media_type})
    }
}

impl TableValue {
    /// The table that a value stands for, if it stands for one.
    pub fn from_value(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        if fields.len() != 6 || !fields.contains_key("columns") {
            return None;
        }
        Self::deserialize(value).ok()
    }

    /// The value as JSON.
    pub fn to_value(&self) -> Value {
        serde_json::json!({
            "name": self.name, "sha256": self.sha256, "bytes": self.bytes, "media_type": self.media_type,
            "count": self.count, "columns": self.columns,
        })
    }

    /// The file of its rows.
    pub fn file(&self) -> FileValue {
        FileValue {
            name: self.name.clone(),
            sha256: self.sha256,
            bytes: self.bytes,
            media_type: self.media_type.clone(),
        }
    }
}

/// A type that an input or output may declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A day as `YYYY-MM-DD`.
    Date,
    /// A span of time, in seconds as text: `1800s`.
    Duration,
    /// A list of values.
    List,
    /// Values by name.
    Map,
    /// A [`FileValue`].
    #[serde(alias = "path")]
    File,
    /// A [`TableValue`].
    Table,
}

impl ValueType {
    /// Whether a value is of this type.
    pub fn admits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Date => value.as_str().is_some_and(is_date),
            Self::Duration => value.as_str().is_some_and(is_duration),
            Self::List => value.is_array(),
            Self::Map => value.is_object(),
            Self::File => FileValue::from_value(value).is_some(),
            Self::Table => TableValue::from_value(value).is_some(),
        }
    }

    /// The word that a workflow uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Duration => "duration",
            Self::List => "list",
            Self::Map => "map",
            Self::File => "file",
            Self::Table => "table",
        }
    }
}

/// Whether a text is a day of the Gregorian calendar as `YYYY-MM-DD`.
pub fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let digits =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u32>().ok()).flatten();
    let (Some(year), Some(month), Some(day)) = (digits(&text[..4]), digits(&text[5..7]), digits(&text[8..])) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Whether a text is a duration in its canonical form, seconds with an `s`: `1800s`, `0.25s`.
pub fn is_duration(text: &str) -> bool {
    let Some(seconds) = text.strip_suffix('s') else { return false };
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

/// The length of a value's JSON form in bytes, roughly: escapes are not counted. O(size), without writing it.
pub fn json_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| json_bytes(item) + 1).sum::<usize>(),
        Value::Object(fields) => 2 + fields.iter().map(|(key, item)| key.len() + 4 + json_bytes(item)).sum::<usize>(),
    }
}

/// Whether no more than `max` lists and maps lie inside each other. O(size), and no deeper than `max` itself.
pub fn nests_within(value: &Value, max: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => max > 0 && items.iter().all(|item| nests_within(item, max - 1)),
        Value::Object(fields) => max > 0 && fields.values().all(|item| nests_within(item, max - 1)),
    }
}
