//! An attempt ended.
//!
//! | the log has | outcome | verdict |
//! |---|---|---|
//! | no such attempt of this node | any | illegal: an abandoned timeline |
//! | another input digest for it | any | illegal |
//! | the node has ended | any | already known |
//! | it, not ended | done | advance: the first success of any attempt wins |
//! | it, the newest and out | retry, fail | advance: again, or failed |
//! | it, the newest and out | cancelled | advance: lost, released again |
//! | it, not the newest or not out | retry, fail, cancelled | already known |

use candor_proto::event::{Failure, Success};
use candor_proto::message::Report;
use candor_proto::plan::Task;
use candor_proto::{Event, Job, Millis, Outcome, TaskError, TaskState};

use super::{Decision, Verdict};
use crate::checks;
use crate::memo::Memo;

pub(super) fn report(job: &Job, memo: &mut Memo, report: &Report, at: Millis) -> Verdict {
    let Some(record) = job.node(report.node) else { return Verdict::Illegal("no such node") };
    let Some(task) = job.plan().and_then(|plan| plan.tasks.get(report.node.task as usize)) else {
        return Verdict::Illegal("no such task");
    };
    match record.known_input(report.attempt) {
        None => return Verdict::Illegal("the log knows no such attempt"),
        Some(digest) if digest != report.input_digest => return Verdict::Illegal("another input"),
        Some(_) => {}
    }
    if record.state.ended() || job.state().ended() || job.task(report.node.task).is_some_and(|task| task.state.ended())
    {
        return Verdict::AlreadyKnown("it has ended");
    }
    if report.stored.is_some() {
        // Whoever hands the report in fetches what the log waits for; nothing may be recorded as empty.
        return Verdict::Illegal("its outputs were not fetched");
    }
    let newest = record.attempt.as_ref().is_some_and(|newest| newest.id == report.attempt);
    let out = newest && record.state == TaskState::Running;
    match &report.outcome {
        Outcome::Done { outputs, evidence } => {
            Verdict::Advance(Decision::event(match checks::judge(job, memo, task, report.node, outputs, evidence) {
                Ok(judged) => Event::Succeeded(Box::new(Success {
                    node: report.node,
                    attempt: report.attempt,
                    outputs: judged.outputs,
                    evidence: judged.evidence,
                    warnings: judged.warnings,
                    low_confidence: judged.low_confidence,
                    usage: report.usage,
                })),
                Err(error) if out => failure(job, task, report, error, None, at),
                Err(_) => return Verdict::AlreadyKnown("a late attempt whose checks do not hold"),
            }))
        }
        Outcome::Retry { error, after_ms } if out => {
            Verdict::Advance(Decision::event(failure(job, task, report, error.clone(), *after_ms, at)))
        }
        Outcome::Fail { error } if out => {
            Verdict::Advance(Decision::event(failure(job, task, report, error.clone(), None, at)))
        }
        Outcome::Cancelled if out => {
            Verdict::Advance(Decision::event(Event::Lost { node: report.node, attempt: report.attempt }))
        }
        Outcome::Retry { .. } | Outcome::Fail { .. } | Outcome::Cancelled => {
            Verdict::AlreadyKnown("not the attempt that is out")
        }
    }
}

/// Tried again when the task's `retry` covers the error and attempts are left; else failed.
fn failure(job: &Job, task: &Task, report: &Report, error: TaskError, after_ms: Option<u64>, at: Millis) -> Event {
    let attempts = job.node(report.node).map_or(1, |record| record.attempts);
    let again = attempts < task.retry.max_attempts && task.retry.covers(&error) && !job.budget_spent();
    let retry_at = again.then(|| {
        let (high, low) = report.attempt.uuid().as_u64_pair();
        let delay = task.retry.delay_ms(attempts + 1, high ^ low).max(after_ms.unwrap_or(0));
        at.saturating_add(delay)
    });
    Event::Failed(Box::new(Failure {
        node: report.node,
        attempt: Some(report.attempt),
        error,
        retry_at,
        usage: Some(report.usage),
    }))
}
