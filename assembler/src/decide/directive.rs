//! A person decided something.

use candor_proto::Job;
use candor_proto::message::Directive;

use super::Verdict;

/// No directive can be carried out yet; a repeated one is known all the same.
pub(super) fn directive(job: &Job, directive: &Directive) -> Verdict {
    if job.knows_directive(directive.id) {
        Verdict::AlreadyKnown("the directive is recorded")
    } else {
        Verdict::Illegal("this build carries out no directives")
    }
}
