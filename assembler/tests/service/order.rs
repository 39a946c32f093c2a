//! Append, publish, acknowledge, never otherwise; and what leaves the system leaves late.

use std::collections::{HashMap, HashSet};

use candor_platform::broker::Fate;
use candor_proto::{AttemptId, Event, JobId, Message, MessageId};

use crate::diary::{Deed, Entry, id_of};
use crate::stage::Stage;
use crate::work::{braid, job, ready, single, well};

/// What a diary says about appends, as far as it has been read.
#[derive(Default)]
struct Read {
    /// Attempts that were released, and all of them by the append in which they were.
    released: HashSet<AttemptId>,
    released_in: HashMap<usize, Vec<AttemptId>>,
    /// The append in which an attempt ended.
    ended: HashMap<AttemptId, usize>,
    /// By life, job and kind of milestone: where in the diary it was appended.
    accepted: HashMap<JobId, usize>,
    closed: HashMap<JobId, usize>,
    /// The last fence of each life.
    fenced: HashMap<usize, usize>,
    /// Offered messages that the broker has, by what they are.
    offered: HashMap<MessageId, Message>,
    assigned: HashSet<AttemptId>,
    planned: HashSet<JobId>,
}

/// Asserts that everything happened in the promised order.
pub(crate) fn check(entries: &[Entry]) {
    let mut read = Read::default();
    for (place, entry) in entries.iter().enumerate() {
        match &entry.deed {
            Deed::Appended(batch) => {
                for (append, recorded) in batch.iter().flat_map(|a| a.events.iter().map(move |event| (a, event))) {
                    read.event(place, append.job, &recorded.event);
                }
            }
            Deed::Fenced => {
                read.fenced.insert(entry.life, place);
            }
            Deed::Offered(outgoing) => {
                read.may_leave(entry.life, &outgoing.message);
                if let Some(id) = id_of(outgoing) {
                    read.offered.insert(id, outgoing.message.clone());
                }
            }
            Deed::Taken(id) => match id.and_then(|id| read.offered.get(&id)) {
                Some(Message::Assignment(assignment)) => {
                    read.assigned.insert(assignment.attempt);
                }
                Some(Message::Planned(planned)) => {
                    read.planned.insert(planned.job);
                }
                Some(_) | None => {}
            },
            Deed::Settled(message, fate) => {
                if let (Ok(message), Fate::Done) = (&**message, fate) {
                    read.may_be_settled(message);
                }
            }
        }
    }
}

impl Read {
    fn event(&mut self, place: usize, job: JobId, event: &Event) {
        match event {
            Event::Accepted(_) | Event::Refused(_) => {
                self.accepted.insert(job, place);
            }
            Event::Released { attempt, .. } => {
                self.released.insert(*attempt);
                self.released_in.entry(place).or_default().push(*attempt);
            }
            Event::Succeeded(success) => {
                self.ended.insert(success.attempt, place);
            }
            Event::Failed(failure) => {
                self.ended.extend(failure.attempt.map(|attempt| (attempt, place)));
            }
            Event::Ended { .. } => {
                self.closed.insert(job, place);
            }
            _ => {}
        }
    }

    fn may_leave(&self, life: usize, message: &Message) {
        let fenced_after = |place: Option<&usize>, what: &str| {
            let place = place.unwrap_or_else(|| panic!("{what} leaves before its append returned"));
            let fence = self.fenced.get(&life).unwrap_or_else(|| panic!("{what} leaves without a fence"));
            assert!(fence > place, "{what} leaves before a fence after its append");
        };
        match message {
            Message::Assignment(assignment) => {
                assert!(self.released.contains(&assignment.attempt), "an assignment leaves before its append");
            }
            Message::Planned(planned) => fenced_after(self.accepted.get(&planned.job), "recorded"),
            Message::Answer(reply) => fenced_after(self.closed.get(&reply.job), "an answer"),
            Message::Refusal(refusal) => {
                fenced_after(refusal.job.and_then(|job| self.accepted.get(&job)), "a refusal");
            }
            _ => {}
        }
    }

    fn may_be_settled(&self, message: &Message) {
        let append = match message {
            Message::PlanReady(ready) => {
                assert!(self.planned.contains(&ready.job), "a plan is settled before the planner knows");
                self.accepted.get(&ready.job)
            }
            Message::Report(report) => self.ended.get(&report.attempt),
            _ => None,
        };
        for attempt in append.and_then(|append| self.released_in.get(append)).into_iter().flatten() {
            assert!(self.assigned.contains(attempt), "an input is settled before its effects are confirmed");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn everything_happens_in_the_promised_order() {
    let stage = Stage::new().await;
    let life = stage.life();
    stage.worker("default", well).await;
    stage.submit(ready(job(1), braid()));
    stage.submit(ready(job(2), single()));
    assert_eq!(stage.answer(job(1)).await["result"], "complete");
    assert_eq!(stage.answer(job(2)).await["result"], "complete");
    stage.quiet().await;
    life.assembler.drain().await;
    let entries = stage.diary.entries();
    let appends = entries.iter().filter(|entry| matches!(entry.deed, Deed::Appended(_))).count();
    assert!(appends > 5, "there was something to look at");
    check(&entries);
}
