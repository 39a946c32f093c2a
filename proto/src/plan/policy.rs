//! The small choices of a task: retry, fan-out failure, checks, limits, priority.

use serde::{Deserialize, Serialize};

use super::is_default;
use crate::failure::TaskError;

/// What is tried again, how often and after how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// Attempts in all, the first among them.
    #[serde(skip_serializing_if = "is_one")]
    pub max_attempts: u32,
    /// How the delay grows.
    #[serde(skip_serializing_if = "is_default")]
    pub backoff: Backoff,
    /// The first delay, in milliseconds.
    #[serde(skip_serializing_if = "is_default_delay")]
    pub delay_ms: u64,
    /// The longest delay, in milliseconds.
    #[serde(skip_serializing_if = "is_default_delay_max")]
    pub max_delay_ms: u64,
    /// Classes (`execution`) and codes (`timeout`); empty means every class that is retried by default.
    #[serde(skip_serializing_if = "is_default")]
    pub on: Vec<String>,
}

const DELAY_MS: u64 = 1_000;
const DELAY_MS_MAX: u64 = 60_000;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one(count: &u32) -> bool {
    *count == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_default_delay(delay: &u64) -> bool {
    *delay == DELAY_MS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_default_delay_max(delay: &u64) -> bool {
    *delay == DELAY_MS_MAX
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            backoff: Backoff::default(),
            delay_ms: DELAY_MS,
            max_delay_ms: DELAY_MS_MAX,
            on: Vec::new(),
        }
    }
}

impl Retry {
    /// Whether an error of this kind is tried again, attempts permitting.
    pub fn covers(&self, error: &TaskError) -> bool {
        if self.on.is_empty() {
            return error.class.retried_by_default();
        }
        self.on.iter().any(|word| word == error.class.word() || *word == error.code)
    }

    /// The delay before attempt `next` (2 is the first repetition), in milliseconds.
    ///
    /// Exponential back-off has full jitter (M. Brooker, "Exponential Backoff and Jitter", 2015):
    /// uniform between 0 and the doubled delay, taken from `seed`. Constant back-off has none.
    pub fn delay_ms(&self, next: u32, seed: u64) -> u64 {
        match self.backoff {
            Backoff::Constant => self.delay_ms,
            Backoff::Exponential => {
                let doublings = next.saturating_sub(2).min(40);
                let ceiling = self.delay_ms.saturating_mul(1 << doublings).min(self.max_delay_ms.max(self.delay_ms));
                mix(seed) % ceiling.saturating_add(1)
            }
        }
    }
}

/// SplitMix64 (S. Vigna, 2015): spreads a seed over all 64 bits.
const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How the delay between attempts grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// Doubled each time, with full jitter.
    #[default]
    Exponential,
    /// Always the same.
    Constant,
}

/// What a failed item means for the other items of a fan-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailPolicy {
    /// The first failure stops what has not started, and fails the task.
    #[default]
    One,
    /// All end; any failure fails the task.
    All,
    /// Up to this many failures leave gaps only.
    Tolerate(u32),
    /// Up to this share of the items, in percent, leaves gaps only.
    ToleratePercent(f64),
}

impl FailPolicy {
    /// The largest number of failures with which the task still succeeds.
    pub fn tolerated(self, items: u32) -> u32 {
        match self {
            Self::One | Self::All => 0,
            Self::Tolerate(count) => count.min(items),
            Self::ToleratePercent(percent) => {
                let percent = percent.clamp(0.0, 100.0);
                let near = (f64::from(items) * percent / 100.0).floor();
                // That is rounded twice, and 32.3 % of 1,000 comes out as 322.99…; a share of whole items, rounded
                // once, meets the percentage as the author wrote it.
                let within = |count: f64| count * 100.0 / f64::from(items) <= percent;
                let counts = [near + 1.0, near, near - 1.0];
                counts.into_iter().find(|count| within(*count)).unwrap_or(0.0) as u32
            }
        }
    }

    /// Whether items that have not started stop as soon as more have failed than are tolerated.
    pub const fn stops_early(self) -> bool {
        match self {
            Self::One => true,
            Self::All | Self::Tolerate(_) | Self::ToleratePercent(_) => false,
        }
    }
}

/// What happens when a check does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFail {
    /// The task fails.
    #[default]
    Fail,
    /// The task succeeds and leaves a gap.
    Warn,
}

/// What one attempt may use; `None` means the worker's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Address space of each process, in bytes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub memory_bytes: Option<u64>,
    /// Cores.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cpu: Option<f64>,
    /// Processes and threads at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub processes: Option<u64>,
    /// Open files of each process.
    #[serde(default, skip_serializing_if = "is_default")]
    pub files: Option<u64>,
    /// What it may print on each stream, in bytes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub output_bytes: Option<u64>,
}

/// Which job or task goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After all others.
    Low,
    /// In between.
    #[default]
    Normal,
    /// Before all others.
    High,
}
