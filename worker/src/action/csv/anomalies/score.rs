//! How far a number lies from the others.
//!
//! `robust_z`: 0.6745·(x − median) / MAD, the modified z-score of B. Iglewicz and D. Hoaglin, "How to Detect and
//! Handle Outliers" (1993), who recommend the threshold 3.5. When more than half of the values are equal the MAD is 0;
//! then, as they advise, (x − median) / (1.253314·mean absolute deviation from the median).
//!
//! `iqr`: how many interquartile ranges a number lies beyond the nearer quartile, after J. Tukey, "Exploratory Data
//! Analysis" (1977), who draws his fences at 1.5. When the quartiles are equal, the mean absolute deviation from the
//! median takes the place of the range.
//!
//! When all values are equal, nothing is far from anything.

use crate::action::csv::numbers::{Sample, quantile};

/// The median of the absolute deviations of a normal distribution, in standard deviations.
const NORMAL_MAD: f64 = 0.6745;

/// A standard deviation of a normal distribution, in mean absolute deviations.
const NORMAL_MEAN_DEVIATION: f64 = 1.253_314;

/// How distance is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    RobustZ,
    Iqr,
}

impl Method {
    /// What its authors recommend.
    pub(super) const fn threshold(self) -> f64 {
        match self {
            Self::RobustZ => 3.5,
            Self::Iqr => 1.5,
        }
    }
}

/// The middle of a column and the unit of distance from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    /// Scores are `factor · distance / unit`; the unit is 0 when all values are equal.
    factor: f64,
    unit: f64,
    words: &'static str,
}

impl Scale {
    pub(super) fn of(method: Method, mut sample: Sample) -> Self {
        sample.sort();
        let at = |share| quantile(&sample.values, share).unwrap_or(0.0);
        let (median, lower, upper) = (at(0.5), at(0.25), at(0.75));
        match method {
            Method::RobustZ => {
                sample.become_distances(median);
                let spread = quantile(&sample.values, 0.5).unwrap_or(0.0);
                let (low, high) = (median, median);
                if spread > 0.0 {
                    let words = "robust z-score by the median absolute deviation,";
                    return Self { low, high, factor: NORMAL_MAD, unit: spread, words };
                }
                let unit = sample.mean().unwrap_or(0.0) * NORMAL_MEAN_DEVIATION;
                let words = "robust z-score by the mean absolute deviation (more than half are equal),";
                Self { low, high, factor: 1.0, unit, words }
            }
            Method::Iqr if upper > lower => {
                let words = "interquartile ranges beyond the quartile,";
                Self { low: lower, high: upper, factor: 1.0, unit: upper - lower, words }
            }
            Method::Iqr => {
                sample.become_distances(median);
                let unit = sample.mean().unwrap_or(0.0);
                let words = "mean absolute deviations beyond the quartile (the quartiles are equal),";
                Self { low: lower, high: upper, factor: 1.0, unit, words }
            }
        }
    }

    /// The score of a number; its sign says on which side it lies.
    pub(super) fn score(&self, value: f64) -> f64 {
        let distance = if value < self.low {
            value - self.low
        } else if value > self.high {
            value - self.high
        } else {
            0.0
        };
        // A spread beyond the largest number has no part that is far out.
        if distance == 0.0 || self.unit == 0.0 || !self.unit.is_finite() {
            return 0.0;
        }
        (self.factor * distance / self.unit).clamp(f64::MIN, f64::MAX)
    }

    pub(super) fn reason(&self, score: f64, threshold: f64) -> String {
        let side = if score < 0.0 { "below" } else { "above" };
        let (low, high) = (self.low, self.high);
        let middle = if low == high { format!("{low}") } else { format!("{low} to {high}") };
        format!("{:.2} {} {side} {middle}, threshold {threshold}", score.abs(), self.words)
    }
}
