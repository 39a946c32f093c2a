//! What a worker is told at its start.

use std::path::PathBuf;
use std::sync::Arc;

use candor_proto::limits::PARTITIONS;
use candor_proto::plan::DEFAULT_POOL;
use candor_proto::route::Routes;

use crate::secrets::SecretLookup;

/// How a worker is set up. [`Config::new`] gives the defaults.
#[derive(Clone)]
pub struct Config {
    /// Its name, unique among workers.
    pub instance: String,
    /// The pools it serves.
    pub pools: Vec<String>,
    /// Attempts at once, over all pools.
    pub concurrency: usize,
    /// Names of queues and exchanges.
    pub routes: Routes,
    /// Partitions of the deployment.
    pub partitions: u32,
    /// Where attempts work; `None` is the system's temporary directory.
    pub work_dir: Option<PathBuf>,
    /// The `PATH` of attempts: the worker's own.
    pub path: String,
    /// Where secrets come from.
    pub secrets: SecretLookup,
    /// Parents of absolute paths that may be read; `None` allows all.
    pub allow_paths: Option<Vec<PathBuf>>,
    /// Where installed actions lie.
    pub actions_dir: Option<PathBuf>,
    /// The executable that supervises attempts, whose `main` calls [`crate::supervisor::enter_if_asked`]; `None` is the one that runs.
    pub executable: Option<PathBuf>,
    /// How long running attempts may go on after the worker was told to drain, in milliseconds.
    pub grace_ms: u64,
    /// After how long a delivery is settled at the latest, in milliseconds: well below the time that the broker gives a consumer.
    pub settle_after_ms: u64,
}

/// How long running attempts may go on while the worker drains where nothing else is said, in milliseconds.
pub const GRACE_MS: u64 = 25_000;

/// After how long a delivery is settled where nothing else is said, in milliseconds: the broker's own time is half an hour.
pub const SETTLE_AFTER_MS: u64 = 600_000;

impl Config {
    /// A worker of this name and with this `PATH`, that serves the default pool and has no secrets.
    pub fn new(instance: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            instance: instance.into(),
            pools: vec![DEFAULT_POOL.to_owned()],
            concurrency: std::thread::available_parallelism().map_or(1, usize::from),
            routes: Routes::default(),
            partitions: PARTITIONS,
            work_dir: None,
            path: path.into(),
            secrets: Arc::new(|_| None),
            allow_paths: None,
            actions_dir: None,
            executable: None,
            grace_ms: GRACE_MS,
            settle_after_ms: SETTLE_AFTER_MS,
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("instance", &self.instance)
            .field("pools", &self.pools)
            .field("concurrency", &self.concurrency)
            .field("work_dir", &self.work_dir)
            .finish_non_exhaustive()
    }
}
