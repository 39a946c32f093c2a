//! What became of every task's result. One line per task; the lines add up, or the answer does not stand.

use std::collections::BTreeSet;

use candor_proto::answer::LedgerItems;
use candor_proto::job::TaskRecord;
use candor_proto::{Fate, Job, LedgerEntry, Node, Statement, TaskState};

use super::ended_by_chance;
use crate::evaluate::{self, Reads};

/// The ledger of a job, in the plan's order.
pub(super) fn ledger(job: &Job, summary: &[u32], statements: &[Statement]) -> Vec<LedgerEntry> {
    let Some(plan) = job.plan() else { return Vec::new() };
    let Reads { by_task, by_outputs } = evaluate::reads(plan, job.graph());
    let succeeded = |task: usize| job.tasks().get(task).is_some_and(|record| record.state == TaskState::Succeeded);
    let consumed: BTreeSet<u32> = by_task
        .iter()
        .enumerate()
        .filter(|(task, _)| succeeded(*task))
        .flat_map(|(_, read)| read.iter().copied())
        .collect();
    let said: BTreeSet<&str> = statements.iter().flat_map(Statement::spans).map(|span| span.task.as_str()).collect();
    let summary: BTreeSet<u32> = summary.iter().copied().collect();
    job.tasks()
        .iter()
        .zip(0_u32..)
        .map(|(record, task)| {
            let name = job.name(Node::task(task));
            let use_of = Use {
                said: said.contains(name.as_str()),
                output: by_outputs.contains(&task),
                consumed: consumed.contains(&task),
                summary: summary.contains(&task),
            };
            let (fate, reason) = fate(record, &use_of);
            let items = if ended_by_chance(job, task) { None } else { items(record) };
            LedgerEntry { task: name, fate, reason: reason.to_owned(), items }
        })
        .collect()
}

/// Whether a ledger has exactly one line per task, and each fan-out's items add up.
pub(super) fn adds_up(job: &Job, ledger: &[LedgerEntry]) -> bool {
    let names_agree = ledger.len() == job.tasks().len()
        && ledger.iter().zip(0_u32..).all(|(entry, task)| entry.task == job.name(Node::task(task)));
    names_agree
        && ledger.iter().filter_map(|entry| entry.items).all(|items| items.with_result + items.missing == items.total)
}

struct Use {
    said: bool,
    output: bool,
    consumed: bool,
    summary: bool,
}

fn fate(record: &TaskRecord, use_of: &Use) -> (Fate, &'static str) {
    match record.state {
        TaskState::Succeeded if use_of.said => (Fate::Used, "summary"),
        TaskState::Succeeded if use_of.output => (Fate::Used, "output"),
        TaskState::Succeeded if use_of.consumed => (Fate::Used, "consumed"),
        TaskState::Succeeded if use_of.summary => (Fate::Excluded, "nothing_to_say"),
        TaskState::Succeeded => (Fate::Excluded, "not_in_summary"),
        TaskState::Skipped => (Fate::Excluded, "skipped"),
        TaskState::Failed => (Fate::Missing, "failed"),
        // A fan-out that the budget stopped: the answer says what it has.
        TaskState::Stopped if use_of.said => (Fate::Used, "partial"),
        TaskState::Stopped => (Fate::Missing, "stopped"),
        TaskState::Cancelled => (Fate::Missing, "cancelled"),
        TaskState::Pending
        | TaskState::Ready
        | TaskState::Running
        | TaskState::Retrying
        | TaskState::AwaitingApproval
        | TaskState::Escalated
        | TaskState::OutcomeUnknown => (Fate::Missing, "not_ended"),
    }
}

fn items(record: &TaskRecord) -> Option<LedgerItems> {
    let fan = record.fan.as_ref()?;
    let with_result = fan.succeeded;
    Some(LedgerItems { total: fan.total(), with_result, missing: fan.failed + fan.stopped })
}
