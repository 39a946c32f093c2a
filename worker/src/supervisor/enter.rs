//! The last step before a program: this process takes on the attempt's limits and user, and then becomes the program.
//!
//! Its orders come on standard input. If it cannot become the program it says why on the same socket; if it can, the socket
//! closes by itself.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Gid, Pid, Uid, getppid, setgroups, setresgid, setresuid, setsid};

use super::orders::{Bounds, Orders, Refusal};

/// Address space beyond what this process uses that it needs to start a program, in bytes. With less, the limit is set by a
/// shell in between, which needs next to nothing itself.
const MEMORY_HEADROOM_BYTES: u64 = 64 * 1024 * 1024;

/// Becomes the program, or says why not.
pub(super) fn enter() -> ExitCode {
    let Ok(channel) = std::io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut channel = UnixStream::from(channel);
    let mut line = String::new();
    let orders: Orders = match BufReader::new(&channel).read_line(&mut line).map(|_| serde_json::from_str(&line)) {
        Ok(Ok(orders)) => orders,
        Ok(Err(_)) | Err(_) => return ExitCode::FAILURE,
    };
    let refusal = match prepare(&orders) {
        Ok(mut command) => program_refused(&orders, &command.exec()),
        Err(refusal) => refusal,
    };
    let text = serde_json::to_string(&refusal).unwrap_or_default();
    // If the supervisor is gone there is nobody left to tell.
    let _ = channel.write_all(text.as_bytes());
    ExitCode::FAILURE
}

fn prepare(orders: &Orders) -> Result<Command, Refusal> {
    step("begin a new session", setsid().map(drop))?;
    bound(&orders.bounds)?;
    let stdin = match &orders.stdin {
        Some(path) => File::open(path),
        None => File::open("/dev/null"),
    };
    let stdin = stdin.map_err(|error| refusal("open standard input", error.to_string()))?;
    if let Some(id) = orders.identity {
        step("drop the groups", setgroups(&[]))?;
        step("take on the attempt's group", setresgid(Gid::from_raw(id), Gid::from_raw(id), Gid::from_raw(id)))?;
        step("take on the attempt's user", setresuid(Uid::from_raw(id), Uid::from_raw(id), Uid::from_raw(id)))?;
    }
    // After the change of user, which clears it.
    step("tie the program to its supervisor", prctl::set_pdeathsig(Signal::SIGKILL))?;
    if getppid() != Pid::from_raw(orders.from) {
        return Err(refusal("start the program", "the supervisor is gone".to_owned()));
    }
    step("forbid new privileges", prctl::set_no_new_privs())?;
    step("unblock signals", SigSet::empty().thread_set_mask())?;
    std::env::set_current_dir(&orders.directory)
        .map_err(|error| refusal("enter the working directory", error.to_string()))?;
    let mut command = command(orders)?;
    command.env_clear().envs(&orders.environment).stdin(stdin);
    Ok(command)
}

/// The program; for a limit of memory that this process itself would not fit in, a shell that sets it and becomes the program.
fn command(orders: &Orders) -> Result<Command, Refusal> {
    let limit = orders.bounds.memory_bytes;
    if limit > own_memory_bytes().saturating_add(MEMORY_HEADROOM_BYTES) {
        step("limit memory", setrlimit(Resource::RLIMIT_AS, limit, limit))?;
        let mut command = Command::new(&orders.program);
        command.args(&orders.arguments);
        return Ok(command);
    }
    let mut command = Command::new("/bin/sh");
    let script = format!("ulimit -v {} && exec \"$0\" \"$@\"", limit / 1024);
    command.args(["-c", &script]).arg(&orders.program).args(&orders.arguments);
    Ok(command)
}

fn bound(bounds: &Bounds) -> Result<(), Refusal> {
    // Under pressure the kernel should take the attempt, not the worker. Where this is not to be had, nothing is lost.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    if let Some(cores) = bounds.cores {
        pin(cores, bounds.first_core)?;
    }
    let set = |what: &str, resource: Resource, soft: u64, hard: u64| step(what, setrlimit(resource, soft, hard));
    set("forbid core dumps", Resource::RLIMIT_CORE, 0, 0)?;
    set("limit processor time", Resource::RLIMIT_CPU, bounds.cpu_seconds, bounds.cpu_seconds.saturating_add(1))?;
    set("limit file size", Resource::RLIMIT_FSIZE, bounds.file_bytes, bounds.file_bytes)?;
    set("limit open files", Resource::RLIMIT_NOFILE, bounds.files, bounds.files)?;
    set("limit processes", Resource::RLIMIT_NPROC, bounds.processes, bounds.processes)
}

fn pin(cores: u32, first: u32) -> Result<(), Refusal> {
    let own = Pid::from_raw(0);
    let allowed = sched_getaffinity(own).map_err(|error| refusal("read the cores", error.to_string()))?;
    let usable: Vec<usize> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false)).collect();
    let mut chosen = CpuSet::new();
    let skip = first as usize % usable.len().max(1);
    for core in usable.iter().cycle().skip(skip).take((cores as usize).min(usable.len())) {
        step("choose cores", chosen.set(*core))?;
    }
    step("limit cores", sched_setaffinity(own, &chosen))
}

fn own_memory_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().next().and_then(|pages| pages.parse::<u64>().ok()));
    pages.map_or(u64::MAX, |pages| pages.saturating_mul(4096))
}

fn step(what: &str, result: nix::Result<()>) -> Result<(), Refusal> {
    result.map_err(|errno| refusal(what, errno.desc().to_owned()))
}

fn refusal(step: &str, reason: String) -> Refusal {
    Refusal { step: step.to_owned(), reason, program: false }
}

fn program_refused(orders: &Orders, error: &std::io::Error) -> Refusal {
    Refusal { step: format!("start `{}`", orders.program), reason: error.to_string(), program: true }
}
