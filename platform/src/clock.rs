//! Time, as a value that is handed in.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use candor_proto::Millis;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch, UTC. Never goes back within a process.
    fn now(&self) -> Millis;
}

/// The machine's clock as it stood when this process first asked, and since then time that passes evenly.
///
/// Somebody may set the machine's clock at any moment, by hours in either direction. Whoever then compared two readings
/// would end attempts before their time, or wait for a retry until the clock is there again. How fast time passes is kept
/// right by the system all the same; only a jump is not followed until the next start. While a machine sleeps no time
/// passes here, as for the supervisors of attempts.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> Millis {
        static BEGUN: OnceLock<(Instant, Duration)> = OnceLock::new();
        let (instant, since_epoch) =
            BEGUN.get_or_init(|| (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()));
        let now = since_epoch.saturating_add(instant.elapsed());
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    }
}
