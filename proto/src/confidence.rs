//! Confidence that cannot be built wrong, and the evidence it follows from.
//!
//! Intervals over several results are Fréchet bounds, which hold under any dependence
//! (M. Fréchet, 1935); the point estimate is the product, which is right for independent results.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Score(f64);

impl Score {
    /// Nothing speaks for it.
    pub const ZERO: Self = Self(0.0);
    /// Certain.
    pub const ONE: Self = Self(1.0);

    /// The score with this value; an error for NaN and everything outside 0..=1.
    pub fn new(value: f64) -> Result<Self, Error> {
        // The absolute value turns −0, which is within the range, into 0: one score has one written form.
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value.abs()))
        } else {
            Err(Error::Score { found: value.to_string() })
        }
    }

    /// The share `part / whole`; 1 when the whole is 0, because then nothing was left out.
    pub fn share(part: u64, whole: u64) -> Self {
        if whole == 0 { Self::ONE } else { Self((part.min(whole) as f64) / (whole as f64)) }
    }

    /// The value, 0..=1.
    pub const fn get(self) -> f64 {
        self.0
    }

    fn min(self, other: Self) -> Self {
        if other.0 < self.0 { other } else { self }
    }
}

impl TryFrom<f64> for Score {
    type Error = Error;

    fn try_from(value: f64) -> Result<Self, Error> {
        Self::new(value)
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> f64 {
        score.0
    }
}

/// What kind of evidence a result rests on, weakest first, so that the order of the variants is the order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Somebody or something says so.
    Asserted,
    /// Independent samples agree.
    Agreed,
    /// An authoritative source supports it.
    Retrieved,
    /// A recorded tool output supports it.
    Observed,
    /// A deterministic check passed.
    Checked,
}

impl Class {
    /// The highest score that evidence of this class can carry.
    pub const fn cap(self) -> Score {
        match self {
            Self::Asserted => Score(0.50),
            Self::Agreed => Score(0.80),
            Self::Retrieved => Score(0.90),
            Self::Observed => Score(0.95),
            Self::Checked => Score(1.00),
        }
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asserted => "asserted",
            Self::Agreed => "agreed",
            Self::Retrieved => "retrieved",
            Self::Observed => "observed",
            Self::Checked => "checked",
        }
    }
}

/// Whether a piece of evidence carries a result or only holds it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearing {
    /// It speaks for the result.
    Supports,
    /// It is a reason for doubt: no other evidence lifts the score above it.
    Limits,
}

/// One thing that a result rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// How strong it can be at most.
    pub class: Class,
    /// Whether it supports or limits.
    pub bearing: Bearing,
    /// What it is, as a code: `exit_code`, `checksum`, `rows_conserved`, `check`, `reported` …
    pub source: String,
    /// How strong it is; the class caps it.
    pub score: Score,
    /// What was seen, in words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Evidence {
    /// A deterministic check that passed.
    pub fn checked(source: &str) -> Self {
        Self {
            class: Class::Checked,
            bearing: Bearing::Supports,
            source: source.to_owned(),
            score: Score::ONE,
            detail: None,
        }
    }

    /// A reason for doubt of this class and strength.
    pub fn limit(class: Class, source: &str, score: Score) -> Self {
        Self { class, bearing: Bearing::Limits, source: source.to_owned(), score, detail: None }
    }

    /// The same with what was seen.
    #[must_use]
    pub fn with_detail(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }

    fn capped(&self) -> Score {
        self.score.min(self.class.cap())
    }
}

/// How sure a result is: a point estimate, an interval that holds under any dependence, and the class of what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Confidence {
    low: Score,
    score: Score,
    high: Score,
    class: Class,
}

#[derive(Deserialize)]
struct Wire {
    low: Score,
    score: Score,
    high: Score,
    class: Class,
}

impl TryFrom<Wire> for Confidence {
    type Error = Error;

    fn try_from(wire: Wire) -> Result<Self, Error> {
        if wire.low <= wire.score && wire.score <= wire.high {
            Ok(Self { low: wire.low, score: wire.score, high: wire.high, class: wire.class })
        } else {
            Err(Error::Interval {
                low: wire.low.0.to_string(),
                score: wire.score.0.to_string(),
                high: wire.high.0.to_string(),
            })
        }
    }
}

impl Confidence {
    /// A deterministic check says so, and nothing speaks against it.
    pub const CHECKED: Self = Self { low: Score::ONE, score: Score::ONE, high: Score::ONE, class: Class::Checked };

    /// Confidence in one result: the strongest supporting evidence, held down by every reason for doubt.
    /// A result with no evidence at all is asserted.
    pub fn from_evidence(evidence: &[Evidence]) -> Self {
        let mut best: Option<(Score, Class)> = None;
        for piece in evidence.iter().filter(|piece| piece.bearing == Bearing::Supports) {
            let found = (piece.capped(), piece.class);
            let stronger = best.is_none_or(|(score, class)| (found.0, found.1) > (score, class));
            if stronger {
                best = Some(found);
            }
        }
        let (carried, mut class) = best.unwrap_or((Class::Asserted.cap(), Class::Asserted));
        let mut score = carried;
        for piece in evidence.iter().filter(|piece| piece.bearing == Bearing::Limits && piece.capped() < carried) {
            score = score.min(piece.capped());
            class = class.min(piece.class);
        }
        Self { low: score, score, high: score, class }
    }

    /// Confidence that all of these hold: product, Fréchet interval, weakest class. Of nothing: certain.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut product, mut doubt, mut high, mut class) = (1.0_f64, 0.0_f64, Score::ONE, Class::Checked);
        for part in parts {
            product *= part.score.0;
            doubt += 1.0 - part.low.0;
            high = high.min(part.high);
            class = class.min(part.class);
        }
        let low = (1.0 - doubt).clamp(0.0, high.0);
        Self { low: Score(low), score: Score(product.clamp(low, high.0)), high, class }
    }

    /// The point estimate.
    pub const fn score(&self) -> Score {
        self.score
    }

    /// The lower end of the interval.
    pub const fn low(&self) -> Score {
        self.low
    }

    /// The upper end of the interval.
    pub const fn high(&self) -> Score {
        self.high
    }

    /// The weakest class among what it rests on.
    pub const fn class(&self) -> Class {
        self.class
    }
}
