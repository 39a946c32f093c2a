//! A job that was cancelled ends at once.
//!
//! Evolving the directive alone takes care that nothing starts any more; this says what becomes of the rest.

use candor_proto::event::StopReason;
use candor_proto::message::Revocation;
use candor_proto::{Event, Job};

use super::{Decision, Effect};

/// Everything that has not ended is stopped, and what runs is revoked: as the whole job, so that workers also drop
/// what reaches them later. `None` when all of it has ended.
pub(super) fn stop(job: &Job) -> Option<Decision> {
    let open = job.tasks().iter().zip(0_u32..).filter(|(record, _)| !record.state.ended());
    let stopped = |(_, task)| Event::Stopped { task, reason: StopReason::Cancelled, cause: task };
    let events: Vec<Event> = open.map(stopped).collect();
    if events.is_empty() {
        return None;
    }
    let runs = job.open_total() > 0;
    let effects = runs.then(|| Effect::Revoke(Revocation { job: job.id(), attempts: Vec::new() }));
    Some(Decision { events, effects: effects.into_iter().collect(), ..Decision::default() })
}
