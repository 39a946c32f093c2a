//! What can be said of the numbers of a column: mean, spread, quantiles.
//!
//! Quantiles and medians need all values at once: eight bytes each are kept, and nothing of the rest of a row.

use candor_proto::{ErrorClass, TaskError};
use serde_json::{Number, Value};

use super::sum::sum;
use crate::schema::shown;

/// All values that one attempt keeps, over all columns: half a gigabyte.
const VALUES_MAX: usize = 64 * 1024 * 1024;

/// The numbers of several columns.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) columns: Vec<Sample>,
    kept: usize,
}

/// The numbers of a column.
#[derive(Debug)]
pub(super) struct Sample {
    /// The column's name.
    name: String,
    pub(super) values: Vec<f64>,
    /// Rows without a value.
    pub(super) nulls: u64,
    /// What a double cannot say of whole numbers, while all values are whole.
    pub(super) whole: Option<Whole>,
}

/// Whole numbers without any rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub(super) min: i128,
    pub(super) max: i128,
    /// Of at most [`VALUES_MAX`] numbers of 64 bits each, so it never overflows.
    pub(super) sum: i128,
}

impl Whole {
    const NOTHING: Self = Self { min: i128::MAX, max: i128::MIN, sum: 0 };

    fn note(self, value: i128) -> Self {
        Self { min: self.min.min(value), max: self.max.max(value), sum: self.sum + value }
    }
}

impl Samples {
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let sample =
            |name: &str| Sample { name: name.to_owned(), values: Vec::new(), nulls: 0, whole: Some(Whole::NOTHING) };
        Self { columns: names.into_iter().map(sample).collect(), kept: 0 }
    }

    /// Notes a value of a column.
    pub(super) fn note(&mut self, column: usize, value: &Value) -> Result<(), TaskError> {
        let sample = &mut self.columns[column];
        match value {
            Value::Null => sample.nulls += 1,
            value => {
                sample.values.push(number(&sample.name, value)?);
                sample.whole = sample.whole.zip(integer(value)).map(|(whole, value)| whole.note(value));
            }
        }
        self.kept += usize::from(!value.is_null());
        if self.kept > VALUES_MAX {
            let message = format!("there are more than {VALUES_MAX} numbers in the columns");
            let error = TaskError::new(ErrorClass::Validation, "too_many_values", message);
            return Err(error.with_advice("name fewer columns, or split the table"));
        }
        Ok(())
    }
}

fn integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

/// The number that a value of a column is.
pub(super) fn number(column: &str, value: &Value) -> Result<f64, TaskError> {
    value.as_f64().ok_or_else(|| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let message = format!("column `{column}` has {}, which is no number", shown(&text));
        TaskError::new(ErrorClass::Validation, "not_a_number", message).with_advice(SCHEMA_ADVICE)
    })
}

/// What to do when a column is text.
pub(super) const SCHEMA_ADVICE: &str = "give csv.read a `schema` that says which columns are numbers";

impl Sample {
    /// The sum, correctly rounded; infinite when it is beyond the largest number.
    pub(super) fn sum(&self) -> f64 {
        let scale = self.overflow_scale();
        sum(self.values.iter().map(|value| value * scale)) / scale
    }

    /// The mean: the correctly rounded sum over the count.
    pub(super) fn mean(&self) -> Option<f64> {
        let scale = self.overflow_scale();
        let total = sum(self.values.iter().map(|value| value * scale));
        (!self.values.is_empty()).then(|| total / self.values.len() as f64 / scale)
    }

    /// A power of two that keeps every sum of these values finite, and is 1 unless they are huge.
    fn overflow_scale(&self) -> f64 {
        /// 2^900: times any count of values that fits into memory still far below the largest double.
        const HUGE: f64 = 8.452_712_498_170_644e270;
        /// 2^-200.
        const DOWN: f64 = 6.223_015_277_861_142e-61;
        if self.largest() > HUGE { DOWN } else { 1.0 }
    }

    fn largest(&self) -> f64 {
        self.values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
    }

    /// The standard deviation with n − 1, in two passes over values that were scaled to about one, so that no
    /// square is lost or infinite. The second term takes back what the rounding of the mean did.
    pub(super) fn stddev(&self) -> Option<f64> {
        let count = self.values.len() as f64;
        if self.values.len() < 2 {
            return None;
        }
        let largest = self.largest();
        // Halves and doubles are exact. Below the normal numbers the quotient would be infinite; all are equal then to
        // within a part in 10^300.
        let scale =
            if largest.is_normal() { 2_f64.powi(-(largest.log2().floor() as i32).clamp(-1000, 1000)) } else { 1.0 };
        let scaled = || self.values.iter().map(|value| value * scale);
        let mean = sum(scaled()) / count;
        let squares = sum(scaled().map(|value| (value - mean) * (value - mean)));
        let drift = sum(scaled().map(|value| value - mean));
        Some(((squares - drift * drift / count).max(0.0) / (count - 1.0)).sqrt() / scale)
    }

    /// Sorts the values, for [`quantile`].
    pub(super) fn sort(&mut self) {
        self.values.sort_unstable_by(f64::total_cmp);
    }

    /// Puts the distances from `center` in the place of the values, sorted.
    pub(super) fn become_distances(&mut self, center: f64) {
        for value in &mut self.values {
            *value = (*value - center).abs();
        }
        self.sort();
    }
}

/// A quantile of sorted values: type 7 of Hyndman and Fan (1996), linear between the order statistics, the default
/// of R, NumPy and Excel's PERCENTILE.INC.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    let part = place - below as f64;
    let step = high - low;
    // Two huge numbers of different signs lie further apart than any double says.
    let between = if step.is_finite() { low + step * part } else { low * (1.0 - part) + high * part };
    Some(between.clamp(low, high))
}

/// A whole number as JSON; beyond 64 bits, where JSON has none, the nearest double.
pub(super) fn whole_json(value: i128) -> Value {
    let whole = i64::try_from(value).map(Value::from).or_else(|_| u64::try_from(value).map(Value::from));
    whole.unwrap_or_else(|_| json(Some(value as f64)))
}

/// A double as JSON; nothing when it is not finite or not there.
pub(super) fn json(value: Option<f64>) -> Value {
    value.and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}
