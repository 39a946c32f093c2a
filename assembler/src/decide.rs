//! What to do about an input, as one visible table per subject.
//!
//! Synchronous and pure: state, input and time in; events and effects out. [`react`] answers one input;
//! [`advance`] takes the next step that follows from the state alone, one subject at a time, until there
//! is none. Recovery is [`advance`] after folding the log: there is no second implementation.

mod accept;
mod cancel;
mod close;
mod directive;
mod input;
mod join;
mod needs;
mod release;
mod report;
mod rerun;

use candor_proto::event::Accepted;
use candor_proto::message::{Assignment, DirectiveReply, Message, ReplyTo, Revocation};
use candor_proto::{AttemptId, Event, Job, Millis, Node, Recorded};

use crate::memo::Memo;

pub use close::conclusion;
pub use input::{Input, ParentLog};
pub use release::{assignment, release};

/// What a decision may know beside the job: the time, and fresh ids.
pub struct Now<'a> {
    /// The time, from the shell's clock.
    pub at: Millis,
    /// Fresh attempt ids: random in the shell, from a seed in tests.
    pub attempts: &'a mut dyn FnMut() -> AttemptId,
    /// The queue that reports of this partition go to.
    pub report_to: &'a str,
}

/// What is decided: what happened, and what must be done once that is recorded.
#[derive(Debug, Default, PartialEq)]
pub struct Decision {
    /// To be appended to the log.
    pub events: Vec<Event>,
    /// To be appended after those: what happened before, in another job. Keeps its times, is numbered anew.
    pub past: Vec<Recorded>,
    /// To be done after the append.
    pub effects: Vec<Effect>,
}

impl Decision {
    /// One event and nothing to do.
    pub fn event(event: Event) -> Self {
        Self { events: vec![event], ..Self::default() }
    }

    /// Nothing happened, but something is to be done.
    pub fn effect(effect: Effect) -> Self {
        Self { effects: vec![effect], ..Self::default() }
    }

    /// The same with one more thing to do.
    #[must_use]
    pub fn and(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

/// Something to be done after the append.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// An attempt goes to its pool.
    Assign {
        /// Which pool.
        pool: String,
        /// What.
        assignment: Box<Assignment>,
    },
    /// Attempts must end.
    Revoke(Revocation),
    /// The planner may forget its request. Leaves the system late.
    Recorded {
        /// The planner's queue.
        to: String,
    },
    /// The answer is due. Leaves the system late; once all of a job's answers are confirmed, that is recorded.
    Answer {
        /// Who wants it.
        to: ReplyTo,
    },
    /// A request was refused. Leaves the system late.
    Refuse {
        /// Who wants to know.
        to: ReplyTo,
        /// What.
        message: Box<Message>,
    },
    /// A directive is answered. Leaves the system late.
    DirectiveReply {
        /// Who sent it.
        to: ReplyTo,
        /// What became of it.
        reply: DirectiveReply,
    },
}

/// One row of a table: how an input fits the state.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// It changes something, or is to be answered.
    Advance(Decision),
    /// It was dealt with before: the broker delivers twice. Counted, changes nothing.
    AlreadyKnown(&'static str),
    /// It does not fit what is recorded: from an abandoned timeline, or a stranger. Counted, changes nothing.
    Illegal(&'static str),
}

/// Reacts to a message about a job.
pub fn react(job: &Job, memo: &mut Memo, input: &Input, now: &mut Now<'_>) -> Verdict {
    match &input.message {
        Message::PlanReady(ready) => accept::ready(job, ready),
        Message::PlanRefused(refused) => accept::refused(job, refused),
        Message::Report(report) => report::report(job, memo, report, now.at),
        Message::Directive(directive) => directive::directive(job, directive, input, now.at),
        Message::Claim(_) => Verdict::Illegal("this build releases no task with effects"),
        Message::Finding(_) => Verdict::Illegal("this build opens no case"),
        Message::JobRequest(_)
        | Message::Planned(_)
        | Message::Assignment(_)
        | Message::Grant(_)
        | Message::Revocation(_)
        | Message::Holding(_)
        | Message::Knock(_)
        | Message::Announcement(_)
        | Message::Case(_)
        | Message::DirectiveReply(_)
        | Message::Notice(_)
        | Message::Answer(_)
        | Message::Refusal(_) => Verdict::Illegal("not a message for an assembler's job"),
    }
}

/// The next step that follows from the state and the time alone; `None` when there is none.
/// Releasing is not among them: that is shared out over all jobs by [`crate::partition`].
pub fn advance(job: &Job, memo: &mut Memo, now: &mut Now<'_>) -> Option<Decision> {
    if job.state().ended() || job.accepted().is_none() {
        return None;
    }
    if job.cancelled() {
        return cancel::stop(job).or_else(|| close::close(job));
    }
    if let Some(event) = due(job, now.at) {
        return Some(Decision::event(event));
    }
    if let Some(task) = job.undecided().next() {
        return Some(needs::decide(job, memo, task));
    }
    if let Some(task) = job.unjoined().next() {
        return Some(join::join(job, task));
    }
    join::halt(job).or_else(|| close::spend(job)).or_else(|| close::close(job))
}

/// The earliest time at which something is due without any message.
pub fn next_due(job: &Job) -> Option<Millis> {
    if job.state().ended() {
        return None;
    }
    let retry = job.retries().next().map(|(at, _)| at);
    let budget = close::deadline(job).filter(|_| !job.budget_spent());
    [retry, budget].into_iter().flatten().min()
}

/// The events that a plan's acceptance amounts to; also what tests begin with.
pub fn accepted_event(accepted: Accepted) -> Event {
    Event::Accepted(accepted.into())
}

fn due(job: &Job, at: Millis) -> Option<Event> {
    if !job.budget_spent() && close::deadline(job).is_some_and(|deadline| deadline <= at) {
        return Some(Event::BudgetSpent);
    }
    let over = |(retry_at, node): &(Millis, Node)| *retry_at <= at || out_of_time(job, *node, *retry_at, at);
    job.retries().next().filter(over).map(|(_, node)| Event::Due { node })
}

/// Whether a retry's time comes from a clock that was ahead of ours: its attempt was released in what is the future, and
/// it would wait longer than its task ever waits. An earlier process recorded it before the machine's clock was set back.
fn out_of_time(job: &Job, node: Node, retry_at: Millis, at: Millis) -> bool {
    let released_at = job.node(node).and_then(|record| record.attempt.as_ref()).map(|attempt| attempt.released_at);
    let retry = job.plan().and_then(|plan| plan.tasks.get(node.task as usize)).map(|task| &task.retry);
    let longest = retry.map_or(0, |retry| retry.max_delay_ms.max(retry.delay_ms));
    released_at.is_some_and(|released_at| released_at > at) && retry_at > at.saturating_add(longest)
}

/// The task where a stop began: a failed task itself, of a stopped one the task that caused it.
pub(crate) fn root_cause(job: &Job, task: u32) -> u32 {
    job.task(task).and_then(|record| record.caused_by).unwrap_or(task)
}
