//! What happened: the one way to change a job. This file owns the job and its tasks; `attempt` the tries.
//!
//! Total: an event that does not fit the state changes nothing but the sequence. Deciding makes no such
//! events; a log that holds one comes from elsewhere, and `verify` finds it by deciding again.
//! What fits is stated beside each event, so that the figures stay right whatever a log holds.

mod attempt;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::{FanRecord, Graph, Job, JobState, NodeRecord, TaskRecord, TaskState};
use crate::Millis;
use crate::event::{Accepted, Event, Recorded, Refused, StopReason};
use crate::id::Node;
use crate::job::{AttemptRecord, JobResult};
use crate::limits::FAN_OUT_ITEMS_MAX;
use crate::message::{Order, ReplyTo};

impl Job {
    /// Takes one event of the job's log.
    pub fn evolve(&mut self, recorded: &Recorded) {
        let at = recorded.at;
        if self.seq == 0 {
            self.created_at = at;
        }
        self.seq = recorded.seq;
        if self.state.ended() {
            self.answered |= matches!(recorded.event, Event::Answered);
            return;
        }
        match &recorded.event {
            Event::Accepted(accepted) => self.accept(accepted),
            Event::Asked { reply_to } => self.ask(reply_to),
            Event::Refused(refused) => self.refuse(refused, at),
            Event::Readied { task } => self.ready(*task),
            Event::FannedOut { task, items, keys } => self.fan_out(*task, *items, keys.as_ref(), at),
            Event::Skipped { task } => self.skip(*task, at),
            Event::Stopped { task, reason, cause } => self.stop(*task, *reason, *cause, at),
            Event::Released { node, attempt, input_digest } => {
                let record =
                    AttemptRecord { id: *attempt, input_digest: *input_digest, released_at: at, granted: None };
                self.release(*node, record);
            }
            Event::Published { nodes } => {
                for node in nodes {
                    self.unpublished.remove(node);
                }
            }
            Event::Due { node } => self.due(*node),
            Event::Succeeded(success) => self.succeed(success, at),
            Event::Failed(failure) => self.fail(failure, at),
            Event::Lost { node, attempt } => self.lose(*node, *attempt),
            Event::Granted { node, attempt, payload_digest, .. } => self.grant(*node, *attempt, *payload_digest),
            Event::OutcomeUnknown { node, attempt } => self.lose_sight(*node, *attempt),
            Event::Halted { task, reason } => self.halt(*task, *reason),
            Event::Joined { task, state } => self.join(*task, *state, at),
            Event::Directed { id, order, .. } => {
                self.directives.insert(*id);
                match order {
                    Order::Cancel => self.start_nothing(|job| &mut job.cancelled),
                    Order::Approve { .. } | Order::Reject { .. } | Order::Answer { .. } | Order::Rerun { .. } => {}
                }
            }
            Event::BudgetSpent => self.start_nothing(|job| &mut job.budget_spent),
            Event::Ended { state, result } => self.end(*state, *result, at),
            // A refusal is answered at once, anything else after the end.
            Event::Answered => self.answered |= self.refused.is_some(),
        }
    }

    /// Fits the first plan of a job that was not refused.
    fn accept(&mut self, accepted: &Arc<Accepted>) {
        if self.accepted.is_some() || self.refused.is_some() {
            return;
        }
        self.state = JobState::InProgress;
        self.graph = Graph::of(&accepted.plan);
        self.files = Arc::new(accepted.plan.files.clone());
        self.open_by_pool = vec![0; self.graph.pools().len()];
        self.releasable = vec![BTreeSet::new(); self.graph.pools().len()];
        self.tasks = self
            .graph
            .waiting()
            .into_iter()
            .map(|waiting_on| TaskRecord { waiting_on, ..TaskRecord::default() })
            .collect();
        self.undecided =
            self.tasks.iter().zip(0..).filter(|(task, _)| task.waiting_on == 0).map(|(_, place)| place).collect();
        self.unended = self.tasks.len();
        self.tally[TaskState::Pending as usize] = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        self.accepted = Some(Arc::clone(accepted));
        if let Some(reply_to) = &accepted.reply_to {
            self.ask(reply_to);
        }
    }

