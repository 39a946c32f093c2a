//! What must hold of each value of a column, beside its type.

use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value;

use super::{Fault, shown};

/// What must hold of each value. No value at all breaks only `required`.
#[derive(Clone, Debug, Default)]
pub struct Constraints {
    /// There must be a value.
    pub required: bool,
    /// No two rows have the same.
    pub unique: bool,
    /// It is one of these.
    pub choices: Option<Vec<Value>>,
    /// Bounds of its size.
    pub bounds: Vec<Bound>,
    /// It has at least this many characters.
    pub min_length: Option<u64>,
    /// It has at most this many characters.
    pub max_length: Option<u64>,
    /// Its text as a whole matches this.
    pub pattern: Option<Regex>,
}

/// A bound of a value's size.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Which.
    pub side: Side,
    /// Where it lies.
    pub limit: Value,
}

/// Which bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At least.
    Minimum,
    /// At most.
    Maximum,
    /// More than.
    ExclusiveMinimum,
    /// Less than.
    ExclusiveMaximum,
}

impl Constraints {
    /// Checks a value; `text` is how it was written.
    pub(super) fn check(&self, value: &Value, text: Option<&str>) -> Result<(), Fault> {
        if value.is_null() {
            let missing = Fault::new("required", "a value is required");
            return if self.required { Err(missing) } else { Ok(()) };
        }
        let text = text.unwrap_or_default();
        if let Some(choices) = &self.choices
            && !choices.iter().any(|choice| order(choice, value) == Some(Ordering::Equal))
        {
            return Err(Fault::new("enum", format!("{} is not one of {}", shown(text), listed(choices))));
        }
        for bound in &self.bounds {
            bound.check(value, text)?;
        }
        self.check_length(value, text)?;
        match &self.pattern {
            Some(pattern) if !pattern.is_match(text) => {
                Err(Fault::new("pattern", format!("{} does not match the pattern", shown(text))))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_length(&self, value: &Value, text: &str) -> Result<(), Fault> {
        if self.min_length.is_none() && self.max_length.is_none() {
            return Ok(());
        }
        let length = value.as_str().unwrap_or(text).chars().count() as u64;
        let fault = |rule, sign: &str, limit: u64| {
            Err(Fault::new(rule, format!("{} has {length} characters, {sign} {limit}", shown(text))))
        };
        match (self.min_length, self.max_length) {
            (Some(least), _) if length < least => fault("minLength", "fewer than", least),
            (_, Some(most)) if length > most => fault("maxLength", "more than", most),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

impl Bound {
    fn check(&self, value: &Value, text: &str) -> Result<(), Fault> {
        use Ordering::{Equal, Greater, Less};
        let found = order(value, &self.limit);
        let (holds, rule, words) = match self.side {
            Side::Minimum => (matches!(found, Some(Greater | Equal)), "minimum", "is below the minimum"),
            Side::Maximum => (matches!(found, Some(Less | Equal)), "maximum", "is above the maximum"),
            Side::ExclusiveMinimum => (found == Some(Greater), "exclusiveMinimum", "is not above"),
            Side::ExclusiveMaximum => (found == Some(Less), "exclusiveMaximum", "is not below"),
        };
        let limit = || self.limit.as_str().map_or_else(|| self.limit.to_string(), str::to_owned);
        if holds { Ok(()) } else { Err(Fault::new(rule, format!("{} {words} {}", shown(text), limit()))) }
    }
}

/// How two values of one type compare; ISO text of days and times has their order.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (left, right) => (left == right).then_some(Ordering::Equal),
    }
}

fn listed(choices: &[Value]) -> String {
    const NAMED_MAX: usize = 12;
    let mut names: Vec<_> = choices
        .iter()
        .take(NAMED_MAX)
        .map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned))
        .collect();
    if choices.len() > NAMED_MAX {
        names.push(format!("… ({} in all)", choices.len()));
    }
    names.join(", ")
}
