//! Time, as a value that is handed in.

use candor_proto::Millis;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch, UTC. Never goes back within a process.
    fn now(&self) -> Millis;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        use std::sync::atomic::{AtomicU64, Ordering};
        use std::time::UNIX_EPOCH;
        static NEWEST: AtomicU64 = AtomicU64::new(0);
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
        let elapsed = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let read = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        NEWEST.fetch_max(read, Ordering::Relaxed).max(read)
    }
}
