//! What an expression reads and calls, each with its place in the text.

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref {
    /// The name, without its root: `rows` for `inputs.rows`.
    pub name: String,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// How many bytes it spans.
    pub length: usize,
}

/// Something of a task that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRef {
    /// The task's id.
    pub id: String,
    /// `outputs`, `state`, `confidence`, `error`, `attempts` or `items`.
    pub field: Option<String>,
    /// The output, in `tasks.x.outputs.NAME`.
    pub output: Option<String>,
    /// Read only under `has()` of the same task, or where `succeeded('x')` holds.
    pub guarded: bool,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// How many bytes it spans.
    pub length: usize,
}

/// A function that is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name: `failed`, `math.abs`, `trim`. Macros (`map`, `has`) are not listed.
    pub name: String,
    /// Whether it is called on a value, as `x.trim()`.
    pub member: bool,
    /// Its arguments, where they are literal strings.
    pub arguments: Vec<Option<String>>,
    /// Where the call begins, in bytes.
    pub offset: usize,
    /// How many bytes its name spans.
    pub length: usize,
}

/// Everything that an expression reads and calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// `inputs.NAME`; a bare `inputs` is in `names`.
    pub inputs: Vec<Ref>,
    /// `tasks.ID…`.
    pub tasks: Vec<TaskRef>,
    /// `env.NAME`; a bare `env` is in `names`.
    pub env: Vec<Ref>,
    /// `secrets.NAME`.
    pub secrets: Vec<Ref>,
    /// Other names that are not bound by a macro: `item`, `matrix`, `outputs`, `run`, `row` …
    pub names: Vec<Ref>,
    /// Functions.
    pub functions: Vec<Call>,
}

impl References {
    /// A name that is read beside this one, or a function that speaks of tasks; and where it stands.
    pub(super) fn beyond(&self, known: &str) -> Option<(&str, Place)> {
        let place = |found: &Ref| Place { offset: found.offset, length: found.length };
        let name = self.names.iter().find(|name| name.name != known).map(|name| (name.name.as_str(), place(name)));
        let rooted = [("inputs", &self.inputs), ("env", &self.env), ("secrets", &self.secrets)];
        let rooted = rooted.into_iter().find_map(|(root, found)| Some((root, place(found.first()?))));
        let task = self.tasks.first().map(|task| ("tasks", Place { offset: task.offset, length: task.length }));
        let about_tasks = ["succeeded", "failed", "skipped", "always"];
        let call = self.functions.iter().find(|call| !call.member && about_tasks.contains(&call.name.as_str()));
        let call = call.map(|call| (call.name.as_str(), Place { offset: call.offset, length: call.length }));
        name.or(rooted).or(task).or(call)
    }
}

/// A part of an expression's text, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) offset: usize,
    pub(super) length: usize,
}
