//! A private Redis.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::group::Group;
use super::{free_port, installed, left, listening, until};

const SERVER: &str = "/usr/bin/redis-server";
const CLIENT: &str = "/usr/bin/redis-cli";
/// What loses nothing that was acknowledged.
const DURABLE: [&str; 8] =
    ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--save", ""];

/// A store of its own. Dropped, it is killed.
pub struct Redis {
    port: u16,
    settings: Vec<String>,
    home: TempDir,
    group: Option<Group>,
}

impl Redis {
    /// Starts one that loses nothing; `None` where Redis is not installed and may be left out.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start() -> Option<Self> {
        Self::start_with(&DURABLE)
    }

    /// Starts one with these arguments and no others but its place.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        if !installed("Redis", &[SERVER, CLIENT]) {
            return None;
        }
        let home = tempfile::Builder::new().prefix("candor-redis-").tempdir().expect("a fresh folder");
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { port: free_port(), settings, home, group: None };
        server.restart();
        Some(server)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The port it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The folder with everything that it writes.
    pub fn home(&self) -> PathBuf {
        self.home.path().to_path_buf()
    }

    /// Ends it at once, as a power failure would.
    pub fn kill(&mut self) {
        self.group = None;
        left(self.port);
    }

    /// Starts it again where it was killed, and waits until it serves.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[track_caller]
    pub fn restart(&mut self) {
        let place = ["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir", "."].map(str::to_owned);
        let arguments = [place.as_slice(), &self.settings].concat();
        self.group = Some(Group::start(SERVER, &arguments, &[], &self.home.path().join("out")));
        listening(self.port, "Redis");
        until("Redis to be loaded", || crate::text(&self.control(&["ping"]).stdout).trim() == "PONG");
    }

    /// Stops (`STOP`) and wakes (`CONT`) it, or sends it another signal.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn signal(&self, name: &str) {
        self.group.as_ref().expect("it runs").signal(name);
    }

    /// Runs `redis-cli`.
    ///
    /// # Panics
    ///
    /// When that cannot be started.
    pub fn control(&self, arguments: &[&str]) -> Output {
        let port = self.port.to_string();
        Command::new(CLIENT).args(["-p", &port]).args(arguments).output().expect("redis-cli can be started")
    }
}
