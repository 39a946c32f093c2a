//! A plan, or a refusal, arrives.
//!
//! | job has | same request | other request |
//! |---|---|---|
//! | nothing | advance: accepted | advance: accepted |
//! | a plan, not ended | advance: one more who wants the answer | refused, the job unchanged |
//! | a plan, ended; a refusal | the answer, or the refusal, again | refused, the job unchanged |

use std::sync::Arc;

use candor_proto::event::{Accepted, LOG_FORMAT, Refused};
use candor_proto::message::{Diagnostic, ErrorBody, Message, PlanReady, PlanRefused, Refusal, ReplyTo};
use candor_proto::{Event, Job, JobId, Sha256};

use super::{Decision, Effect, Verdict};

pub(super) fn ready(job: &Job, ready: &PlanReady) -> Verdict {
    let repeated = Repeated {
        digest: ready.request_digest,
        reply_to: ready.reply_to.as_ref(),
        recorded_to: ready.recorded_to.as_deref(),
    };
    if let Some(verdict) = known(job, &repeated) {
        return verdict;
    }
    let accepted = Accepted {
        format: LOG_FORMAT,
        plan: Arc::new(ready.plan.clone()),
        plan_hash: ready.plan_hash,
        inputs: ready.inputs.clone(),
        priority: ready.priority,
        tenant: ready.tenant.clone(),
        submitted_at: ready.submitted_at,
        request_digest: ready.request_digest,
        reply_to: ready.reply_to.clone(),
        parent: None,
    };
    let decision = Decision::event(Event::Accepted(Arc::new(accepted)));
    Verdict::Advance(acknowledge(decision, ready.recorded_to.as_deref()))
}

pub(super) fn refused(job: &Job, refused: &PlanRefused) -> Verdict {
    let repeated = Repeated {
        digest: refused.request_digest,
        reply_to: refused.reply_to.as_ref(),
        recorded_to: refused.recorded_to.as_deref(),
    };
    if let Some(verdict) = known(job, &repeated) {
        return verdict;
    }
    let event = Event::Refused(Arc::new(Refused {
        format: LOG_FORMAT,
        error: refused.error.clone(),
        diagnostics: refused.diagnostics.clone(),
        request_digest: refused.request_digest,
        reply_to: refused.reply_to.clone(),
    }));
    let mut decision = Decision { events: vec![event, Event::Answered], ..Decision::default() };
    if let Some(to) = &refused.reply_to {
        decision = decision.and(refuse(refused.job, to, &refused.error, &refused.diagnostics));
    }
    Verdict::Advance(acknowledge(decision, refused.recorded_to.as_deref()))
}

struct Repeated<'a> {
    digest: Sha256,
    reply_to: Option<&'a ReplyTo>,
    recorded_to: Option<&'a str>,
}

/// What a job that already has a plan or a refusal says to another one; `None` where it has neither.
fn known(job: &Job, repeated: &Repeated<'_>) -> Option<Verdict> {
    let digest = match (job.accepted(), job.refused()) {
        (Some(accepted), _) => accepted.request_digest,
        (None, Some(refused)) => refused.request_digest,
        (None, None) => return None,
    };
    let mut decision = acknowledge(Decision::default(), repeated.recorded_to);
    let Some(to) = repeated.reply_to else { return Some(settled(decision)) };
    if digest == repeated.digest {
        // The sender asks again, perhaps because it saw no answer: it gets the one that stands, or waits for it.
        match job.refused() {
            Some(refused) => decision = decision.and(refuse(job.id(), to, &refused.error, &refused.diagnostics)),
            None if job.state().ended() => decision = decision.and(Effect::Answer { to: to.clone() }),
            None if job.askers().contains(to) => {}
            None => decision.events.push(Event::Asked { reply_to: to.clone() }),
        }
    } else {
        let error = ErrorBody {
            code: "job_exists".to_owned(),
            message: "there is already a job with this id or idempotency key, from another request".to_owned(),
            advice: "send the request with a new key, or the same request with this one".to_owned(),
        };
        decision = decision.and(refuse(job.id(), to, &error, &[]));
    }
    Some(settled(decision))
}

fn settled(decision: Decision) -> Verdict {
    if decision == Decision::default() {
        Verdict::AlreadyKnown("the job already has a plan")
    } else {
        Verdict::Advance(decision)
    }
}

fn refuse(job: JobId, to: &ReplyTo, error: &ErrorBody, diagnostics: &[Diagnostic]) -> Effect {
    let refusal = Refusal { job: Some(job), error: error.clone(), diagnostics: diagnostics.to_vec() };
    Effect::Refuse { to: to.clone(), message: Box::new(Message::Refusal(Box::new(refusal))) }
}

fn acknowledge(decision: Decision, recorded_to: Option<&str>) -> Decision {
    match recorded_to {
        Some(to) => decision.and(Effect::Recorded { to: to.to_owned() }),
        None => decision,
    }
}
