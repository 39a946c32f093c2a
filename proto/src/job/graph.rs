//! A plan's dependencies by index, computed once.

use std::collections::{HashMap, HashSet};

use crate::plan::{Plan, Priority};

/// Who needs whom, by the tasks' places in the plan.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    index: HashMap<String, u32>,
    all: Vec<Vec<u32>>,
    any: Vec<Vec<u32>>,
    dependents: Vec<Vec<u32>>,
    pools: Vec<String>,
    pool_of: Vec<usize>,
    priority_of: Vec<Priority>,
}

impl Graph {
    /// The graph of a plan. A dependency that the plan does not have is left out; the compiler refuses such plans.
    pub fn of(plan: &Plan) -> Self {
        let index: HashMap<String, u32> =
            plan.tasks.iter().zip(0..).map(|(task, place)| (task.id.clone(), place)).collect();
        let places = |names: &[String]| -> Vec<u32> {
            let mut seen = HashSet::new();
            names.iter().filter_map(|name| index.get(name).copied()).filter(|place| seen.insert(*place)).collect()
        };
        let all: Vec<_> = plan.tasks.iter().map(|task| places(&task.needs.all)).collect();
        let any: Vec<_> = plan.tasks.iter().map(|task| places(&task.needs.any)).collect();
        let mut dependents = vec![Vec::new(); plan.tasks.len()];
        for (task, place) in plan.tasks.iter().zip(0_u32..) {
            let mut needed: Vec<u32> = task.needs.iter().filter_map(|name| index.get(name).copied()).collect();
            needed.sort_unstable();
            needed.dedup();
            for dependency in needed {
                dependents[dependency as usize].push(place);
            }
        }
        let mut pools: Vec<String> = Vec::new();
        let pool_of = plan
            .tasks
            .iter()
            .map(|task| {
                pools.iter().position(|pool| pool == task.pool()).unwrap_or_else(|| {
                    pools.push(task.pool().to_owned());
                    pools.len() - 1
                })
            })
            .collect();
        let priority_of = plan.tasks.iter().map(|task| task.priority.unwrap_or(plan.priority)).collect();
        Self { index, all, any, dependents, pools, pool_of, priority_of }
    }

    /// The place of the task with this name.
    pub fn place(&self, name: &str) -> Option<u32> {
        self.index.get(name).copied()
    }

    /// The dependencies of a task that must all be satisfied, each once.
    pub fn all(&self, task: u32) -> &[u32] {
        self.all.get(task as usize).map_or(&[], Vec::as_slice)
    }

    /// The dependencies of a task of which one must be satisfied, each once.
    pub fn any(&self, task: u32) -> &[u32] {
        self.any.get(task as usize).map_or(&[], Vec::as_slice)
    }

    /// All direct dependencies of a task; one that stands in both lists comes twice.
    pub fn dependencies(&self, task: u32) -> impl Iterator<Item = u32> {
        self.all(task).iter().chain(self.any(task)).copied()
    }

    /// The tasks that directly need this one, each once.
    pub fn dependents(&self, task: u32) -> &[u32] {
        self.dependents.get(task as usize).map_or(&[], Vec::as_slice)
    }

    /// How many different tasks must end before each task is decided.
    pub(super) fn waiting(&self) -> Vec<u32> {
        let mut waiting = vec![0; self.dependents.len()];
        for dependent in self.dependents.iter().flatten() {
            waiting[*dependent as usize] += 1;
        }
        waiting
    }

    /// The pools that the plan's tasks name.
    pub fn pools(&self) -> &[String] {
        &self.pools
    }

    /// The task's priority within its job.
    pub fn priority_of(&self, task: u32) -> Priority {
        self.priority_of.get(task as usize).copied().unwrap_or_default()
    }

    /// The place of a task's pool in [`Graph::pools`].
    pub fn pool_of(&self, task: u32) -> usize {
        self.pool_of.get(task as usize).copied().unwrap_or(0)
    }
}
