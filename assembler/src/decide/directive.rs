//! A person decided something.
//!
//! | the log has | order | decided |
//! |---|---|---|
//! | this directive | any | already known, and answered so |
//! | an ended job | cancel | refused |
//! | anything else, nothing too | cancel | recorded; what follows is in [`super::cancel`] |
//! | any | approve, reject, answer | refused: no question was asked |
//! | anything else, nothing too | rerun | in [`super::rerun`] |
//!
//! A directive may come before its plan: it is recorded, and applies when the plan comes. One that nobody wants to
//! hear about is counted where it changes nothing.

use candor_proto::message::{Directive, DirectiveReply, Order, ReplyTo, Verdict as Answer};
use candor_proto::{Event, Job, Millis};

use super::rerun::{Wanted, rerun};
use super::{Decision, Effect, Input, Verdict};

pub(super) fn directive(job: &Job, directive: &Directive, input: &Input, at: Millis) -> Verdict {
    let desk = Desk { directive, reply_to: input.reply_to.as_ref() };
    if job.knows_directive(directive.id) {
        return desk.known();
    }
    match &directive.order {
        Order::Cancel if job.state().ended() => desk.refused("the job has ended"),
        Order::Cancel => desk.done(Decision::event(desk.directed())),
        Order::Approve { .. } | Order::Reject { .. } | Order::Answer { .. } => {
            desk.refused("the job has asked no such question")
        }
        Order::Rerun { parent, from, failed } => {
            let wanted = Wanted { parent: *parent, from: from.as_deref(), failed: *failed };
            rerun(job, &desk, &wanted, input.parent.as_ref(), at)
        }
    }
}

/// A directive and whoever sent it.
pub(super) struct Desk<'a> {
    pub(super) directive: &'a Directive,
    pub(super) reply_to: Option<&'a ReplyTo>,
}

impl Desk<'_> {
    /// The directive as the log has it.
    pub(super) fn directed(&self) -> Event {
        let Directive { id, order, by, .. } = self.directive.clone();
        Event::Directed { id, order, by }
    }

    /// It is decided, and said once that is recorded.
    pub(super) fn done(&self, decision: Decision) -> Verdict {
        Verdict::Advance(match self.said(Answer::Done) {
            Some(effect) => decision.and(effect),
            None => decision,
        })
    }

    pub(super) fn known(&self) -> Verdict {
        match self.said(Answer::AlreadyKnown) {
            Some(effect) => Verdict::Advance(Decision::effect(effect)),
            None => Verdict::AlreadyKnown("the directive is recorded"),
        }
    }

    pub(super) fn refused(&self, reason: impl Into<String>) -> Verdict {
        match self.said(Answer::Refused { reason: reason.into() }) {
            Some(effect) => Verdict::Advance(Decision::effect(effect)),
            None => Verdict::Illegal("a directive that cannot be carried out"),
        }
    }

    fn said(&self, verdict: Answer) -> Option<Effect> {
        let reply = DirectiveReply { id: self.directive.id, job: self.directive.job, verdict };
        self.reply_to.map(|to| Effect::DirectiveReply { to: to.clone(), reply })
    }
}
