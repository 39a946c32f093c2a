//! Settings: defaults < file < environment < flags, and everything that is wrong with them at once.
//!
//! A service declares its settings as data and reads them through a [`Reader`] into a structure of its own.
//! Owns how a text becomes a value and where it came from; deliberately does not know which settings there are.
//!
//! ```
//! use candor_platform::config::{Environment, Kind, Layers, Setting};
//!
//! const POOL: Setting = Setting::new("pool", Kind::Text, "default", "the pool of workers to serve");
//! const GRACE: Setting = Setting::new("grace", Kind::Duration, "30s", "how long to finish on a stop");
//! const SETTINGS: &[Setting] = &[POOL, GRACE];
//!
//! struct Config {
//!     pool: String,
//!     grace_ms: u64,
//! }
//!
//! let environment = Environment::of([("CANDOR_GRACE", "5s")]);
//! let layers = Layers::new(environment).flag("pool", "big");
//! let mut reader = layers.read(&[SETTINGS]);
//! let (pool, grace_ms) = (reader.text(&POOL), reader.millis(&GRACE));
//! let config = reader.finish(|| Some(Config { pool: pool?, grace_ms: grace_ms? }))?;
//! assert_eq!((config.pool.as_str(), config.grace_ms), ("big", 5_000));
//! # Ok::<(), candor_platform::config::Problems>(())
//! ```

mod environment;
mod file;
mod problem;
mod reader;
mod value;

pub use environment::Environment;
pub use problem::{Origin, Problem, Problems};
pub use reader::{Layers, Reader};

/// How the names of variables begin.
pub const VARIABLE_PREFIX: &str = "CANDOR_";

/// One setting, as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name in files and, after `--`, on the command line; words with `-` between them.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it is where nobody says anything.
    pub fallback: Fallback,
    /// What it does, as part of a sentence.
    pub help: &'static str,
}

/// What a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A text that is never shown.
    Secret,
    /// A path.
    Path,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A time with its unit: `500ms`, `15s`, `2m`, `1h`, `1d`.
    Duration,
    /// Bytes with their unit: `512B`, `64KiB`, `16MiB`, `1GiB`, or `kB`, `MB`, `GB`.
    Size,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// Texts with commas between them; a list in a file; a flag that is repeated.
    List,
}

/// What a setting is where nobody says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This, written as somebody would write it.
    Value(&'static str),
    /// Nothing.
    Nothing,
    /// Somebody must say it.
    Required,
}

impl Setting {
    /// A setting with a default.
    pub const fn new(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Self {
        Self { name, kind, fallback: Fallback::Value(default), help }
    }

    /// A setting that need not be there.
    pub const fn optional(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, fallback: Fallback::Nothing, help }
    }

    /// A setting that somebody must give.
    pub const fn required(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, fallback: Fallback::Required, help }
    }

    /// The variable that sets it: `--a-b` is `CANDOR_A_B`.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.replace('-', "_").to_ascii_uppercase())
    }
}