    /// Fits whoever is not known yet.
    fn refuse(&mut self, refused: &Arc<Refused>, at: Millis) {
        if self.accepted.is_none() {
            self.refused = Some(Arc::clone(refused));
            self.state = JobState::Failed;
            self.result = Some(JobResult::Failed);
            self.ended_at = Some(at);
        }
    }

    fn ask(&mut self, reply_to: &ReplyTo) {
        if !self.askers.contains(reply_to) {
            self.askers.push(reply_to.clone());
        }
    }

    /// From now on nothing is released, for the reason that this figure stands for.
    fn start_nothing(&mut self, why: impl FnOnce(&mut Self) -> &mut bool) {
        *why(self) = true;
        self.releasable.iter_mut().for_each(BTreeSet::clear);
    }

    /// Fits a state in which nothing more happens.
    fn end(&mut self, state: JobState, result: JobResult, at: Millis) {
        if state.ended() {
            self.state = state;
            self.result = Some(result);
            self.ended_at = Some(at);
            self.releasable.iter_mut().for_each(BTreeSet::clear);
        }
    }

    /// Fits an undecided task that is no fan-out.
    fn ready(&mut self, task: u32) {
        if self.fans_out(task) || !self.undecided.remove(&task) {
            return;
        }
        if let Some(record) = self.tasks.get_mut(task as usize) {
            record.node.state = TaskState::Ready;
        }
        self.set_task_state(task, TaskState::Ready);
        self.refresh(task);
    }

    /// Fits an undecided fan-out, with as many keys as items and no more items than there may be.
    fn fan_out(&mut self, task: u32, items: u32, keys: Option<&Arc<Vec<String>>>, at: Millis) {
        let count = items as usize;
        let proper = count <= FAN_OUT_ITEMS_MAX && keys.is_none_or(|keys| keys.len() == count);
        if !proper || !self.fans_out(task) || !self.undecided.remove(&task) {
            return;
        }
        let Some(record) = self.tasks.get_mut(task as usize) else { return };
        let ready = NodeRecord { state: TaskState::Ready, ..NodeRecord::default() };
        record.started_at = (items == 0).then_some(at);
        let items = vec![ready; count];
        record.fan = Some(Box::new(FanRecord { keys: keys.cloned(), items, ..FanRecord::default() }));
        self.set_task_state(task, TaskState::Ready);
        self.refresh(task);
    }

    /// Fits an undecided task.
    fn skip(&mut self, task: u32, at: Millis) {
        if self.undecided.contains(&task) {
            self.end_task(task, TaskState::Skipped, at);
        }
    }

    /// Fits a task that has not ended, caused by a task of the plan. What it has under way is given up.
    fn stop(&mut self, task: u32, reason: StopReason, cause: u32, at: Millis) {
        if cause as usize >= self.tasks.len() {
            return;
        }
        let Some(record) = self.tasks.get_mut(task as usize).filter(|record| !record.state.ended()) else { return };
        record.caused_by = (cause != task).then_some(cause);
        record.stop = Some(reason);
        if let Some(total) = record.fan.as_ref().map(|fan| fan.total()) {
            for item in 0..total {
                self.stop_item(Node::item(task, item));
            }
            if let Some(fan) = self.fan_mut(task) {
                fan.halted.get_or_insert(reason);
            }
        } else {
            self.close_attempt(Node::task(task));
        }
        self.end_task(task, TaskState::Stopped, at);
    }

    /// Fits a fan-out that has not ended and was not halted before.
    fn halt(&mut self, task: u32, reason: StopReason) {
        if self.task(task).is_none_or(|record| record.state.ended()) {
            return;
        }
        let Some(fan) = self.fan_mut(task).filter(|fan| fan.halted.is_none()) else { return };
        fan.halted = Some(reason);
        let (next, total) = (fan.next, fan.total());
        for item in next..total {
            self.stop_item(Node::item(task, item));
        }
        self.refresh(task);
    }

