//! A private RabbitMQ.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::group::Group;
use super::{free_port, installed, listening, until};

/// The script that does not switch users.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
/// The port mapper stays in the group, so that it ends with it.
const WITH_MAPPER: &str = r#"epmd -port "$ERL_EPMD_PORT" & exec "$0" "$@""#;

/// A broker of its own. Dropped, it is killed.
pub struct RabbitMq {
    port: u16,
    variables: Vec<(&'static str, String)>,
    home: TempDir,
    group: Option<Group>,
}

impl RabbitMq {
    /// Starts one with these lines of `rabbitmq.conf`; `None` where RabbitMQ is not installed and may be left out.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start(settings: &str) -> Option<Self> {
        if !installed("RabbitMQ", &[SERVER, CONTROL]) {
            return None;
        }
        let home = tempfile::Builder::new().prefix("candor-rabbitmq-").tempdir().expect("a fresh folder");
        let port = free_port();
        let below = |name: &str| home.path().join(name).to_str().expect("a plain path").to_owned();
        std::fs::write(home.path().join("plugins"), "[].\n").expect("a file can be written");
        std::fs::write(home.path().join("rabbitmq.conf"), settings).expect("a file can be written");
        let variables = vec![
            ("HOME", below("")),
            ("RABBITMQ_NODENAME", format!("candor{port}@localhost")),
            ("RABBITMQ_NODE_PORT", port.to_string()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_DIST_PORT", free_port().to_string()),
            ("RABBITMQ_MNESIA_BASE", below("mnesia")),
            ("RABBITMQ_LOG_BASE", below("log")),
            ("RABBITMQ_CONFIG_FILE", below("rabbitmq.conf")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", below("plugins")),
            ("RABBITMQ_PID_FILE", below("pid")),
            ("ERL_EPMD_PORT", free_port().to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            // Idle schedulers sleep: the processors belong to the tests.
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+sbwt none -kernel inet_dist_use_interface {127,0,0,1}".to_owned(),
            ),
        ];
        let mut server = Self { port, variables, home, group: None };
        server.restart();
        Some(server)
    }

    /// Where it is, for the user that every fresh RabbitMQ has.
    pub fn url(&self) -> String {
        self.url_of("guest", "guest", "%2f")
    }

    /// Where it is, for this user and virtual host.
    pub fn url_of(&self, user: &str, password: &str, host: &str) -> String {
        format!("amqp://{user}:{password}@127.0.0.1:{}/{host}", self.port)
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
    }

    /// Starts it again where it was killed, and waits until it serves.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[track_caller]
    pub fn restart(&mut self) {
        let arguments = ["-c", WITH_MAPPER, SERVER].map(str::to_owned);
        self.group = Some(Group::start("sh", &arguments, &self.variables, &self.home.path().join("out")));
        listening(self.port, "RabbitMQ");
        until("RabbitMQ to be up", || self.control(&["await_startup", "--timeout", "60"]).status.success());
    }

    /// Stops (`STOP`) and wakes (`CONT`) it, or sends it another signal.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn signal(&self, name: &str) {
        self.group.as_ref().expect("it runs").signal(name);
    }

    /// Runs `rabbitmqctl`.
    ///
    /// # Panics
    ///
    /// When that cannot be started.
    pub fn control(&self, arguments: &[&str]) -> Output {
        Command::new(CONTROL)
            .arg("-q")
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("rabbitmqctl can be started")
    }

    /// Runs `rabbitmqctl` and gives what it printed.
    ///
    /// # Panics
    ///
    /// When it fails.
    #[track_caller]
    pub fn controlled(&self, arguments: &[&str]) -> String {
        let output = self.control(arguments);
        assert!(output.status.success(), "rabbitmqctl {arguments:?}: {}", crate::both(&output));
        crate::text(&output.stdout)
    }
}
