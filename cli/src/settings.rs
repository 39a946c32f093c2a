//! Every setting of the services and of what commands speak to, declared once: a flag, a variable and a line of a file.

mod flags;

use std::path::PathBuf;

use candor_platform::config::{Environment, Kind, Layers, Reader, Setting};
use candor_proto::route::Routes;

use crate::failure::{Code, Failure};
pub(crate) use flags::{Flags, Group};

/// Where RabbitMQ is. May hold a password, so that it is never shown.
pub(crate) const AMQP_URL: Setting = Setting::optional(
    "amqp-url",
    Kind::Secret,
    "where RabbitMQ is: amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS",
);
/// Where Redis is. May hold a password, so that it is never shown.
pub(crate) const REDIS_URL: Setting = Setting::optional(
    "redis-url",
    Kind::Secret,
    "where Redis is: redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS",
);
/// Where bodies lie.
pub(crate) const ARTIFACTS: Setting = Setting::optional(
    "artifacts",
    Kind::Text,
    "where files and large outputs lie: a folder that all services share, or s3://BUCKET/PREFIX",
);
/// A certificate authority of one's own.
pub(crate) const CA_FILE: Setting = Setting::optional(
    "ca-file",
    Kind::Path,
    "certificates in PEM that are trusted beside the system's, for amqps:// and rediss://",
);
/// The prefix of all queues, exchanges and keys.
pub(crate) const PREFIX: Setting =
    Setting::new("prefix", Kind::Text, "candor", "how the names of all queues, exchanges and keys begin");
/// The partitions of a deployment.
pub(crate) const PARTITIONS: Setting = Setting::new(
    "partitions",
    Kind::Number { min: 1, max: 1_024 },
    "16",
    "the number of partitions; fixed by the first start, and the same for every service",
);
/// The folder of `candor up`.
pub(crate) const DATA_DIR: Setting = Setting::optional(
    "data-dir",
    Kind::Path,
    "the folder of `candor up`; default `candor` in the user's folder for state",
);
/// The name of a process.
pub(crate) const INSTANCE: Setting = Setting::optional(
    "instance",
    Kind::Text,
    "the name of this process in logs and queues; random where none is given",
);
/// Where health is asked for.
pub(crate) const HEALTH_ADDR: Setting = Setting::optional(
    "health-addr",
    Kind::Text,
    "an address such as 0.0.0.0:8081 that answers GET /livez and /readyz; none where it is not given",
);
/// How long a drain may take.
pub(crate) const GRACE: Setting =
    Setting::new("grace", Kind::Duration, "25s", "how long to finish on a stop before what runs is given back");
/// Pools to serve.
pub(crate) const POOL: Setting = Setting::new("pool", Kind::List, "default", "a pool to serve; may be given again");
/// Attempts at once.
pub(crate) const CONCURRENCY: Setting = Setting::optional(
    "concurrency",
    Kind::Number { min: 1, max: 4_096 },
    "attempts at once; the number of cores where nothing is said",
);
/// Where attempts work.
pub(crate) const WORK_DIR: Setting =
    Setting::optional("work-dir", Kind::Path, "where attempts get their working directories");
/// Where secrets lie.
pub(crate) const SECRETS_DIR: Setting =
    Setting::optional("secrets-dir", Kind::Path, "a folder with one file per secret");
/// Where installed actions lie.
pub(crate) const ACTIONS_DIR: Setting =
    Setting::optional("actions-dir", Kind::Path, "a folder with declarations of installed actions");
/// Absolute paths that may be read.
pub(crate) const ALLOW_PATH: Setting = Setting::optional(
    "allow-path",
    Kind::List,
    "a folder of this machine below which tasks may name absolute paths; may be given again",
);
/// When a long delivery is acknowledged.
pub(crate) const SETTLE_AFTER: Setting = Setting::new(
    "settle-after",
    Kind::Duration,
    "10m",
    "when the delivery of a long attempt is acknowledged; less than the broker's consumer time-out",
);
/// How long an attempt may be silent.
pub(crate) const LEASE: Setting =
    Setting::new("lease", Kind::Duration, "15s", "how long an attempt may be silent before it is published again");