    /// Fits a fan-out whose items have all ended.
    fn join(&mut self, task: u32, state: TaskState, at: Millis) {
        if self.unjoined.contains(&task) && matches!(state, TaskState::Succeeded | TaskState::Failed) {
            self.end_task(task, state, at);
        }
    }

    fn stop_item(&mut self, node: Node) {
        if self.node(node).is_none_or(|item| item.state.ended()) {
            return;
        }
        self.close_attempt(node);
        self.forget_retry(node);
        if let Some(item) = self.node_mut(node) {
            item.state = TaskState::Stopped;
        }
        if let Some(fan) = self.fan_mut(node.task) {
            fan.stopped += 1;
        }
    }

    fn end_task(&mut self, task: u32, state: TaskState, at: Millis) {
        let Some(record) = self.tasks.get_mut(task as usize).filter(|record| !record.state.ended()) else { return };
        record.ended_at = Some(at);
        if record.fan.is_none() {
            record.node.state = state;
            self.forget_retry(Node::task(task));
        }
        self.set_task_state(task, state);
        self.undecided.remove(&task);
        self.refresh(task);
        self.unended = self.unended.saturating_sub(1);
        for place in 0..self.graph.dependents(task).len() {
            let dependent = self.graph.dependents(task)[place];
            if let Some(waiting) = self.tasks.get_mut(dependent as usize) {
                waiting.waiting_on = waiting.waiting_on.saturating_sub(1);
                if waiting.waiting_on == 0 && waiting.state == TaskState::Pending {
                    self.undecided.insert(dependent);
                }
            }
        }
    }

    /// The one place where a task's state changes, so that the tally stays true.
    fn set_task_state(&mut self, task: u32, state: TaskState) {
        if let Some(record) = self.tasks.get_mut(task as usize) {
            let before = std::mem::replace(&mut record.state, state);
            self.tally[before as usize] = self.tally[before as usize].saturating_sub(1);
            self.tally[state as usize] += 1;
        }
    }

    /// Brings up to date whether something of a task may be released, joined or halted.
    fn refresh(&mut self, task: u32) {
        let rule = self.plan().and_then(|plan| plan.tasks.get(task as usize)?.fan_out.as_ref());
        let (limit, early) =
            (rule.and_then(|rule| rule.max_parallel), rule.is_some_and(|rule| rule.fail.stops_early()));
        let open = self.state == JobState::InProgress && !self.budget_spent && !self.cancelled;
        let Some(record) = self.tasks.get(task as usize) else { return };
        let (may, join, fail) = match &record.fan {
            None => (record.state == TaskState::Ready, false, false),
            Some(_) if record.state.ended() => (false, false, false),
            Some(fan) => {
                let unstarted = fan.halted.is_none() && fan.next < fan.total();
                let room = limit.is_none_or(|limit| fan.open < limit);
                (room && fan.next_ready().is_some(), fan.ended(), early && unstarted && fan.failed > 0)
            }
        };
        put(&mut self.unjoined, task, join);
        put(&mut self.failing, task, fail);
        let entry = (Reverse(self.graph.priority_of(task)), task);
        if let Some(pool) = self.releasable.get_mut(self.graph.pool_of(task)) {
            put(pool, entry, open && may);
        }
    }

    fn fans_out(&self, task: u32) -> bool {
        self.plan().and_then(|plan| plan.tasks.get(task as usize)).is_some_and(|task| task.fan_out.is_some())
    }

    fn fan_mut(&mut self, task: u32) -> Option<&mut FanRecord> {
        self.tasks.get_mut(task as usize)?.fan.as_deref_mut()
    }

    fn node_mut(&mut self, node: Node) -> Option<&mut NodeRecord> {
        let task = self.tasks.get_mut(node.task as usize)?;
        match (node.item, task.fan.as_deref_mut()) {
            (None, None) => Some(&mut task.node),
            (Some(item), Some(fan)) => fan.items.get_mut(item as usize),
            (None, Some(_)) | (Some(_), None) => None,
        }
    }
}

fn put<T: Ord>(set: &mut BTreeSet<T>, item: T, belongs: bool) {
    if belongs {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}
