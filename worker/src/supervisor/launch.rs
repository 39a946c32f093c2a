//! The worker's side: starts a supervisor, reads what the program prints, tells it to stop, learns how it ended.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use candor_platform::runtime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;

use super::SUPERVISE;
use super::capture::{Captured, Stream};
use super::identity::{Identities, Identity};
use super::orders::{Bounds, Ended, Orders, Refusal, Said};
use super::strangers::Strangers;
use super::tree;
use crate::action::Context;
use crate::error::{Error, Result};
use crate::limits;

/// How long the streams may stay open after the attempt has ended, in milliseconds. Only a process that is none of the
/// attempt's can still hold them then.
const DRAIN_MS: u64 = 1_000;

/// Runs programs of attempts, each under a supervisor of its own.
#[derive(Debug)]
pub struct Supervisor {
    executable: PathBuf,
    identities: Option<Identities>,
    /// Where attempts have no users of their own.
    strangers: Option<Arc<Strangers>>,
    spill: PathBuf,
    attempts: AtomicU32,
}

/// A program to run.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// A path, or a name that is looked up in the environment's `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// A file that it reads as standard input; `None` is an empty one.
    pub stdin: Option<PathBuf>,
}

/// What became of a program.
#[derive(Debug)]
pub struct Ending {
    /// How it ended.
    pub how: How,
    /// What it printed on standard output.
    pub stdout: Captured,
    /// What it printed on standard error.
    pub stderr: Captured,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It did not start.
    NotStarted(Refusal),
    /// It ran, and ended or was ended.
    Ended(Ended),
    /// It printed more than it may on this stream, and was ended.
    OutputLimit {
        /// `stdout` or `stderr`.
        stream: &'static str,
        /// How much it may, in bytes.
        max: u64,
    },
}

impl Supervisor {
    /// Runs programs by this executable, whose `main` calls [`super::enter_if_asked`]; `None` is the one that runs now.
    /// Long outputs wait in `spill`, in files without a name.
    pub fn new(executable: Option<PathBuf>, spill: PathBuf) -> Result<Self> {
        let identities = match Identities::open()? {
            Ok(identities) => Some(identities),
            Err(reason) => {
                tracing::warn!(
                    reason,
                    "attempts run as the worker's own user: the limit of processes counts all of that user's, and scripts can signal the worker"
                );
                None
            }
        };
        let strangers = if identities.is_some() { None } else { Some(Arc::new(Strangers::adopt()?)) };
        let executable = executable.unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
        Ok(Self { executable, identities, strangers, spill, attempts: AtomicU32::new(std::process::id()) })
    }

    /// Whether each attempt gets a user of its own.
    pub const fn separates_users(&self) -> bool {
        self.identities.is_some()
    }

    /// Runs a program to its end. When this returns, nothing that the program started is left.
    pub async fn run(&self, context: &Context, program: Program) -> Result<Ending> {
        let identity = self.identities.as_ref().map(Identities::acquire).transpose()?;
        let orders = self.orders(context, program, identity.as_ref().map(Identity::id));
        if let Some(id) = orders.identity {
            adopt(&context.directory, id)?;
        }
        let max = context.limits.output_bytes.unwrap_or(limits::OUTPUT_BYTES);
        let mut running = Running::start(self, &orders, identity, max).await?;
        let said = running.follow(context, &self.spill, &orders).await?;
        let swept = running.end(said.is_none(), &context.directory).await;
        running.drain(&self.spill).await?;
        let mut survivors = swept;
        if let Some(Said::Ended(ended)) = &said {
            survivors += ended.survivors;
            context.usage.cpu_ms.fetch_add(ended.cpu_ms, Ordering::Relaxed);
            context.usage.max_rss_bytes.fetch_max(ended.max_rss_bytes, Ordering::Relaxed);
        }
        if survivors > 0 {
            tracing::error!(attempt = %context.attempt, survivors, "processes of an attempt could not be killed");
            running.process.identity.iter_mut().for_each(Identity::keep_marked);
        }
        let cut = [("stdout", &running.stdout), ("stderr", &running.stderr)].into_iter().find(|(_, s)| s.is_cut());
        let how = match (cut, said) {
            (_, Some(Said::NotStarted(refusal))) => How::NotStarted(refusal),
            (Some((stream, _)), Some(Said::Ended(_)) | None) => How::OutputLimit { stream, max },
            (None, Some(Said::Ended(ended))) => How::Ended(ended),
            (None, None) => {
                tracing::warn!(attempt = %context.attempt, "the supervisor of an attempt is gone; its processes were swept");
                return Err(Error::SupervisorLost);
            }
        };
        let Running { stdout, stderr, .. } = running;
        Ok(Ending { how, stdout: stdout.finish(), stderr: stderr.finish() })
    }

