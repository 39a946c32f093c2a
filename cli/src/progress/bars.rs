//! One line per running task with its elapsed time, a bar per fan-out.

use std::collections::HashMap;
use std::time::Duration;

use candor_proto::TaskState;
use candor_proto::message::NoticeKind;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::terminal;

/// How often a spinner turns, in milliseconds.
const TURN_MS: u64 = 100;

/// The bars of a job.
pub(super) struct Bars {
    all: MultiProgress,
    tasks: HashMap<String, ProgressBar>,
    fans: HashMap<String, ProgressBar>,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self { all: MultiProgress::new(), tasks: HashMap::new(), fans: HashMap::new() }
    }

    pub(super) fn show(&mut self, kind: &NoticeKind) {
        match kind {
            NoticeKind::Job { .. } => {}
            NoticeKind::Items { task, total, succeeded, failed, .. } => {
                let bar = self.fans.entry(task.clone()).or_insert_with(|| self.all.add(fan(task, *total)));
                bar.set_length(u64::from(*total));
                bar.set_position(u64::from(succeeded + failed));
                if *failed > 0 {
                    bar.set_message(format!("{failed} failed"));
                }
            }
            NoticeKind::Task { task, node, state, reason, .. } => {
                if *state == TaskState::Running && node.item.is_none() && !self.fans.contains_key(task) {
                    let all = &self.all;
                    self.tasks.entry(task.clone()).or_insert_with(|| all.add(spinner(task)));
                    return;
                }
                if let Some(bar) = self.tasks.remove(task) {
                    bar.finish_and_clear();
                }
                if state.ended() {
                    if let Some(bar) = self.fans.remove(task) {
                        bar.finish_and_clear();
                    }
                    let why = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                    let line = terminal::clean(&format!("{} {task}{why}", mark(*state)));
                    // A terminal that went away is no reason to stop the work.
                    let _ = self.all.println(line);
                }
            }
        }
    }

    pub(super) fn say(&self, sentence: &str) {
        // A terminal that went away is no reason to stop the work.
        let _ = self.all.println(terminal::clean(sentence));
    }

    pub(super) fn tick(&self) {
        self.fans.values().for_each(ProgressBar::tick);
    }

    pub(super) fn clear(&self) {
        let _ = self.all.clear();
    }
}

const fn mark(state: TaskState) -> &'static str {
    match state {
        TaskState::Succeeded => "✓",
        TaskState::Failed => "✗",
        TaskState::Skipped => "-",
        TaskState::Stopped | TaskState::Cancelled => "■",
        TaskState::Pending
        | TaskState::Ready
        | TaskState::Running
        | TaskState::Retrying
        | TaskState::AwaitingApproval
        | TaskState::Escalated
        | TaskState::OutcomeUnknown => "…",
    }
}

fn spinner(task: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_prefix(terminal::clean(task));
    bar.enable_steady_tick(Duration::from_millis(TURN_MS));
    bar
}

fn fan(task: &str, total: u32) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(total));
    if let Ok(style) = ProgressStyle::with_template("  {prefix} [{bar:30}] {pos} of {len} {elapsed} {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(terminal::clean(task));
    bar
}
