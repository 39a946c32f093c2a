//! What the log says of a task, an item and an attempt.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::TaskState;
use crate::Millis;
use crate::canonical::Sha256;
use crate::confidence::{Confidence, Evidence};
use crate::event::StopReason;
use crate::failure::TaskError;
use crate::id::AttemptId;

/// A task of the plan.
#[derive(Clone, Debug, Default)]
pub struct TaskRecord {
    /// How it stands; of a fan-out, as a whole.
    pub state: TaskState,
    /// Dependencies that have not ended.
    pub waiting_on: u32,
    /// The task's own run, where it is no fan-out.
    pub node: NodeRecord,
    /// Its items, where it is one.
    pub fan: Option<Box<FanRecord>>,
    /// The task where a stop began.
    pub caused_by: Option<u32>,
    /// Why it was stopped.
    pub stop: Option<StopReason>,
    /// When its first attempt was released.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

/// A single task's run, or one item of a fan-out.
#[derive(Clone, Debug, Default)]
pub struct NodeRecord {
    /// How it stands.
    pub state: TaskState,
    /// The newest attempt.
    pub attempt: Option<AttemptRecord>,
    /// Attempts before it, whose late success still counts.
    pub earlier: Vec<(AttemptId, Sha256)>,
    /// Attempts that count, the newest among them.
    pub attempts: u32,
    /// Attempts that were lost with their worker.
    pub losses: u32,
    /// When it is tried again, while it waits for that.
    pub retry_at: Option<Millis>,
    /// Its outputs, a map.
    pub outputs: Option<Arc<Value>>,
    /// What they rest on.
    pub evidence: Vec<Evidence>,
    /// How sure they are.
    pub confidence: Option<Confidence>,
    /// Checks that did not hold and only warn.
    pub warnings: Vec<u32>,
    /// Whether it was accepted although it is less sure than the task wants.
    pub low_confidence: bool,
    /// Why its newest attempt failed.
    pub error: Option<Box<TaskError>>,
    /// Processor time of all attempts, in milliseconds.
    pub cpu_ms: u64,
    /// The largest resident set of any attempt, in bytes.
    pub max_rss_bytes: u64,
}

/// An attempt that was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Which.
    pub id: AttemptId,
    /// Of what it was released with.
    pub input_digest: Sha256,
    /// When it was released.
    pub released_at: Millis,
    /// Of what it was granted with, where it has effects.
    pub granted: Option<Sha256>,
}

impl TaskRecord {
    /// Attempts that count; of a fan-out those of all its items.
    pub fn attempts(&self) -> u32 {
        match &self.fan {
            None => self.node.attempts,
            Some(fan) => fan.items.iter().map(|item| item.attempts).sum(),
        }
    }

    /// Why it did not succeed; of a fan-out the first failed item's error.
    pub fn error(&self) -> Option<&TaskError> {
        let failing = match &self.fan {
            None => Some(&self.node),
            Some(fan) => fan.items.iter().find(|item| item.state == TaskState::Failed),
        };
        failing.and_then(|node| node.error.as_deref())
    }
}

impl NodeRecord {
    /// The input digest that the log has for an attempt of this node.
    pub fn known_input(&self, attempt: AttemptId) -> Option<Sha256> {
        let newest = self.attempt.as_ref().filter(|newest| newest.id == attempt).map(|newest| newest.input_digest);
        newest.or_else(|| self.earlier.iter().find(|(id, _)| *id == attempt).map(|(_, digest)| *digest))
    }
}

/// The items of a fan-out.
#[derive(Clone, Debug, Default)]
pub struct FanRecord {
    /// Keys by item, where they are not the indexes.
    pub keys: Option<Arc<Vec<String>>>,
    /// The items.
    pub items: Vec<NodeRecord>,
    /// The first item that was never released.
    pub next: u32,
    /// Items that were released before and may be released again.
    pub again: BTreeSet<u32>,
    /// Items whose attempt is released and not reported.
    pub open: u32,
    /// Items that succeeded.
    pub succeeded: u32,
    /// Items that failed.
    pub failed: u32,
    /// Items that will not start.
    pub stopped: u32,
    /// Why items that have not started will not start.
    pub halted: Option<StopReason>,
}

impl FanRecord {
    /// The key of an item.
    pub fn key(&self, item: u32) -> String {
        self.keys.as_ref().and_then(|keys| keys.get(item as usize).cloned()).unwrap_or_else(|| item.to_string())
    }

    /// The item with this key.
    pub fn item(&self, key: &str) -> Option<u32> {
        let place = match &self.keys {
            Some(keys) => keys.iter().position(|known| known == key)?,
            None => key.parse().ok().filter(|place| *place < self.items.len())?,
        };
        u32::try_from(place).ok()
    }

    /// The items' outputs in item order, `null` for an item without.
    pub fn outputs(&self) -> Value {
        self.items.iter().map(|item| item.outputs.as_deref().cloned().unwrap_or(Value::Null)).collect()
    }

    /// How many items there are.
    pub fn total(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }

    /// The item to release next, repetitions first.
    pub fn next_ready(&self) -> Option<u32> {
        let fresh = (self.halted.is_none() && self.next < self.total()).then_some(self.next);
        self.again.first().copied().or(fresh)
    }

    /// Whether every item has ended.
    pub fn ended(&self) -> bool {
        self.succeeded + self.failed + self.stopped >= self.total()
    }
}
