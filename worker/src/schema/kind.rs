//! The types of columns, and how a text becomes a value of one.
//!
//! Values have one canonical form each: integers and numbers as JSON numbers, days and times as ISO text.

use candor_proto::value::is_date;
use jiff::civil::{Date, DateTime, Time};
use serde_json::{Number, Value};

use super::{Fault, shown};

/// A column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String(TextFormat),
    /// A whole number of 64 bits.
    Integer(Digits),
    /// A double.
    Number(Digits),
    /// True or false, with the texts that stand for each.
    Boolean {
        /// For `true`.
        yes: Vec<String>,
        /// For `false`.
        no: Vec<String>,
    },
    /// A day.
    Date(Form),
    /// A day and a time; with an offset it is kept in UTC.
    Datetime(Form),
    /// A time of day.
    Time(Form),
    /// A year.
    Year,
    /// A month of a year, `YYYY-MM`.
    YearMonth,
    /// Whatever it is.
    Any,
}

/// What a text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// Anything.
    Any,
    /// A mail address.
    Email,
    /// An absolute URI.
    Uri,
    /// A UUID.
    Uuid,
}

/// How numbers are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    /// Between whole and fraction.
    pub decimal: String,
    /// Between groups of digits; empty for none.
    pub group: String,
    /// Whether nothing but the number stands there; otherwise signs such as `$` and `%` around it are left out.
    pub bare: bool,
}

/// How days and times are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// ISO 8601.
    Iso,
    /// A pattern such as `%d/%m/%Y`.
    Pattern(String),
}

impl Kind {
    /// The word that tables use for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::String(_) | Self::Time(_) | Self::YearMonth => "string",
            Self::Integer(_) | Self::Year => "integer",
            Self::Number(_) => "number",
            Self::Boolean { .. } => "boolean",
            Self::Date(_) => "date",
            Self::Datetime(_) => "datetime",
            Self::Any => "any",
        }
    }

    /// Whether its values have an order that a minimum can name.
    pub const fn ordered(&self) -> bool {
        match self {
            Self::Integer(_)
            | Self::Number(_)
            | Self::Date(_)
            | Self::Datetime(_)
            | Self::Time(_)
            | Self::Year
            | Self::YearMonth => true,
            Self::String(_) | Self::Boolean { .. } | Self::Any => false,
        }
    }

    /// The value that a text stands for.
    pub fn read(&self, text: &str) -> Result<Value, Fault> {
        let read = match self {
            Self::String(format) => format.admits(text).then(|| Value::from(text)),
            Self::Any => Some(Value::from(text)),
            Self::Integer(digits) => return integer(&digits.plain(text), text),
            Self::Number(digits) => return number(&digits.plain(text), text),
            Self::Boolean { yes, no } => boolean(yes, no, text),
            Self::Date(form) => form.date(text).map(Value::from),
            Self::Datetime(form) => form.datetime(text).map(Value::from),
            Self::Time(form) => form.time(text).map(Value::from),
            Self::Year => year(text),
            Self::YearMonth => is_date(&format!("{text}-01")).then(|| Value::from(text)),
        };
        read.ok_or_else(|| self.fault(text))
    }

    /// The value that a value other than text stands for.
    pub fn take(&self, value: &Value) -> Result<Value, Fault> {
        /// From here on not every whole double is one integer.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let whole = |double: f64| (double.fract() == 0.0 && double.abs() <= EXACT).then_some(double as i64);
        let taken = match (self, value) {
            (Self::Any, value) => Some(value.clone()),
            (Self::Integer(_) | Self::Year, Value::Number(found)) => {
                found.as_i64().or_else(|| found.as_f64().and_then(whole)).map(Value::from)
            }
            (Self::Number(_), Value::Number(found)) => found.as_f64().and_then(Number::from_f64).map(Value::Number),
            (Self::Boolean { .. }, Value::Bool(found)) => Some(Value::Bool(*found)),
            (
                Self::String(_)
                | Self::Integer(_)
                | Self::Number(_)
                | Self::Boolean { .. }
                | Self::Date(_)
                | Self::Datetime(_)
                | Self::Time(_)
                | Self::Year
                | Self::YearMonth,
                _,
            ) => None,
        };
        taken.ok_or_else(|| self.fault(&value.to_string()))
    }

    fn fault(&self, text: &str) -> Fault {
        let wanted = match self {
            Self::String(TextFormat::Any) => "a text",
            Self::String(TextFormat::Email) => "a mail address",
            Self::String(TextFormat::Uri) => "an absolute URI",
            Self::String(TextFormat::Uuid) => "a UUID",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::Boolean { .. } => "a boolean",
            Self::Date(Form::Iso) => "a date (YYYY-MM-DD)",
            Self::Date(Form::Pattern(pattern)) => return pattern_fault("date", pattern, text),
            Self::Datetime(Form::Iso) => "a date and time (ISO 8601)",
            Self::Datetime(Form::Pattern(pattern)) => return pattern_fault("date and time", pattern, text),
            Self::Time(Form::Iso) => "a time (hh:mm:ss)",
            Self::Time(Form::Pattern(pattern)) => return pattern_fault("time", pattern, text),
            Self::Year => "a year",
            Self::YearMonth => "a month (YYYY-MM)",
            Self::Any => "a value",
        };
        Fault::new("type", format!("{} is not {wanted}", shown(text)))
    }
}

