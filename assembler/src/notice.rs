//! What a watcher is told about a turn: every single task, and each fan-out once.

use std::collections::BTreeMap;

use candor_proto::message::{Notice, NoticeKind};
use candor_proto::{Event, Job, JobId, Millis, Node, Recorded, TaskState};

/// Failed items of one turn that are told by name; the log has them all.
const FAILED_ITEMS_TOLD_MAX: usize = 20;

/// The notices of the events that one turn recorded of a job, which is as it is after them.
pub fn of(job: &Job, events: &[Recorded], at: Millis) -> Vec<Notice> {
    let mut told = Told { job, subjects: BTreeMap::new(), failed_items: 0 };
    let mut kinds = Vec::new();
    for (place, recorded) in events.iter().enumerate() {
        told.event(&recorded.event, place);
        if matches!(recorded.event, Event::Accepted(_)) {
            kinds.push(NoticeKind::Job { state: job.state(), result: None });
        }
    }
    // What happened last is told last: a task's end comes before the start of what waited for it.
    let mut subjects: Vec<(usize, Subject)> =
        told.subjects.into_iter().map(|(subject, place)| (place, subject)).collect();
    subjects.sort_unstable();
    kinds.extend(subjects.into_iter().filter_map(|(_, subject)| match subject {
        Subject::Items(task) => items(job, task),
        Subject::Task(node) => task(job, node),
    }));
    if events.iter().any(|recorded| matches!(recorded.event, Event::Ended { .. } | Event::Refused(_))) {
        kinds.push(NoticeKind::Job { state: job.state(), result: job.result() });
    }
    let id: JobId = job.id();
    kinds.into_iter().map(|kind| Notice { job: id, at, kind }).collect()
}

/// What a notice is about; of one event the items come before their task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Items(u32),
    Task(Node),
}

struct Told<'a> {
    job: &'a Job,
    /// What is told, and the place in the turn of the last event about it.
    subjects: BTreeMap<Subject, usize>,
    failed_items: usize,
}

impl Told<'_> {
    fn event(&mut self, event: &Event, place: usize) {
        match event {
            Event::Readied { task }
            | Event::Skipped { task }
            | Event::Stopped { task, .. }
            | Event::Joined { task, .. } => {
                self.node(Node::task(*task), place);
            }
            Event::FannedOut { task, .. } | Event::Halted { task, .. } => self.fan(*task, place),
            Event::Released { node, .. } | Event::Due { node } | Event::Lost { node, .. } => self.node(*node, place),
            Event::OutcomeUnknown { node, .. } => self.node(*node, place),
            Event::Succeeded(success) => self.node(success.node, place),
            Event::Failed(failure) => {
                self.node(failure.node, place);
                if failure.node.item.is_some() && self.failed_items < FAILED_ITEMS_TOLD_MAX {
                    self.failed_items += 1;
                    self.subjects.insert(Subject::Task(failure.node), place);
                }
            }
            Event::Accepted(_)
            | Event::Asked { .. }
            | Event::Refused(_)
            | Event::Published { .. }
            | Event::Granted { .. }
            | Event::Directed { .. }
            | Event::BudgetSpent
            | Event::Ended { .. }
            | Event::Answered => {}
        }
    }

    fn node(&mut self, node: Node, place: usize) {
        if node.item.is_some() {
            self.fan(node.task, place);
        } else {
            self.subjects.insert(Subject::Task(node), place);
        }
    }

    fn fan(&mut self, task: u32, place: usize) {
        if self.job.task(task).is_some_and(|record| record.fan.is_some()) {
            self.subjects.insert(Subject::Items(task), place);
        }
    }
}

fn task(job: &Job, node: Node) -> Option<NoticeKind> {
    let record = job.task(node.task)?;
    let (state, run) = match node.item {
        None => (record.state, record.fan.is_none().then_some(&record.node)),
        Some(_) => job.node(node).map(|item| (item.state, Some(item)))?,
    };
    let error = run.and_then(|run| run.error.as_ref()).map(|error| error.told());
    let reason = match (state, record.caused_by) {
        (TaskState::Stopped, Some(cause)) => Some(format!("because of {}", job.name(Node::task(cause)))),
        (TaskState::Failed | TaskState::Retrying, _) => error,
        (_, _) => None,
    };
    Some(NoticeKind::Task {
        task: job.name(node),
        node,
        state,
        attempt: run.map_or(0, |run| run.attempts),
        confidence: run.and_then(|run| run.confidence),
        reason,
    })
}

fn items(job: &Job, task: u32) -> Option<NoticeKind> {
    let fan = job.task(task)?.fan.as_ref()?;
    Some(NoticeKind::Items {
        task: job.name(Node::task(task)),
        node: Node::task(task),
        total: fan.total(),
        running: fan.open,
        succeeded: fan.succeeded,
        failed: fan.failed,
    })
}