/// Whether a store that loses data is refused.
pub(crate) const STRICT: Setting =
    Setting::new("strict", Kind::Flag, "true", "whether a Redis whose settings lose data is refused");

/// What every command and service says about where a deployment is.
#[derive(Debug)]
pub(crate) struct Place;

impl Group for Place {
    const SETTINGS: &'static [Setting] =
        &[AMQP_URL, REDIS_URL, ARTIFACTS, CA_FILE, PREFIX, PARTITIONS, STRICT, DATA_DIR];
}

/// What a planner is told beside it.
#[derive(Debug)]
pub(crate) struct Planning;

impl Group for Planning {
    const SETTINGS: &'static [Setting] = &[INSTANCE, HEALTH_ADDR, GRACE, ACTIONS_DIR];
}

/// What an assembler is told beside it.
#[derive(Debug)]
pub(crate) struct Assembling;

impl Group for Assembling {
    const SETTINGS: &'static [Setting] = &[INSTANCE, HEALTH_ADDR, GRACE, ACTIONS_DIR, LEASE];
}

/// What a worker is told beside it.
#[derive(Debug)]
pub(crate) struct Working;

impl Group for Working {
    const SETTINGS: &'static [Setting] = &[
        INSTANCE,
        HEALTH_ADDR,
        GRACE,
        POOL,
        CONCURRENCY,
        WORK_DIR,
        SECRETS_DIR,
        ACTIONS_DIR,
        ALLOW_PATH,
        SETTLE_AFTER,
    ];
}

/// What `candor up` is told.
#[derive(Debug)]
pub(crate) struct AllInOne;

impl Group for AllInOne {
    const SETTINGS: &'static [Setting] =
        &[DATA_DIR, PARTITIONS, HEALTH_ADDR, GRACE, POOL, CONCURRENCY, WORK_DIR, SECRETS_DIR, ACTIONS_DIR, ALLOW_PATH];
}

/// Every setting there is: a variable or a line of a file that is almost one of them was meant to be it.
const EVERY: &[&[Setting]] =
    &[Place::SETTINGS, Planning::SETTINGS, Assembling::SETTINGS, Working::SETTINGS, AllInOne::SETTINGS, ELSEWHERE];

/// What single commands take from the environment by themselves.
const ELSEWHERE: &[Setting] = &[
    Setting::optional("input", Kind::Text, "an input"),
    Setting::optional("inputs", Kind::Path, "a file of inputs"),
    Setting::optional("runs-dir", Kind::Path, "where run directories are made"),
    Setting::optional("resume", Kind::Path, "a run to go on with"),
    Setting::optional("digest", Kind::Text, "a digest"),
    Setting::optional("json", Kind::Text, "whether JSON is printed"),
    Setting::optional("yes", Kind::Text, "whether nobody is asked"),
    Setting::optional("dot", Kind::Text, "whether a graph is printed"),
    Setting::optional("wait", Kind::Text, "whether the end is waited for"),
    Setting::optional("follow", Kind::Text, "whether what comes is shown"),
    Setting::optional("idempotency-key", Kind::Text, "a key"),
];

/// Reads settings from flags, environment and file, and says everything that is wrong with them at once.
pub(crate) fn read<T>(
    flags: Vec<(String, String)>,
    environment: &Environment,
    take: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Result<T, Failure> {
    let mut layers = Layers::new(environment.clone());
    let (files, flags): (Vec<_>, Vec<_>) = flags.into_iter().partition(|(name, _)| name == flags::CONFIG);
    let file = files.into_iter().next().map(|(_, path)| path);
    if let Some(path) = file.or_else(|| environment.get("CANDOR_CONFIG").map(str::to_owned)) {
        layers = layers.file(path);
    }
    for (name, text) in flags {
        layers = layers.flag(name, text);
    }
    let mut reader = layers.read(EVERY);
    let taken = take(&mut reader);
    reader.finish(|| taken).map_err(|problems| {
        Failure::usage(Code::Settings, problems.to_string())
            .advice("give each of them another value, or take it away; `candor help COMMAND` lists what there is")
    })
}

/// Where a deployment is.
#[derive(Debug, Clone)]
pub(crate) enum Where {
    /// Services over RabbitMQ and Redis.
    Services(Services),
    /// `candor up` on this machine, with its folder.
    Up(PathBuf),
}

/// Services over RabbitMQ and Redis.
#[derive(Clone)]
pub(crate) struct Services {
    /// RabbitMQ's address.
    pub(crate) amqp_url: String,
    /// Redis' address; a worker and a planner need none.
    pub(crate) redis_url: Option<String>,
    /// Where bodies lie.
    pub(crate) artifacts: Option<String>,
    /// Certificates that are trusted beside the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// Names of queues and keys.
    pub(crate) routes: Routes,
    /// The number of partitions.
    pub(crate) partitions: u32,
    /// Whether a Redis that loses data is refused.
    pub(crate) strict: bool,
    /// Where bodies from afar are kept to be read.
    pub(crate) cache: PathBuf,
    /// The variables of this process: `AWS_*` says how to reach an S3-compatible store.
    pub(crate) environment: Environment,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Addresses may hold passwords.
        f.debug_struct("Services").field("prefix", &self.routes.prefix()).finish_non_exhaustive()
    }
}

