//! A private S3-compatible store: moto's server, which keeps everything in memory.

use std::path::PathBuf;

use tempfile::TempDir;

use super::group::Group;
use super::{free_port, left, listening, python};

/// What it is run with: requests one after the other, because moto looks at a condition and writes in two steps.
const PROGRAM: &str = "
import sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

application = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()

def one_at_a_time(environ, start_response):
    with lock:
        return list(application(environ, start_response))

run_simple('127.0.0.1', int(sys.argv[1]), one_at_a_time, threaded=True)
";

/// A store of its own. Dropped, it is killed and all it held is gone.
pub struct S3 {
    python: PathBuf,
    port: u16,
    home: TempDir,
    group: Option<Group>,
}

impl S3 {
    /// Starts one; `None` where there is no Python for tests and it may be left out.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start() -> Option<Self> {
        let python = python()?;
        let home = tempfile::Builder::new().prefix("candor-s3-").tempdir().expect("a fresh folder");
        let mut server = Self { python, port: free_port(), home, group: None };
        server.restart();
        Some(server)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder with what it prints.
    pub fn home(&self) -> PathBuf {
        self.home.path().to_path_buf()
    }

    /// Ends it at once; all it held is gone.
    pub fn kill(&mut self) {
        self.group = None;
        left(self.port);
    }

    /// Starts it again where it was killed, empty.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[track_caller]
    pub fn restart(&mut self) {
        let python = self.python.to_str().expect("a plain path");
        let arguments = ["-c".to_owned(), PROGRAM.to_owned(), self.port.to_string()];
        self.group = Some(Group::start(python, &arguments, &[], &self.home.path().join("out")));
        listening(self.port, "S3");
    }
}
