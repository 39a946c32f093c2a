//! The state of a job: a fold over its log, and nothing else can change it.
//!
//! Every figure that deciding needs (what may be released, what waits for a decision, how many attempts
//! are open) is kept by [`Job::evolve`] itself, so that one event costs the same in a job of four tasks
//! and in one of a million.

mod evolve;
mod graph;
mod record;
mod state;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::Millis;
use crate::event::{Accepted, Refused};
use crate::id::{DirectiveId, JobId, Node};
use crate::message::ReplyTo;
use crate::plan::{Plan, PlanFile, Priority};

pub use graph::Graph;
pub use record::{AttemptRecord, FanRecord, NodeRecord, TaskRecord};
pub use state::{JobResult, JobState, TaskState};

/// A job, as its log has it.
#[derive(Clone, Debug)]
pub struct Job {
    id: JobId,
    seq: u64,
    state: JobState,
    result: Option<crate::job::JobResult>,
    created_at: Millis,
    ended_at: Option<Millis>,
    accepted: Option<Arc<Accepted>>,
    refused: Option<Arc<Refused>>,
    files: Arc<BTreeMap<String, PlanFile>>,
    graph: Graph,
    tasks: Vec<TaskRecord>,
    askers: Vec<ReplyTo>,
    tally: [u32; TaskState::COUNT],
    undecided: BTreeSet<u32>,
    failing: BTreeSet<u32>,
    unjoined: BTreeSet<u32>,
    releasable: Vec<BTreeSet<(Reverse<Priority>, u32)>>,
    retries: BTreeSet<(Millis, Node)>,
    unpublished: BTreeSet<Node>,
    open_by_pool: Vec<u32>,
    unended: usize,
    directives: BTreeSet<DirectiveId>,
    inline_bytes: usize,
    budget_spent: bool,
    cancelled: bool,
    answered: bool,
}

impl Job {
    /// A job of which nothing is known yet.
    pub fn new(id: JobId) -> Self {
        Self {
            id,
            seq: 0,
            state: JobState::Planning,
            result: None,
            created_at: 0,
            ended_at: None,
            accepted: None,
            refused: None,
            files: Arc::default(),
            graph: Graph::default(),
            tasks: Vec::new(),
            askers: Vec::new(),
            tally: [0; TaskState::COUNT],
            undecided: BTreeSet::new(),
            failing: BTreeSet::new(),
            unjoined: BTreeSet::new(),
            releasable: Vec::new(),
            retries: BTreeSet::new(),
            unpublished: BTreeSet::new(),
            open_by_pool: Vec::new(),
            unended: 0,
            directives: BTreeSet::new(),
            inline_bytes: 0,
            budget_spent: false,
            cancelled: false,
            answered: false,
        }
    }

    /// Its id.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Events so far; the next one has this number plus one.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// How it stands.
    pub const fn state(&self) -> JobState {
        self.state
    }

    /// What it came to, once it has ended.
    pub const fn result(&self) -> Option<JobResult> {
        self.result
    }

    /// When its first event was recorded.
    pub const fn created_at(&self) -> Millis {
        self.created_at
    }

    /// When it ended.
    pub const fn ended_at(&self) -> Option<Millis> {
        self.ended_at
    }

    /// How it was accepted, once it was.
    pub fn accepted(&self) -> Option<&Arc<Accepted>> {
        self.accepted.as_ref()
    }

    /// How it was refused, if it was.
    pub fn refused(&self) -> Option<&Arc<Refused>> {
        self.refused.as_ref()
    }

    /// Its plan, once it has one.
    pub fn plan(&self) -> Option<&Plan> {
        self.accepted.as_deref().map(|accepted| &*accepted.plan)
    }

    /// The plan's files, shared by all of its assignments.
    pub fn files(&self) -> Arc<BTreeMap<String, PlanFile>> {
        Arc::clone(&self.files)
    }

    /// The plan's dependencies by index.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Every task, in the plan's order.
    pub fn tasks(&self) -> &[TaskRecord] {
        &self.tasks
    }

    /// One task.
    pub fn task(&self, task: u32) -> Option<&TaskRecord> {
        self.tasks.get(task as usize)
    }

    /// A task or an item.
    pub fn node(&self, node: Node) -> Option<&NodeRecord> {
        let task = self.task(node.task)?;
        match (node.item, &task.fan) {
            (None, None) => Some(&task.node),
            (Some(item), Some(fan)) => fan.items.get(item as usize),
            (None, Some(_)) | (Some(_), None) => None,
        }
    }

    /// The name of a node for people: `validate`, or `deadlines[TX]`.
    pub fn name(&self, node: Node) -> String {
        let id = self.plan().and_then(|plan| plan.tasks.get(node.task as usize)).map_or("?", |task| task.id.as_str());
        match (node.item, self.task(node.task).and_then(|task| task.fan.as_deref())) {
            (Some(item), Some(fan)) => format!("{id}[{}]", fan.key(item)),
            (Some(item), None) => format!("{id}[{item}]"),
            (None, _) => id.to_owned(),
        }
    }