    fn orders(&self, context: &Context, program: Program, identity: Option<u32>) -> Orders {
        let timeout_ms = context.deadline.saturating_sub(context.clock.now()).max(1);
        let asked = &context.limits;
        let processes = asked.processes.unwrap_or(limits::PROCESSES).max(1);
        // Without a user of its own the attempt shares the count with everything else of this user.
        let shared = if identity.is_some() { 0 } else { own_processes() };
        let machine = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let cores = asked.cpu.filter(|cores| cores.is_finite() && *cores > 0.0);
        let cpu_seconds = (cores.unwrap_or(machine) * timeout_ms as f64 / 1000.0).ceil() as u64;
        Orders {
            from: std::process::id().cast_signed(),
            program: program.program,
            arguments: program.arguments,
            environment: program.environment,
            directory: context.directory.clone(),
            stdin: program.stdin,
            identity,
            bounds: Bounds {
                memory_bytes: asked.memory_bytes.unwrap_or(limits::MEMORY_BYTES).max(limits::MEMORY_BYTES_MIN),
                cpu_seconds: cpu_seconds.max(1),
                file_bytes: limits::FILE_BYTES,
                files: asked.files.unwrap_or(limits::FILES).max(limits::FILES_MIN),
                processes: processes.saturating_add(shared),
                cores: cores.map(|cores| cores.ceil() as u32),
                first_core: self.attempts.fetch_add(1, Ordering::Relaxed),
            },
            timeout_ms,
        }
    }
}

