//! What happened to the tries of a task or of an item.
//!
//! Every change of a node's state goes through here, so that the open attempts, the retries and a
//! fan-out's counters follow it in one place.

use std::sync::Arc;

use super::super::{AttemptRecord, Job, TaskState};
use crate::Millis;
use crate::canonical::Sha256;
use crate::confidence::Confidence;
use crate::event::{Failure, Success};
use crate::id::{AttemptId, Node};

impl Job {
    /// Fits the node that is the next to be released of its task.
    pub(super) fn release(&mut self, node: Node, attempt: AttemptRecord) {
        if self.next_releasable(node.task) != Some(node) {
            return;
        }
        let released_at = attempt.released_at;
        let Some(record) = self.node_mut(node) else { return };
        record.state = TaskState::Running;
        record.attempts += 1;
        if let Some(before) = record.attempt.replace(attempt) {
            record.earlier.push((before.id, before.input_digest));
        }
        if let Some(task) = self.tasks.get_mut(node.task as usize) {
            task.started_at.get_or_insert(released_at);
        }
        self.set_task_state(node.task, TaskState::Running);
        self.take_offer(node);
        if let (Some(_), Some(fan)) = (node.item, self.fan_mut(node.task)) {
            fan.open += 1;
        }
        let pool = self.graph.pool_of(node.task);
        if let Some(open) = self.open_by_pool.get_mut(pool) {
            *open += 1;
        }
        self.unpublished.insert(node);
        self.refresh(node.task);
    }

    /// Fits a node that waits for its retry.
    pub(super) fn due(&mut self, node: Node) {
        if self.node(node).is_some_and(|record| record.state == TaskState::Retrying) {
            self.forget_retry(node);
            self.offer_again(node);
        }
    }

    /// Fits a node that has not ended and an attempt of it, also an earlier one: the first success wins.
    pub(super) fn succeed(&mut self, success: &Success, at: Millis) {
        let node = success.node;
        let known = |record: &super::NodeRecord| !record.state.ended() && record.known_input(success.attempt).is_some();
        if !self.node(node).is_some_and(known) {
            return;
        }
        self.close_attempt(node);
        self.forget_retry(node);
        let Some(record) = self.node_mut(node) else { return };
        record.state = TaskState::Succeeded;
        record.outputs = Some(Arc::clone(&success.outputs));
        record.confidence = Some(Confidence::from_evidence(&success.evidence));
        record.evidence.clone_from(&success.evidence);
        record.warnings.clone_from(&success.warnings);
        record.low_confidence = success.low_confidence;
        record.error = None;
        record.cpu_ms = record.cpu_ms.saturating_add(success.usage.cpu_ms);
        record.max_rss_bytes = record.max_rss_bytes.max(success.usage.max_rss_bytes);
        self.inline_bytes = self.inline_bytes.saturating_add(crate::value::json_bytes(&success.outputs));
        match (node.item, self.fan_mut(node.task)) {
            (Some(_), Some(fan)) => {
                fan.succeeded += 1;
                self.refresh(node.task);
            }
            (Some(_) | None, _) => self.end_task(node.task, TaskState::Succeeded, at),
        }
    }

    /// Fits as [`Job::may_fail`] says.
    pub(super) fn fail(&mut self, failure: &Failure, at: Millis) {
        let node = failure.node;
        if !self.may_fail(failure) {
            return;
        }
        self.close_attempt(node);
        self.forget_retry(node);
        self.take_offer(node);
        let Some(record) = self.node_mut(node) else { return };
        record.error = Some(Box::new(failure.error.clone()));
        if let Some(usage) = &failure.usage {
            record.cpu_ms = record.cpu_ms.saturating_add(usage.cpu_ms);
            record.max_rss_bytes = record.max_rss_bytes.max(usage.max_rss_bytes);
        }
        if let Some(retry_at) = failure.retry_at {
            record.retry_at = Some(retry_at);
            self.retries.insert((retry_at, node));
            self.set_node_state(node, TaskState::Retrying);
            return;
        }
        record.state = TaskState::Failed;
        match (node.item, self.fan_mut(node.task)) {
            (Some(_), Some(fan)) => {
                fan.failed += 1;
                self.refresh(node.task);
            }
            (Some(_) | None, _) => self.end_task(node.task, TaskState::Failed, at),
        }
    }

