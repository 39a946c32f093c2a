//! A deployment of real processes over real servers, for tests: roles that are started, killed and drained, and commands.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::server::{RabbitMq, Redis, until};
use crate::{command, ended, home, printed};

/// Servers that several tests of one process share, each under a prefix of its own; `None` where they are left out.
pub fn shared() -> Option<(String, String)> {
    static SERVERS: OnceLock<Option<(RabbitMq, Redis)>> = OnceLock::new();
    let servers = SERVERS.get_or_init(|| Some((RabbitMq::start("")?, Redis::start()?)));
    servers.as_ref().map(|(rabbitmq, redis)| (rabbitmq.url(), redis.url()))
}

/// A deployment. Dropped, its processes are killed.
pub struct Deployment {
    home: TempDir,
    variables: Vec<(String, String)>,
    roles: Vec<Role>,
}

/// A running role.
pub struct Role {
    /// Its name in logs: `worker-0`.
    pub name: String,
    child: Child,
    log: PathBuf,
}

impl Deployment {
    /// One over the servers that all tests of this process share.
    pub fn shared() -> Option<Self> {
        let (amqp, redis) = shared()?;
        Some(Self::over(&amqp, &redis))
    }

    /// One over these servers.
    pub fn over(amqp: &str, redis: &str) -> Self {
        let home = home();
        let artifacts = home.path().join("artifacts");
        std::fs::create_dir(&artifacts).expect("a folder can be made");
        let shown = |path: &Path| path.to_str().expect("a plain path").to_owned();
        let variables = [
            ("CANDOR_AMQP_URL", amqp.to_owned()),
            ("CANDOR_REDIS_URL", redis.to_owned()),
            ("CANDOR_ARTIFACTS", shown(&artifacts)),
            ("CANDOR_PREFIX", format!("t{}", &Uuid::new_v4().simple().to_string()[..12])),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { home, variables, roles: Vec::new() }
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The value of a variable.
    ///
    /// # Panics
    ///
    /// When it is not set.
    pub fn get(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(known, _)| known == name);
        &found.expect("it was set").1
    }

    /// The folder in which everything runs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command in that folder, that speaks to the deployment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.home(), arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary can be started")
    }

    /// What a command that succeeds prints as JSON.
    ///
    /// # Panics
    ///
    /// When it fails.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        ended(&output, 0);
        printed(&output)
    }

    /// Starts a role and gives its place; it need not be ready.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn begin(&mut self, arguments: &[&str]) -> usize {
        let place = self.roles.len();
        let name = format!("{}-{place}", arguments[0]);
        let log = self.home().join(format!("{name}.log"));
        let out = File::create(&log).expect("a log file");
        let mut command = self.command(arguments);
        command.args(["--instance", &name]).stdout(Stdio::null()).stderr(out);
        let child = command.spawn().expect("the binary can be started");
        self.roles.push(Role { name, child, log });
        place
    }

    /// Starts a role and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    #[track_caller]
    pub fn start(&mut self, arguments: &[&str]) -> usize {
        let place = self.begin(arguments);
        self.said(place, &format!("{} ready", arguments[0]));
        place
    }

    /// Waits until a role has said this.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[track_caller]
    pub fn said(&self, place: usize, words: &str) {
        let role = &self.roles[place];
        until(&format!("{} to say `{words}`; it said\n{}", role.name, self.log(place)), || {
            self.log(place).contains(words)
        });
    }

    /// Everything that a role has said.
    pub fn log(&self, place: usize) -> String {
        std::fs::read_to_string(&self.roles[place].log).unwrap_or_default()
    }

    /// Everything that all roles have said.
    pub fn logs(&self) -> String {
        (0..self.roles.len()).map(|place| format!("== {}\n{}", self.roles[place].name, self.log(place))).collect()
    }

    /// Sends a role a signal, by the name that `kill` knows.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn signal(&self, place: usize, name: &str) {
        let process = self.roles[place].child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &process]).status();
        assert!(status.expect("kill is installed").success(), "could not send {name}");
    }

    /// Kills a role at once.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub fn kill(&mut self, place: usize) {
        self.signal(place, "KILL");
        self.roles[place].child.wait().expect("it can be waited for");
    }

    /// Asks a role to end, and waits for that.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub fn drain(&mut self, place: usize) -> ExitStatus {
        self.signal(place, "TERM");
        self.roles[place].child.wait().expect("it can be waited for")
    }

    /// Waits for a role to end by itself.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub fn wait(&mut self, place: usize) -> ExitStatus {
        self.roles[place].child.wait().expect("it can be waited for")
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        for role in &mut self.roles {
            let _ = role.child.kill();
            let _ = role.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
    }
}
