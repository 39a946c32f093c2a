//! Time that only ever goes forward, also when the machine's clock is set.

use nix::time::{ClockId, clock_gettime};

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Monotonic(u64);

impl Monotonic {
    /// This moment.
    pub(super) fn now() -> Self {
        // Reading this clock cannot fail on Linux; zero would only make a deadline come later.
        let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map(std::time::Duration::from).unwrap_or_default();
        Self(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    /// So many milliseconds later.
    pub(super) const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from now until this moment; 0 when it is over.
    pub(super) fn remaining_ms(self) -> u64 {
        self.0.saturating_sub(Self::now().0)
    }

    /// Milliseconds from this moment until now.
    pub(super) fn elapsed_ms(self) -> u64 {
        Self::now().0.saturating_sub(self.0)
    }
}
