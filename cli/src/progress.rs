//! Progress on stderr: bars on a terminal, plain lines otherwise, and the table at the end.

mod bars;
mod table;

use std::collections::{HashMap, HashSet};

use candor_proto::TaskState;
use candor_proto::message::{Notice, NoticeKind};

use crate::terminal;
use bars::Bars;
pub(crate) use table::table;

/// Shows what a job does.
pub(crate) struct Progress {
    bars: Option<Bars>,
    /// Items of a fan-out that were told last, by task; lines come at each tenth.
    told: HashMap<String, u32>,
    said: HashSet<String>,
}

impl Progress {
    /// Bars where stderr is a terminal, lines elsewhere.
    pub(crate) fn new() -> Self {
        Self { bars: terminal::live().then(Bars::new), told: HashMap::new(), said: HashSet::new() }
    }

    /// Something happened.
    pub(crate) fn notice(&mut self, notice: &Notice) {
        match (&mut self.bars, &notice.kind) {
            (Some(bars), kind) => bars.show(kind),
            (None, NoticeKind::Task { task, state, attempt, reason, .. }) => {
                if let Some(line) = line(task, *state, *attempt, reason.as_deref()) {
                    terminal::line(&terminal::clean(&line));
                }
            }
            (None, NoticeKind::Items { task, total, succeeded, failed, .. }) => {
                let ended = succeeded + failed;
                let tenth = if *total == 0 { 10 } else { ended * 10 / total };
                if self.told.insert(task.clone(), tenth) != Some(tenth) {
                    terminal::line(&terminal::clean(&format!("{task}: {ended} of {total} items, {failed} failed")));
                }
            }
            (None, NoticeKind::Job { .. }) => {}
        }
    }

    /// Something else is worth a word; said once.
    pub(crate) fn say(&mut self, sentence: &str) {
        if self.said.insert(sentence.to_owned()) {
            match &self.bars {
                Some(bars) => bars.say(sentence),
                None => terminal::line(&terminal::clean(sentence)),
            }
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self) {
        if let Some(bars) = &mut self.bars {
            bars.tick();
        }
    }

    /// Takes the bars away.
    pub(crate) fn finish(&mut self) {
        if let Some(bars) = self.bars.take() {
            bars.clear();
        }
    }
}

fn line(task: &str, state: TaskState, attempt: u32, reason: Option<&str>) -> Option<String> {
    let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let again = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
    match state {
        TaskState::Pending | TaskState::Ready => None,
        TaskState::Running
        | TaskState::Retrying
        | TaskState::AwaitingApproval
        | TaskState::Escalated
        | TaskState::OutcomeUnknown
        | TaskState::Succeeded
        | TaskState::Failed
        | TaskState::Skipped
        | TaskState::Stopped
        | TaskState::Cancelled => Some(format!("{task}: {}{again}{why}", state.word().replace('_', " "))),
    }
}
