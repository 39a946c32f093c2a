//! Whether a server may be trusted with jobs: what it says of itself, and what that means.
//!
//! Deliberately does not know how it was reached.

use std::collections::HashMap;
use std::fmt;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, cmd};

/// The settings that decide what a server loses.
const SETTINGS: [&str; 5] = ["appendonly", "appendfsync", "maxmemory", "maxmemory-policy", "no-appendfsync-on-rewrite"];
/// The oldest major version whose commands are known to suffice.
const VERSION_MIN: u32 = 7;
/// Where the syncing of every append shows.
const ALWAYS: &str = "always";

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Findings {
    /// Its version.
    version: String,
    /// It follows this other one.
    replica_of: Option<String>,
    /// It still reads its data.
    loading: bool,
    /// How its cluster stands, where it is a part of one.
    cluster: Option<Cluster>,
    /// Its settings; `None` where it keeps them to itself.
    settings: Option<HashMap<String, String>>,
}

/// How a cluster stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cluster {
    serves: bool,
    /// Nodes that hold keys.
    nodes: u32,
}

/// What stands against a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It passes by itself.
    Passing(String),
    /// It cannot be used at all, whoever takes the risk.
    Useless(String),
    /// It may lose what it acknowledged; a person can take that risk.
    Risky(String),
    /// It costs time, or is better otherwise.
    Weak(String),
}

impl Findings {
    /// Asks the server.
    pub(super) async fn ask(connection: &mut MultiplexedConnection) -> RedisResult<Self> {
        let told: String = cmd("INFO").query_async(connection).await?;
        let information = fields(&told);
        let field = |name: &str| information.get(name).copied().unwrap_or_default();
        let replica_of =
            (field("role") != "master").then(|| format!("{}:{}", field("master_host"), field("master_port")));
        let mut found = Self {
            version: field("redis_version").to_owned(),
            replica_of,
            loading: field("loading") == "1",
            cluster: None,
            settings: None,
        };
        if field("cluster_enabled") == "1" {
            let told: String = cmd("CLUSTER").arg("INFO").query_async(connection).await?;
            let information = fields(&told);
            found.cluster = Some(Cluster {
                serves: information.get("cluster_state") == Some(&"ok"),
                nodes: information.get("cluster_size").and_then(|size| size.parse().ok()).unwrap_or_default(),
            });
        }
        // Older ones understand neither several settings at once nor what else we say.
        if found.major() >= VERSION_MIN {
            found.settings = match cmd("CONFIG").arg("GET").arg(&SETTINGS).query_async(connection).await {
                Ok(settings) => Some(settings),
                Err(error) if withheld(&error) => None,
                Err(error) => return Err(error),
            };
        }
        Ok(found)
    }

    /// Whether what it acknowledges is synced.
    pub(super) fn durable(&self) -> bool {
        self.setting("appendonly") == Some("yes")
            && self.setting("appendfsync") == Some(ALWAYS)
            && self.setting("no-appendfsync-on-rewrite") == Some("no")
    }

    /// All that stands against it.
    pub(super) fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.loading {
            flaws.push(Flaw::Passing("it is still loading its data".to_owned()));
        }
        if let Some(primary) = &self.replica_of {
            flaws.push(Flaw::Useless(format!(
                "it is a read-only replica of {primary}: give the address of that one, or make this one the primary (`REPLICAOF NO ONE`)"
            )));
        }
        if let Some(cluster) = &self.cluster {
            if cluster.nodes > 1 {
                let nodes = cluster.nodes;
                flaws.push(Flaw::Useless(format!("it is one of {nodes} nodes of a cluster and holds only some of the keys: give the address of a server that holds all")));
            } else if !cluster.serves {
                flaws.push(Flaw::Passing("its cluster does not serve".to_owned()));
            }
        }
        if self.major() < VERSION_MIN {
            flaws.push(Flaw::Risky(format!(
                "its version is {}: Redis 7.0 or Valkey 8 at least is needed",
                self.version
            )));
        } else {
            self.judge_settings(&mut flaws);
        }
        flaws
    }

    fn judge_settings(&self, flaws: &mut Vec<Flaw>) {
        if self.settings.is_none() {
            flaws.push(Flaw::Risky(
                "it does not show its settings, so nobody knows what it loses: allow it (`ACL SETUSER NAME +config|get`), \
                 or see to `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction` yourself and go on without the check"
                    .to_owned(),
            ));
            return;
        }
        let differs = |name: &str, wanted: &str| self.setting(name).filter(|found| *found != wanted);
        let change = |name: &str, wanted: &str| {
            format!("write `{name} {wanted}` into redis.conf, or run `CONFIG SET {name} {wanted}`")
        };
        let mut risky = |name: &str, wanted: &str, effect: &str| {
            if let Some(found) = differs(name, wanted) {
                flaws.push(Flaw::Risky(format!("`{name}` is `{found}`, so {effect}: {}", change(name, wanted))));
            }
        };
        risky("appendonly", "yes", "a restart loses what it acknowledged");
        risky("maxmemory-policy", "noeviction", "it drops jobs when its memory is full");
        risky("no-appendfsync-on-rewrite", "no", "it syncs nothing while it rewrites its file");
        match self.setting("appendfsync") {
            Some(ALWAYS) | None => {}
            Some("everysec") => flaws.push(Flaw::Weak(format!(
                "`appendfsync` is `everysec`: answers wait two seconds, and a power cut repeats the work of the last two; to avoid both, {}",
                change("appendfsync", ALWAYS)
            ))),
            Some(found) => flaws.push(Flaw::Risky(format!(
                "`appendfsync` is `{found}`, so a power cut loses what it acknowledged long before: {}",
                change("appendfsync", ALWAYS)
            ))),
        }
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.as_ref()?.get(name).map(String::as_str)
    }

    fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "version {}", self.version)?;
        for name in SETTINGS {
            write!(formatter, ", {name} {}", self.setting(name).unwrap_or("unknown"))?;
        }
        Ok(())
    }
}

/// What a server tells of itself, line by line.
fn fields(told: &str) -> HashMap<&str, &str> {
    told.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect()
}

/// Whether the server does not let us see its settings: by its users' rights, or because the command was taken away.
fn withheld(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoPerm) => true,
        ErrorKind::Server(ServerErrorKind::ResponseError) => {
            error.detail().is_some_and(|detail| detail.contains("unknown command") || detail.contains("not allowed"))
        }
        // The library's list is open.
        _ => false,
    }
}