fn pattern_fault(what: &str, pattern: &str, text: &str) -> Fault {
    Fault::new("type", format!("{} is not a {what} of the form `{pattern}`", shown(text)))
}

impl TextFormat {
    fn admits(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Uuid => uuid::Uuid::try_parse(text).is_ok(),
            Self::Email => text.split_once('@').is_some_and(|(name, host)| {
                let plain = |part: &str| !part.is_empty() && !part.contains(['@', ' ', '\t', '\n', '\r']);
                plain(name) && plain(host) && !host.starts_with('.') && !host.ends_with('.')
            }),
            Self::Uri => text.split_once(':').is_some_and(|(scheme, rest)| {
                let letter = scheme.starts_with(|character: char| character.is_ascii_alphabetic());
                let word = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
                let visible = |character: char| !character.is_whitespace() && !character.is_control();
                letter && scheme.bytes().all(word) && !rest.is_empty() && rest.chars().all(visible)
            }),
        }
    }
}

impl Digits {
    /// A point between whole and fraction, and nothing else.
    pub fn plain_point() -> Self {
        Self { decimal: ".".to_owned(), group: String::new(), bare: true }
    }

    /// The text as Rust reads numbers.
    fn plain<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        let mut text = std::borrow::Cow::Borrowed(text);
        if !self.bare {
            let outside = |character: char| !character.is_ascii_digit() && !"+-".contains(character);
            let inner = text.trim_matches(|character| outside(character) && !self.decimal.contains(character));
            text = inner.to_owned().into();
        }
        if !self.group.is_empty() {
            text = text.replace(&self.group, "").into();
        }
        if self.decimal != "." {
            // A point that is neither of the two signs would otherwise slip in as one.
            text = text.replace('.', "\0").replace(&self.decimal, ".").into();
        }
        text
    }
}

fn integer(plain: &str, text: &str) -> Result<Value, Fault> {
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::new("type", format!("{} is not an integer", shown(text))));
    }
    let beyond = || Fault::new("type", format!("{} does not fit into 64 bits", shown(text)));
    plain.parse::<i64>().map(Value::from).map_err(|_| beyond())
}

fn number(plain: &str, text: &str) -> Result<Value, Fault> {
    let word = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let read = plain.bytes().all(word).then(|| plain.parse::<f64>().ok()).flatten();
    let Some(double) = read else {
        return Err(Fault::new("type", format!("{} is not a number", shown(text))));
    };
    let beyond = || Fault::new("type", format!("{} is beyond the largest number", shown(text)));
    Number::from_f64(double).map(Value::Number).ok_or_else(beyond)
}

fn boolean(yes: &[String], no: &[String], text: &str) -> Option<Value> {
    let is = |words: &[String]| words.iter().any(|word| word == text);
    if is(yes) { Some(Value::Bool(true)) } else { is(no).then_some(Value::Bool(false)) }
}

fn year(text: &str) -> Option<Value> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse::<i64>().ok().map(Value::from)).flatten()
}

impl Form {
    /// Whether a pattern can be read at all.
    pub(super) fn known(&self) -> Result<(), String> {
        let Self::Pattern(pattern) = self else { return Ok(()) };
        let sample = DateTime::constant(2001, 2, 3, 4, 5, 6, 0);
        let written = jiff::fmt::strtime::format(pattern, sample).map_err(|error| error.to_string())?;
        jiff::fmt::strtime::parse(pattern, &written).map(drop).map_err(|error| error.to_string())
    }

    fn date(&self, text: &str) -> Option<String> {
        match self {
            Self::Iso => is_date(text).then(|| text.to_owned()),
            Self::Pattern(pattern) => Date::strptime(pattern, text).ok().map(|date| date.to_string()),
        }
    }

    fn datetime(&self, text: &str) -> Option<String> {
        match self {
            Self::Iso => {
                // A bare day is a date, not a time; its shortest companion is `2001-02-03T04`.
                if text.len() < 13 || !text.is_char_boundary(10) || !is_date(&text[..10]) {
                    return None;
                }
                let instant = text.parse::<jiff::Timestamp>().ok().map(|instant| instant.to_string());
                instant.or_else(|| text.parse::<DateTime>().ok().map(|local| local.to_string()))
            }
            Self::Pattern(pattern) => {
                let broken = jiff::fmt::strtime::parse(pattern, text).ok()?;
                match broken.offset() {
                    Some(_) => broken.to_timestamp().ok().map(|instant| instant.to_string()),
                    None => broken.to_datetime().ok().map(|local| local.to_string()),
                }
            }
        }
    }

    fn time(&self, text: &str) -> Option<String> {
        match self {
            Self::Iso => {
                let shape = text.as_bytes().get(2) == Some(&b':');
                shape.then(|| text.parse::<Time>().ok()).flatten().map(|time| time.to_string())
            }
            Self::Pattern(pattern) => Time::strptime(pattern, text).ok().map(|time| time.to_string()),
        }
    }
}