/// What a service needs of its surroundings beside RabbitMQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The store too: assemblers, and commands that read.
    Store,
    /// Artifacts only: planners and workers.
    Artifacts,
}

/// The services that somebody names; every service must.
pub(crate) fn services(reader: &mut Reader<'_>, environment: &Environment, needs: Needs) -> Option<Services> {
    let (amqp_url, redis_url) = (reader.text(&AMQP_URL), reader.text(&REDIS_URL));
    let (artifacts, ca_file) = (reader.text(&ARTIFACTS), reader.path(&CA_FILE));
    let (prefix, partitions, strict) = (prefix(reader), reader.number(&PARTITIONS), reader.flag(&STRICT));
    if amqp_url.is_none() {
        reader.object(&AMQP_URL, "is missing: it says where RabbitMQ is");
    }
    if needs == Needs::Store && redis_url.is_none() {
        reader.object(&REDIS_URL, "is missing: it says where Redis is");
    }
    Some(Services {
        amqp_url: amqp_url?,
        // Whoever does not need the store does not reach for it, also where everybody's variables name it.
        redis_url: redis_url.filter(|_| needs == Needs::Store),
        artifacts,
        ca_file,
        routes: Routes::new(&prefix?),
        partitions: partitions?,
        strict: strict?,
        cache: cache(environment),
        environment: environment.clone(),
    })
}

/// Where a command finds its deployment: services where an address is given, else `candor up`.
pub(crate) fn place(flags: &Flags<Place>, environment: &Environment) -> Result<Where, Failure> {
    read(flags.given(), environment, |reader| {
        if reader.text(&AMQP_URL).is_some() || reader.text(&REDIS_URL).is_some() {
            return services(reader, environment, Needs::Store).map(Where::Services);
        }
        let given = reader.path(&DATA_DIR);
        Some(Where::Up(given.unwrap_or_else(|| data_dir(environment))))
    })
}

/// The folder of `candor up` where nobody names one: the user's folder for state.
pub(crate) fn data_dir(environment: &Environment) -> PathBuf {
    let state = environment.get("XDG_STATE_HOME").map(PathBuf::from);
    let home = || environment.get("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or_else(home).unwrap_or_else(|| PathBuf::from(".")).join("candor")
}

/// Attempts at once where nothing is said: one for each core.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// Where bodies from afar are kept: the user's folder for caches, else the system's temporary directory.
fn cache(environment: &Environment) -> PathBuf {
    let cache = environment.get("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || environment.get("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).unwrap_or_else(std::env::temp_dir).join("candor").join("artifacts")
}

/// A prefix must be a plain word: it becomes part of the names of queues and of patterns.
fn prefix(reader: &mut Reader<'_>) -> Option<String> {
    let prefix = reader.text(&PREFIX)?;
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    if prefix.is_empty() || prefix.len() > PREFIX_BYTES_MAX || !prefix.chars().all(plain) {
        reader
            .object(&PREFIX, format!("must be up to {PREFIX_BYTES_MAX} letters, digits, `-` and `_`, not `{prefix}`"));
        return None;
    }
    Some(prefix)
}

/// The longest prefix, in bytes: names of queues have at most 255.
const PREFIX_BYTES_MAX: usize = 64;