/// A supervisor and the two streams of its program.
struct Running {
    process: Process,
    control: Option<UnixStream>,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    async fn start(supervisor: &Supervisor, orders: &Orders, identity: Option<Identity>, max: u64) -> Result<Self> {
        let failed = |what: &str, error: &std::io::Error| Error::io(what.to_owned(), error);
        let channel = || -> std::io::Result<_> {
            let (ours, theirs) = StdUnixStream::pair()?;
            ours.set_nonblocking(true)?;
            Ok((UnixStream::from_std(ours)?, theirs))
        };
        let pipe = || -> std::io::Result<_> {
            let (reader, writer) = std::io::pipe()?;
            Ok((Receiver::from_owned_fd(OwnedFd::from(reader))?, writer))
        };
        let (mut control, theirs) = channel().map_err(|error| failed("make a channel to the supervisor", &error))?;
        let (stdout, out) = pipe().map_err(|error| failed("make a pipe", &error))?;
        let (stderr, err) = pipe().map_err(|error| failed("make a pipe", &error))?;
        let mut command = Command::new(&supervisor.executable);
        command.arg(SUPERVISE).env_clear().process_group(0).current_dir("/");
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::from(out)).stderr(Stdio::from(err));
        let strangers = supervisor.strangers.clone();
        let known = strangers.clone();
        let spawn = move || match known {
            Some(strangers) => strangers.starting(|| command.spawn(), Child::id),
            None => command.spawn(),
        };
        let child = runtime::blocking(spawn).await.ok_or(Error::SupervisorLost)?;
        let child = child.map_err(|error| failed("start a supervisor", &error))?;
        let mut line = serde_json::to_vec(orders).map_err(|error| failed("write orders", &error.into()))?;
        line.push(b'\n');
        let stream = |pipe| Stream::new(pipe, max);
        // A supervisor that is gone already shows itself by the end of its socket.
        let _ = control.write_all(&line).await;
        let process = Process { child: Some(child), identity, strangers };
        Ok(Self { process, control: Some(control), stdout: stream(stdout), stderr: stream(stderr) })
    }

    /// Reads until the supervisor has ended; `None` when it ended without a word, or would not end.
    async fn follow(&mut self, context: &Context, spill: &Path, orders: &Orders) -> Result<Option<Said>> {
        let Some(mut control) = self.control.take() else { return Ok(None) };
        let mut heard = Vec::new();
        let mut told = false;
        let mut give_up = context.clock.now().saturating_add(orders.timeout_ms).saturating_add(limits::STOP_GRACE_MS);
        loop {
            let cut = self.stdout.is_cut() || self.stderr.is_cut();
            if (cut || context.stop.is_set()) && !told {
                told = true;
                give_up = context.clock.now().saturating_add(limits::STOP_GRACE_MS);
                let _ = control.write_all(b"stop\n").await;
            }
            let now = context.clock.now();
            if now > give_up {
                return Ok(None);
            }
            // One more millisecond, so that the moment is over when the sleep is.
            let look_ms = (give_up - now).saturating_add(1).min(limits::DEADLINE_LOOK_MS);
            runtime::select! {
                read = control.read_buf(&mut heard) => match read {
                    Ok(0) | Err(_) => return Ok(serde_json::from_slice(&heard).ok()),
                    Ok(_) => {}
                },
                read = self.stdout.advance(spill) => read.map_err(|error| Error::io("keep standard output", &error))?,
                read = self.stderr.advance(spill) => read.map_err(|error| Error::io("keep standard error", &error))?,
                () = context.stop.wait(), if !told => {}
                () = runtime::sleep(look_ms) => {}
            }
        }
    }

    /// Waits for the supervisor. One that was lost is killed, and what its program left is searched for and killed.
    async fn end(&mut self, lost: bool, directory: &Path) -> u32 {
        let (child, directory) = (self.process.child.take(), directory.to_owned());
        let user = self.process.identity.as_ref().map(Identity::id);
        let strangers = self.process.strangers.clone();
        let work = move || {
            if let Some(mut child) = child {
                if lost {
                    let _ = child.kill();
                }
                wait(&mut child, strangers.as_deref());
            }
            match (lost, user) {
                (false, _) => 0,
                (true, Some(user)) => tree::kill_found(|| tree::everybody(|process| tree::runs_as(process, user))),
                (true, None) => {
                    let strangers = strangers.map_or(0, |strangers| strangers.end());
                    strangers + tree::kill_found(|| tree::everybody(|process| tree::belongs_to(process, &directory)))
                }
            }
        };
        runtime::blocking(work).await.unwrap_or(0)
    }

    /// Takes what is left in the pipes, for as long as that may take.
    async fn drain(&mut self, spill: &Path) -> Result<()> {
        let (stdout, stderr) = (&mut self.stdout, &mut self.stderr);
        let rest = async {
            while stdout.is_open() || stderr.is_open() {
                runtime::select! {
                    read = stdout.advance(spill), if stdout.is_open() => read?,
                    read = stderr.advance(spill), if stderr.is_open() => read?,
                }
            }
            Ok(())
        };
        // What a stranger holds open is closed from our side.
        runtime::timeout(DRAIN_MS, rest).await.unwrap_or(Ok(())).map_err(|error| Error::io("keep an output", &error))
    }
}

impl Drop for Process {
    /// When the attempt is dropped half-way, its supervisor notices and ends; the user id is free only after that.
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let (identity, strangers) = (self.identity.take(), self.strangers.take());
        let work = move || {
            wait(&mut child, strangers.as_deref());
            if let Some(strangers) = strangers {
                strangers.end();
            }
            drop(identity);
        };
        if let Err(error) = runtime::thread("candor-reaper", work) {
            tracing::warn!(%error, "could not wait for a supervisor");
        }
    }
}

/// A supervisor's process, and the user that its program has.
struct Process {
    child: Option<Child>,
    identity: Option<Identity>,
    strangers: Option<Arc<Strangers>>,
}

/// Waits until a supervisor has ended.
fn wait(child: &mut Child, strangers: Option<&Strangers>) {
    let _ = child.wait();
    if let Some(strangers) = strangers {
        strangers.ended(child.id());
    }
}

/// Gives the attempt's folders to its user. Files in them stay as they were laid down, for reading only.
fn adopt(directory: &Path, id: u32) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("give the working directory to the attempt's user", &error);
    let give = |folder: &Path| std::os::unix::fs::lchown(folder, Some(id), Some(id)).map_err(failed);
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        give(&folder)?;
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Processes and threads of this user now.
fn own_processes() -> u64 {
    let user = nix::unistd::getuid().as_raw();
    let mut threads = 0;
    for process in tree::everybody(|process| tree::runs_as(process, user)) {
        threads += std::fs::read_dir(format!("/proc/{process}/task")).map_or(0, |tasks| tasks.count() as u64);
    }
    threads
}