    /// Whether a failure fits. One of an attempt: when that is the newest and its fate is open. One without:
    /// when nothing is under way and the node's turn has come; a task that was never ready has nothing to retry.
    fn may_fail(&self, failure: &Failure) -> bool {
        let node = failure.node;
        let Some(record) = self.node(node) else { return false };
        match record.state {
            TaskState::Running => failure.attempt.is_some_and(|attempt| self.newest(node, attempt)),
            TaskState::OutcomeUnknown => failure.attempt.is_none_or(|attempt| self.newest(node, attempt)),
            TaskState::Pending => {
                failure.attempt.is_none() && failure.retry_at.is_none() && self.undecided.contains(&node.task)
            }
            TaskState::Ready => failure.attempt.is_none() && self.offered(node),
            TaskState::Retrying | TaskState::AwaitingApproval | TaskState::Escalated => failure.attempt.is_none(),
            TaskState::Succeeded
            | TaskState::Failed
            | TaskState::Skipped
            | TaskState::Stopped
            | TaskState::Cancelled => false,
        }
    }

    /// Fits the newest attempt of a running node.
    pub(super) fn lose(&mut self, node: Node, attempt: AttemptId) {
        if !self.under_way(node, attempt) {
            return;
        }
        self.close_attempt(node);
        if let Some(record) = self.node_mut(node) {
            record.losses += 1;
            record.attempts = record.attempts.saturating_sub(1);
        }
        self.offer_again(node);
    }

    /// Fits the newest attempt of a running node.
    pub(super) fn grant(&mut self, node: Node, attempt: AttemptId, payload_digest: Sha256) {
        if self.under_way(node, attempt)
            && let Some(record) = self.node_mut(node).and_then(|record| record.attempt.as_mut())
        {
            record.granted = Some(payload_digest);
        }
    }

    /// Fits the newest attempt of a running node.
    pub(super) fn lose_sight(&mut self, node: Node, attempt: AttemptId) {
        if self.under_way(node, attempt) {
            self.close_attempt(node);
            self.set_node_state(node, TaskState::OutcomeUnknown);
        }
    }

    /// Takes a node's attempt out of the open ones, where it is among them, and the node out of those to be repeated.
    pub(super) fn close_attempt(&mut self, node: Node) {
        self.unpublished.remove(&node);
        let running = self.node(node).is_some_and(|record| record.state == TaskState::Running);
        if let (Some(item), Some(fan)) = (node.item, self.fan_mut(node.task)) {
            fan.again.remove(&item);
            fan.open = fan.open.saturating_sub(u32::from(running));
        }
        let pool = self.graph.pool_of(node.task);
        if let Some(open) = self.open_by_pool.get_mut(pool) {
            *open = open.saturating_sub(u32::from(running));
        }
    }

    pub(super) fn forget_retry(&mut self, node: Node) {
        if let Some(retry_at) = self.node_mut(node).and_then(|record| record.retry_at.take()) {
            self.retries.remove(&(retry_at, node));
        }
    }

    /// Makes a retried or lost node ready once more.
    fn offer_again(&mut self, node: Node) {
        if let (Some(item), Some(fan)) = (node.item, self.fan_mut(node.task)) {
            fan.again.insert(item);
        }
        self.set_node_state(node, TaskState::Ready);
    }

    /// Whether a ready node's turn has come: an item's comes in the order of the items.
    fn offered(&self, node: Node) -> bool {
        let fan = self.task(node.task).and_then(|task| task.fan.as_ref());
        match (node.item, fan) {
            (Some(item), Some(fan)) => item == fan.next || fan.again.contains(&item),
            (Some(_) | None, _) => true,
        }
    }

    /// An item whose turn has come will not come again by itself.
    fn take_offer(&mut self, node: Node) {
        if let (Some(item), Some(fan)) = (node.item, self.fan_mut(node.task))
            && !fan.again.remove(&item)
            && fan.next == item
        {
            fan.next += 1;
        }
    }

    fn newest(&self, node: Node, attempt: AttemptId) -> bool {
        self.node(node).and_then(|record| record.attempt.as_ref()).is_some_and(|newest| newest.id == attempt)
    }

    fn under_way(&self, node: Node, attempt: AttemptId) -> bool {
        self.newest(node, attempt) && self.node(node).is_some_and(|record| record.state == TaskState::Running)
    }

    fn set_node_state(&mut self, node: Node, state: TaskState) {
        if let Some(record) = self.node_mut(node) {
            record.state = state;
        }
        if node.item.is_none() {
            self.set_task_state(node.task, state);
        }
        self.refresh(node.task);
    }
}
