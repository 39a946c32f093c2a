//! Where an expression stands, and what may be read there.

/// A place for expressions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// The task it belongs to.
    pub(super) task: Option<usize>,
    /// Names that may be read beside `inputs`, such as `item`.
    pub(super) names: &'static [&'static str],
    pub(super) tasks: TaskAccess,
    pub(super) secrets: bool,
    pub(super) inputs: bool,
    pub(super) env: EnvAccess,
    /// Whether what it gives can be tried with sample values.
    pub(super) sampled: bool,
}

/// Which tasks may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskAccess {
    /// None: no task has run when this is read.
    None,
    /// Those that the site's own task waits for.
    Needed,
    /// All: everything has ended.
    All,
}

/// Which values of an environment may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EnvAccess {
    /// None: they are not worked out yet.
    None,
    /// The workflow's.
    Workflow,
    /// Those of the workflow and the task, but for one that needs an item: the items are not there yet.
    Decision,
    /// Those of the workflow and the task.
    Attempt,
}

const WORKFLOW: Site = Site {
    task: None,
    names: &["run"],
    tasks: TaskAccess::None,
    secrets: false,
    inputs: true,
    env: EnvAccess::None,
    sampled: true,
};

impl Site {
    pub(super) const fn workflow_env() -> Self {
        Self { secrets: true, ..WORKFLOW }
    }

    pub(super) const fn fairness_key() -> Self {
        Self { env: EnvAccess::Workflow, ..WORKFLOW }
    }

    pub(super) const fn input_default() -> Self {
        Self { inputs: false, ..WORKFLOW }
    }

    pub(super) const fn answer() -> Self {
        Self { tasks: TaskAccess::All, env: EnvAccess::Workflow, ..WORKFLOW }
    }

    /// A part that cannot be executed yet: names of its own are not judged.
    pub(super) const fn later(task: Option<usize>, secrets: bool) -> Self {
        let tasks = if task.is_some() { TaskAccess::Needed } else { TaskAccess::All };
        let names = &["run", "item", "matrix", "outputs", "event"];
        let env = if task.is_some() { EnvAccess::Attempt } else { EnvAccess::Workflow };
        Self { task, names, tasks, secrets, inputs: true, env, sampled: false }
    }

    pub(super) const fn when(task: usize) -> Self {
        Self { task: Some(task), tasks: TaskAccess::Needed, env: EnvAccess::Decision, ..WORKFLOW }
    }

    pub(super) const fn fan_out(task: usize) -> Self {
        Self::when(task)
    }

    /// `with` of a task.
    pub(super) const fn task_text(task: usize) -> Self {
        Self { secrets: true, ..Self::task_key(task) }
    }

    /// `env` of a task: it is what the workflow's `env` becomes for this task.
    pub(super) const fn task_env(task: usize) -> Self {
        Self { env: EnvAccess::Workflow, ..Self::task_text(task) }
    }

    pub(super) const fn task_key(task: usize) -> Self {
        Self { names: &["run", "item", "matrix"], env: EnvAccess::Attempt, ..Self::when(task) }
    }

    pub(super) const fn assert(task: usize) -> Self {
        Self { names: &["run", "item", "matrix", "outputs"], ..Self::task_key(task) }
    }

    /// Rules of `csv.validate`.
    pub(super) const fn row() -> Self {
        Self { names: &["row"], inputs: false, sampled: false, ..WORKFLOW }
    }
}
