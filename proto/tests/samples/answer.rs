//! An answer and its parts, over the golden log of a chain of two tasks.

use candor_proto::answer::{self, LedgerItems};
use candor_proto::event::Recorded;
use candor_proto::{Answer, Confidence, Fate, Gap, GapReason, Job, JobId, LedgerEntry, Statement};
use serde_json::{Map, json};

/// The job that a log tells of.
pub(crate) fn replay(id: JobId, log: &[Recorded]) -> Job {
    let mut job = Job::new(id);
    log.iter().for_each(|recorded| job.evolve(recorded));
    job
}

/// The answer of a finished chain, with one gap and a ledger that adds up.
pub(crate) fn of(job: &Job) -> Answer {
    let accepted = job.accepted().expect("the job has a plan");
    let statements = vec![
        Statement::about(job, 1, 1, "/count", Confidence::CHECKED).expect("there is a count"),
        Statement::about(job, 2, 1, "/table", Confidence::CHECKED).expect("there is a table"),
    ];
    let gaps = vec![gap()];
    let ledger = ledger();
    let outputs = Map::from_iter([("count".to_owned(), json!(5))]);
    let result = job.result().expect("the job has ended");
    let digest = answer::digest(&accepted.plan_hash, &accepted.inputs, &statements, &gaps, &ledger, &outputs, result);
    Answer {
        job: job.id(),
        workflow: accepted.plan.name.clone(),
        plan_hash: accepted.plan_hash,
        state: job.state(),
        result,
        digest,
        confidence: Confidence::all(statements.iter().map(Statement::confidence)),
        statements,
        gaps,
        ledger,
        outputs,
        created_at: job.created_at(),
        ended_at: job.ended_at().expect("the job has ended"),
    }
}

pub(crate) fn gap() -> Gap {
    Gap::one("count".into(), GapReason::CheckWarned)
}

pub(crate) fn ledger() -> Vec<LedgerEntry> {
    let entry = |task: &str, reason: &str, items| LedgerEntry {
        task: task.into(),
        fate: Fate::Used,
        reason: reason.into(),
        items,
    };
    let items = LedgerItems { total: 4, with_result: 3, missing: 1 };
    vec![entry("greet", "consumed", None), entry("count", "summary", Some(items))]
}
