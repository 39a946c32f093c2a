//! The table at the end of a run: every task with its state, confidence and duration.

use candor_proto::{Job, Node};

use crate::terminal;

/// Tasks that the table shows; the summary has them all.
const SHOWN_MAX: usize = 50;

/// Prints the table to stderr.
pub(crate) fn table(job: &Job) {
    let mut rows = vec![["task", "state", "confidence", "duration"].map(str::to_owned)];
    for (record, place) in job.tasks().iter().zip(0_u32..).take(SHOWN_MAX) {
        let sure = candor_assembler::answer::of_task(job, place);
        let sure = sure.map(|sure| format!("{:.2} {}", sure.score().get(), sure.class().word())).unwrap_or_default();
        let took = record.started_at.zip(record.ended_at).map(|(start, end)| end.saturating_sub(start));
        let took = took.map(|ms| format!("{}.{:03} s", ms / 1_000, ms % 1_000)).unwrap_or_default();
        let items = record.fan.as_ref().map(|fan| format!(" ({}/{})", fan.succeeded, fan.total())).unwrap_or_default();
        rows.push([job.name(Node::task(place)) + &items, record.state.word().to_owned(), sure, took]);
    }
    terminal::line(terminal::columns(&rows).trim_end());
    if job.tasks().len() > SHOWN_MAX {
        terminal::line(&format!("… and {} more", job.tasks().len() - SHOWN_MAX));
    }
}
