//! A tree of processes: finding all of it and killing all of it.
//!
//! Under a subreaper every descendant, whatever session or group it moved to, stays below the subreaper: when its
//! parent dies it becomes the subreaper's own child. So the tree is gone exactly when `waitpid` says that there is no child.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::clock::Monotonic;
use super::orders::Status;

/// How long killing may take before what is left is given up as unkillable, in milliseconds.
/// Only a process that the kernel itself holds (a dead network disk) lasts so long.
const KILL_MS_MAX: u64 = 5_000;
/// Pause between two rounds of killing, in milliseconds: the kernel needs a moment to end what was killed.
const ROUND_MS: u64 = 2;
/// Rounds of freezing in a row. A fork bomb is still after two or three; this only bounds the loop.
const FREEZE_ROUNDS_MAX: usize = 32;

/// Reaps every child that has ended; gives back the status of `main`, if it is among them, and whether there are children left.
pub(super) fn reap(main: &mut Child) -> (Option<Status>, bool) {
    // Asked for by itself first: `waitpid` over all children has no word for a death by real-time signal.
    let mut found = match main.try_wait() {
        Ok(Some(ended)) => Some(status_of(ended)),
        Ok(None) => None,
        Err(_) => Some(Status::Signalled(0)),
    };
    let id = Pid::from_raw(main.id().cast_signed());
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == id => found = Some(Status::Exited(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == id => found = Some(Status::Signalled(signal as i32)),
            Ok(WaitStatus::StillAlive) => return (found, true),
            Err(Errno::ECHILD) => return (found, false),
            // Another one, or one that a real-time signal ended, or a signal to us.
            Ok(_) | Err(_) => {}
        }
    }
}

fn status_of(ended: ExitStatus) -> Status {
    match ended.code() {
        Some(code) => Status::Exited(code),
        None => Status::Signalled(ended.signal().unwrap_or(0)),
    }
}

/// Kills every descendant of this process and waits until none is left; gives back how many would not die.
/// The status of `main` goes into `status` when it is among them.
pub(super) fn kill_all(main: &mut Child, status: &mut Option<Status>) -> u32 {
    let begun = Monotonic::now();
    loop {
        let (found, left) = reap(main);
        *status = status.or(found);
        if !left {
            return 0;
        }
        let doomed = freeze(descendants);
        if begun.elapsed_ms() > KILL_MS_MAX {
            return u32::try_from(doomed.len()).unwrap_or(u32::MAX);
        }
        signal_all(&doomed, Signal::SIGKILL);
        pause();
    }
}

/// Kills every process that `find` names until it names none; gives back how many would not die. For what an attempt left
/// behind whose supervisor is gone, and which therefore is nobody's tree any more.
pub(super) fn kill_found(find: impl Fn() -> BTreeSet<Pid>) -> u32 {
    let begun = Monotonic::now();
    loop {
        let doomed = freeze(&find);
        if doomed.is_empty() {
            return 0;
        }
        if begun.elapsed_ms() > KILL_MS_MAX {
            return u32::try_from(doomed.len()).unwrap_or(u32::MAX);
        }
        signal_all(&doomed, Signal::SIGKILL);
        pause();
    }
}

/// Stops what `find` names until it names nobody new. A stopped process cannot fork, so a fork bomb holds still before it is
/// killed; killed one by one it would refill every place that becomes free.
fn freeze(find: impl Fn() -> BTreeSet<Pid>) -> BTreeSet<Pid> {
    let mut frozen = BTreeSet::new();
    for _ in 0..FREEZE_ROUNDS_MAX {
        let fresh: BTreeSet<Pid> = find().difference(&frozen).copied().collect();
        if fresh.is_empty() {
            break;
        }
        signal_all(&fresh, Signal::SIGSTOP);
        frozen.extend(fresh);
    }
    frozen
}

fn signal_all(processes: &BTreeSet<Pid>, signal: Signal) {
    for process in processes {
        // The only failure that can happen is that it is gone already, which is what is wanted.
        let _ = kill(*process, signal);
    }
}

fn pause() {
    // Nothing to wait for but time: `poll` over no descriptor is a plain sleep.
    let _ = nix::poll::poll(&mut [], u8::try_from(ROUND_MS).unwrap_or(1));
}

/// Every living descendant of this process.
fn descendants() -> BTreeSet<Pid> {
    let mut found = BTreeSet::new();
    let mut open = vec![std::process::id().cast_signed()];
    while let Some(parent) = open.pop() {
        for child in children(parent) {
            if found.insert(Pid::from_raw(child)) {
                open.push(child);
            }
        }
    }
    found
}

/// The children of a process.
pub(super) fn children(parent: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Every process for which `test` holds, given its folder below `/proc`.
pub(super) fn everybody(test: impl Fn(&std::path::Path) -> bool) -> BTreeSet<Pid> {
    let own = std::process::id().cast_signed();
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeSet::new() };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let id: i32 = entry.file_name().to_str()?.parse().ok()?;
            (id != own && test(&entry.path())).then_some(Pid::from_raw(id))
        })
        .collect()
}

/// Whether a process, given its folder below `/proc`, runs as this user and is no zombie.
pub(super) fn runs_as(process: &std::path::Path, user: u32) -> bool {
    let Ok(status) = fs::read_to_string(process.join("status")) else { return false };
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let zombie = line("State:").is_some_and(|state| state.trim_start().starts_with('Z'));
    let user = user.to_string();
    !zombie && line("Uid:").is_some_and(|ids| ids.split_whitespace().any(|id| id == user))
}

/// Whether a process, given its folder below `/proc`, was started by the attempt of this working directory: it has that
/// directory as its home or works below it.
pub(super) fn belongs_to(process: &std::path::Path, directory: &std::path::Path) -> bool {
    let home = [b"HOME=", directory.as_os_str().as_encoded_bytes()].concat();
    let born = fs::read(process.join("environ")).is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == home));
    born || fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(directory))
}