    /// The recorded value at a JSON pointer in a task's outputs. Of a fan-out the first part of the pointer is the
    /// item; one that was stopped has what its items came to, one that failed has no outputs. Nor has a task that
    /// its name does not lead to.
    pub fn output(&self, task: u32, pointer: &str) -> Option<Cow<'_, Value>> {
        let has_outputs = |record: &&TaskRecord| matches!(record.state, TaskState::Succeeded | TaskState::Stopped);
        let record = self.task(task).filter(has_outputs)?;
        let name = &self.plan()?.tasks.get(task as usize)?.id;
        self.graph.place(name).filter(|place| *place == task)?;
        match &record.fan {
            None => record.node.outputs.as_ref()?.pointer(pointer).map(Cow::Borrowed),
            Some(fan) if pointer.is_empty() => Some(Cow::Owned(fan.outputs())),
            Some(fan) => {
                let rest = pointer.strip_prefix('/')?;
                let (item, rest) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
                // As RFC 6901 writes an index, so that one value has one pointer: no sign, no leading zero.
                let index = item.parse::<usize>().ok().filter(|index| index.to_string() == item)?;
                fan.items.get(index)?.outputs.as_ref()?.pointer(rest).map(Cow::Borrowed)
            }
        }
    }

    /// Tasks whose dependencies have ended and about which nothing is decided yet.
    pub fn undecided(&self) -> impl Iterator<Item = u32> {
        self.undecided.iter().copied()
    }

    /// Who wants the answer.
    pub fn askers(&self) -> &[ReplyTo] {
        &self.askers
    }

    /// How many tasks stand like this; a fan-out counts once.
    pub const fn tally(&self, state: TaskState) -> u32 {
        self.tally[state as usize]
    }

    /// Fan-outs that stop at their first failure, have one, and have items that have not started.
    pub fn failing(&self) -> impl Iterator<Item = u32> {
        self.failing.iter().copied()
    }

    /// Fan-outs whose items have all ended and that are not joined yet.
    pub fn unjoined(&self) -> impl Iterator<Item = u32> {
        self.unjoined.iter().copied()
    }

    /// Tasks of which something may be released now, of all pools.
    pub fn releasable(&self) -> impl Iterator<Item = u32> {
        self.releasable.iter().flatten().map(|(_, task)| *task)
    }

    /// Tasks of one pool of [`Graph::pools`] of which something may be released now: high priority first, then the plan's order.
    pub fn releasable_in(&self, pool: usize) -> impl Iterator<Item = u32> {
        self.releasable.get(pool).into_iter().flatten().map(|(_, task)| *task)
    }

    /// The next node of a releasable task.
    pub fn next_releasable(&self, task: u32) -> Option<Node> {
        let pool = self.releasable.get(self.graph.pool_of(task))?;
        if !pool.contains(&(Reverse(self.graph.priority_of(task)), task)) {
            return None;
        }
        let record = self.task(task)?;
        match &record.fan {
            None => Some(Node::task(task)),
            Some(fan) => fan.next_ready().map(|item| Node::item(task, item)),
        }
    }

    /// Retries by the time at which they are due.
    pub fn retries(&self) -> impl Iterator<Item = (Millis, Node)> {
        self.retries.iter().copied()
    }

    /// Releases whose confirm is not recorded: a new owner publishes them again.
    pub fn unpublished(&self) -> impl Iterator<Item = Node> {
        self.unpublished.iter().copied()
    }

    /// Attempts released and not reported, of one pool of [`Graph::pools`].
    pub fn open(&self, pool: usize) -> u32 {
        self.open_by_pool.get(pool).copied().unwrap_or(0)
    }

    /// Attempts released and not reported, of all pools.
    pub fn open_total(&self) -> u32 {
        self.open_by_pool.iter().sum()
    }

    /// Every node whose attempt is released and not reported. Walks the whole job: for recovery, not for deciding.
    pub fn running(&self) -> impl Iterator<Item = Node> {
        (0..u32::try_from(self.tasks.len()).unwrap_or(u32::MAX)).flat_map(|task| self.running_of(task))
    }

    /// The nodes of one task whose attempt is released and not reported. Walks its items.
    pub fn running_of(&self, task: u32) -> Vec<Node> {
        let Some(record) = self.task(task) else { return Vec::new() };
        let runs = |node: &NodeRecord| node.state == TaskState::Running;
        match &record.fan {
            None => runs(&record.node).then(|| Node::task(task)).into_iter().collect(),
            Some(fan) => {
                let running = fan.items.iter().zip(0_u32..).filter(|(item, _)| runs(item));
                running.map(|(_, item)| Node::item(task, item)).collect()
            }
        }
    }

    /// Tasks that have not ended.
    pub const fn unended(&self) -> usize {
        self.unended
    }

    /// Figures of which at least one differs after every step that follows from the state alone, so that
    /// whoever takes such steps can tell a step that changes nothing.
    pub fn progress(&self) -> impl PartialEq + use<> {
        let waiting = (self.undecided.len(), self.unjoined.len(), self.failing.len(), self.retries.len());
        (self.state, self.unended, self.budget_spent, waiting)
    }

    /// Whether a directive with this id is recorded.
    pub fn knows_directive(&self, id: DirectiveId) -> bool {
        self.directives.contains(&id)
    }

    /// All recorded outputs together, in bytes of their JSON form, roughly.
    pub const fn inline_bytes(&self) -> usize {
        self.inline_bytes
    }

    /// Whether a budget is spent.
    pub const fn budget_spent(&self) -> bool {
        self.budget_spent
    }

    /// Whether a person wants it to end: from then on nothing is released.
    pub const fn cancelled(&self) -> bool {
        self.cancelled
    }

    /// Whether the answer's confirm is recorded.
    pub const fn answered(&self) -> bool {
        self.answered
    }
}
