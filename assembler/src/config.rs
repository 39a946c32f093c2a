//! What an assembler is told at its start.

use candor_proto::limits::LEASE_MS;

/// An assembler's settings. The default is that of one process with everything in it; a service of its own has
/// `workers_inside: false` and `sharing: true`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name in logs and queues.
    pub instance: String,
    /// Partitions of the deployment.
    pub partitions: u32,
    /// Attempts that may be out per pool and partition. Short queues keep cancelling and fairness quick.
    pub window: u32,
    /// How long a released attempt may stay silent, in milliseconds.
    pub lease_ms: u64,
    /// Whether workers end with this process, so that at its start no attempt runs.
    pub workers_inside: bool,
    /// Whether other assemblers may live beside it, so that partitions are shared with them.
    pub sharing: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            instance: "assembler".to_owned(),
            partitions: 1,
            window: WINDOW,
            lease_ms: LEASE_MS,
            workers_inside: true,
            sharing: false,
        }
    }
}

/// Attempts that may be out per pool and partition: enough to keep a few hundred small tasks under way
/// while one batch is written, and no more.
const WINDOW: u32 = 256;
