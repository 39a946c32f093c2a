//! The supervisor process of one attempt.
//!
//! It is the subreaper of that attempt only. It ends with its worker, and whatever ends, nothing of the attempt is left when
//! it says so.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitCode, Stdio};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeValLike;
use nix::unistd::{Pid, close, dup2_stderr, dup2_stdin, dup2_stdout, getppid};

use super::clock::Monotonic;
use super::orders::{Cause, Ended, Orders, Refusal, Said, Status};
use super::{ENTER, tree};

/// From SIGTERM to SIGKILL, in milliseconds: long enough to flush a file, and all is over within a second.
const GRACE_MS: u64 = 300;
/// Largest reason for not starting that is read, in bytes.
const REFUSAL_BYTES_MAX: u64 = 64 * 1024;

/// Runs one attempt from its orders to its end.
pub(super) fn supervise() -> ExitCode {
    match attempt() {
        Ok(()) => ExitCode::SUCCESS,
        // The worker sees the socket close without a word, which it counts as a lost supervisor.
        Err(_) => ExitCode::FAILURE,
    }
}

fn attempt() -> std::io::Result<()> {
    close_inherited()?;
    prctl::set_dumpable(false)?;
    prctl::set_child_subreaper(true)?;
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    let mut watched = SigSet::empty();
    watched.add(Signal::SIGCHLD);
    watched.add(Signal::SIGTERM);
    // All others are blocked too: nothing but SIGKILL may end a supervisor before its attempt.
    SigSet::all().thread_set_mask()?;
    let signals = SignalFd::with_flags(&watched, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;

    let control = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing)?;
    let mut line = String::new();
    let mut reader = BufReader::new(&control);
    reader.read_line(&mut line)?;
    // A word that came right behind the orders is in the reader's buffer already.
    let stopped = !reader.buffer().is_empty();
    let orders: Orders = serde_json::from_str(&line)?;
    if getppid() != Pid::from_raw(orders.from) {
        return Ok(());
    }
    let (main, starting) = spawn(&orders)?;
    // The pipes belong to the attempt alone: they must end when it does.
    dup2_stdout(&nothing)?;
    dup2_stderr(&nothing)?;
    control.set_nonblocking(true)?;

    let deadline = Monotonic::now().plus(orders.timeout_ms);
    let mut watch = Watch {
        main,
        worker: orders.from,
        control,
        signals,
        starting: Some(starting),
        deadline,
        refusal: None,
        stopped,
    };
    let said = watch.until_the_end()?;
    let mut line = serde_json::to_vec(&said)?;
    line.push(b'\n');
    watch.control.set_nonblocking(false)?;
    watch.control.write_all(&line)
}

/// Closes every descriptor but the first three: locks and files of the worker are none of the attempt's business.
fn close_inherited() -> std::io::Result<()> {
    let open: Vec<i32> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2)
        .collect();
    for descriptor in open {
        match close(descriptor) {
            // The descriptor of the listing itself is closed already.
            Ok(()) | Err(Errno::EBADF) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn spawn(orders: &Orders) -> std::io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = Command::new("/proc/self/exe")
        .arg(ENTER)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit())
        .spawn()?;
    let orders = Orders { from: std::process::id().cast_signed(), ..orders.clone() };
    let mut line = serde_json::to_vec(&orders)?;
    line.push(b'\n');
    let mut channel = &ours;
    // A child that died at once shows itself as an early end; there is nothing better to say here.
    let _ = channel.write_all(&line);
    ours.set_nonblocking(true)?;
    Ok((child, ours))
}

struct Watch {
    main: Child,
    worker: i32,
    control: UnixStream,
    signals: SignalFd,
    /// Open until the program has started; on it comes the reason why it has not.
    starting: Option<UnixStream>,
    deadline: Monotonic,
    refusal: Option<Refusal>,
    /// Whether it was told to stop before it could listen.
    stopped: bool,
}

impl Watch {
    fn until_the_end(&mut self) -> std::io::Result<Said> {
        let mut cause = None;
        let mut kill_at = None;
        let mut status = None;
        let mut survivors = 0;
        loop {
            self.wait(kill_at.unwrap_or(self.deadline))?;
            self.read_refusal();
            let (found, _) = tree::reap(&mut self.main);
            status = status.or(found);
            cause = cause.or_else(|| self.reason_to_end());
            let over = kill_at.is_some_and(|moment: Monotonic| moment.remaining_ms() == 0);
            if status.is_some() || over || cause == Some(Cause::Orphaned) {
                survivors += tree::kill_all(&mut self.main, &mut status);
                break;
            }
            if cause.is_some() && kill_at.is_none() {
                self.ask_to_end();
                kill_at = Some(Monotonic::now().plus(GRACE_MS));
            }
        }
        self.read_refusal();
        if let Some(refusal) = self.refusal.take() {
            return Ok(Said::NotStarted(refusal));
        }
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let cpu = usage.user_time().num_milliseconds() + usage.system_time().num_milliseconds();
        Ok(Said::Ended(Ended {
            status: status.unwrap_or(Status::Signalled(Signal::SIGKILL as i32)),
            cause,
            cpu_ms: u64::try_from(cpu).unwrap_or(0),
            max_rss_bytes: u64::try_from(usage.max_rss()).unwrap_or(0).saturating_mul(1024),
            survivors,
        }))
    }

    /// Sleeps until something happens or the moment has come.
    fn wait(&self, until: Monotonic) -> std::io::Result<()> {
        let mut watched = vec![
            PollFd::new(self.control.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        if let Some(starting) = &self.starting {
            watched.push(PollFd::new(starting.as_fd(), PollFlags::POLLIN));
        }
        // One more millisecond, so that the moment is over when the sleep is.
        let remaining = i32::try_from(until.remaining_ms().saturating_add(1)).unwrap_or(i32::MAX);
        match poll(&mut watched, PollTimeout::try_from(remaining).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        while self.signals.read_signal()?.is_some() {}
        Ok(())
    }

    /// Takes what the process on its way into the program has to say; at its end the program runs, or never will.
    fn read_refusal(&mut self) {
        let Some(starting) = &mut self.starting else { return };
        let mut text = Vec::new();
        match starting.take(REFUSAL_BYTES_MAX).read_to_end(&mut text) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && text.is_empty() => return,
            Ok(_) | Err(_) => {}
        }
        self.refusal = serde_json::from_slice(&text).ok();
        self.starting = None;
    }

    fn reason_to_end(&self) -> Option<Cause> {
        if self.stopped {
            return Some(Cause::Stopped);
        }
        let mut word = [0; 64];
        let mut control = &self.control;
        match control.read(&mut word) {
            Ok(0) => return Some(Cause::Orphaned),
            Ok(_) => return Some(Cause::Stopped),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return Some(Cause::Orphaned),
        }
        // SIGTERM comes when the thread that started us ends, which need not be the end of its process: who our parent is decides.
        if getppid() != Pid::from_raw(self.worker) {
            return Some(Cause::Orphaned);
        }
        (self.deadline.remaining_ms() == 0).then_some(Cause::Timeout)
    }

    fn ask_to_end(&self) {
        let group = Pid::from_raw(-self.main.id().cast_signed());
        // It may be gone already, or still on its way into its own session; SIGKILL follows in any case.
        let _ = kill(group, Signal::SIGTERM);
        let _ = kill(group, Signal::SIGCONT);
    }
}
