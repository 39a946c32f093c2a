//! Checking: whether what a document says holds together. Every mistake is said at once.
//!
//! Owns the questions that need more than one place of the document, the catalogue or the files.

mod columns;
mod dashes;
mod env;
mod expressions;
mod files;
mod graph;
mod inputs;
mod outputs;
mod references;
mod rules;
mod sample;
mod schemas;
mod site;
mod statements;
mod with;
mod with_samples;
mod with_wording;

use std::collections::{BTreeSet, HashMap, HashSet};

use candor_proto::limits::FAN_OUT_ITEMS_MAX;
use serde_json::{Map, Value};

use crate::catalogue::{ActionSpec, Catalogue};
use crate::declare::fields::Context;
use crate::diagnostic::{Code, quoted};
use crate::document::{
    ActionDeclaration, Document, InputDeclaration, OverDeclaration, RuleDeclaration, TaskDeclaration,
};
use crate::files::Files;
use crate::node::{Node, ScalarValue, Span};
use outputs::TaskOutputs;
use site::Site;

pub(crate) use files::{PathKind, literal_paths, workflow_globs};
pub(crate) use inputs::default_value;
pub(crate) use with::build as build_schema;

/// A script whose expressions were lifted out.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: String,
    /// Variables by name, each with the template of its value.
    pub(crate) variables: Vec<(String, String)>,
}

/// What checking works out and compiling needs.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The parameters of each task, coerced by the action's schema.
    pub(crate) with: Vec<Value>,
    /// The scripts of each task with their variables, where it has one.
    pub(crate) scripts: Vec<Option<Script>>,
    /// The output schema of each task.
    pub(crate) output_schemas: Vec<Option<Value>>,
    /// Relative paths of every file that the workflow takes along.
    pub(crate) files: BTreeSet<String>,
    /// Absolute paths that its tasks read.
    pub(crate) absolute: BTreeSet<String>,
    /// Secrets that it names.
    pub(crate) secrets: BTreeSet<String>,
}

pub(crate) struct Checker<'a, 'f> {
    source: &'a str,
    document: &'a Document<'a>,
    catalogue: &'a Catalogue,
    files: &'a Files,
    context: &'a mut Context<'f>,
    /// Tasks by id; of two with the same id the first.
    index: HashMap<&'a str, usize>,
    /// Inputs by name.
    inputs: HashMap<&'a str, &'a InputDeclaration<'a>>,
    /// The direct dependencies of each task.
    needs: Vec<Vec<usize>>,
    /// The task that was asked for last, and all that it waits for.
    waits: Option<(usize, Vec<bool>)>,
    /// Names of outputs that contain a dash.
    dashed_outputs: HashSet<String>,
    outputs: Vec<TaskOutputs>,
    validators: HashMap<String, Option<jsonschema::Validator>>,
    checked: Checked,
}

/// Checks a document; its findings go to `context`.
pub(crate) fn check<'a>(
    source: &'a str,
    document: &'a Document<'a>,
    catalogue: &'a Catalogue,
    files: &'a Files,
    context: &'a mut Context<'_>,
) -> Checked {
    let mut checker = Checker {
        source,
        document,
        catalogue,
        files,
        context,
        index: HashMap::new(),
        inputs: document.inputs.iter().map(|input| (input.name.value.as_str(), input)).collect(),
        needs: Vec::new(),
        waits: None,
        dashed_outputs: HashSet::new(),
        outputs: Vec::new(),
        validators: HashMap::new(),
        checked: Checked::default(),
    };
    checker.whole();
    checker.checked
}

impl<'a> Checker<'a, '_> {
    fn whole(&mut self) {
        self.graph();
        self.workflow_files();
        self.inputs();
        let document = self.document;
        for task in &document.tasks {
            let schema = self.output_schema(task);
            let outputs = outputs::of(task, self.spec(task), schema.as_ref());
            self.checked.output_schemas.push(schema);
            self.dashed_outputs.extend(outputs.names().filter(|name| name.contains('-')).map(ToOwned::to_owned));
            self.outputs.push(outputs);
        }
        for (index, task) in document.tasks.iter().enumerate() {
            self.task(index, task);
        }
        for entry in &document.env {
            self.texts(&entry.value, &Site::workflow_env());
        }
        if let Some(node) = document.fairness_key {
            self.texts(node, &Site::fairness_key());
        }
        for node in &document.statements {
            self.statement(node);
        }
        for entry in &document.outputs {
            self.texts(&entry.value, &Site::answer());
            self.kept(&entry.value);
        }
        for later in &document.later {
            self.texts(later.node, &Site::later(later.task, later.secrets));
        }
        self.summary();
        self.hashes();
    }

    /// A plan is bound to the bytes of its files: to run it, every hash must be known.
    fn hashes(&mut self) {
        if !self.context.executes() {
            return;
        }
        let files = self.files;
        let unknown = |name: &&String| files.facts.get(*name).is_some_and(|fact| fact.sha256.is_none());
        for name in self.checked.files.iter().filter(unknown) {
            let message = format!("The file `{}` was named without its SHA-256.", quoted(name));
            let advice = "Hand it over with its bytes or its hash.";
            self.context.findings.error(Code::MissingFile, Span::at(0), message, advice);
        }
    }

    /// The declaration of a task's action, where it is known.
    fn spec(&self, task: &TaskDeclaration<'_>) -> Option<&'a ActionSpec> {
        self.catalogue.get(task.action.name()?.0)
    }

    fn task(&mut self, index: usize, task: &'a TaskDeclaration<'a>) {
        self.action(task);
        let with = self.with(index, task);
        self.checked.with.push(with);
        if let Some(node) = task.when {
            self.condition(node, &Site::when(index), "`when`");
        }
        if let Some(fan_out) = &task.fan_out {
            self.fan_out(index, &fan_out.over);
        }
        for entry in &task.env {
            self.texts(&entry.value, &Site::task_env(index));
        }
        if let Some(node) = task.idempotency_key {
            self.texts(node, &Site::task_key(index));
        }
        for check in &task.checks {
            match &check.rule {
                RuleDeclaration::Assert(node) => self.condition(node, &Site::assert(index), "`assert`"),
                RuleDeclaration::Named(name) => self.named_check(task, &name.value, name.span),
            }
        }
    }

    fn action(&mut self, task: &TaskDeclaration<'_>) {
        let Some((name, span)) = task.action.name() else { return };
        let catalogue = self.catalogue;
        match catalogue.get(name) {
            // Reported by its key where it is declared.
            Some(_) | None if matches!(task.action, ActionDeclaration::Workflow { .. }) => {}
            Some(spec) if spec.supported => {}
            Some(_) => self.context.unsupported(&format!("uses: {name}"), span),
            None => {
                let otherwise = "`candor actions` lists them all.";
                let advice = match self.context.findings.nearest(name, catalogue.names()) {
                    Some(near) => format!("Did you mean `{near}`?"),
                    None => otherwise.to_owned(),
                };
                let message = format!("There is no action `{}`.", quoted(name));
                self.context.findings.error(Code::UnknownAction, span, message, advice);
            }
        }
    }

    fn named_check(&mut self, task: &TaskDeclaration<'_>, name: &str, span: Span) {
        let Some(spec) = self.spec(task) else { return };
        if spec.checks.contains_key(name) {
            return;
        }
        let otherwise = "Write a check of your own: `- assert: ${{ outputs.count > 0 }}`.";
        let advice = self.context.findings.did_you_mean(name, spec.checks.keys().map(String::as_str), otherwise);
        let message = format!("The action `{}` brings no check `{}`.", spec.name, quoted(name));
        self.context.findings.error(Code::UnknownCheck, span, message, advice);
    }

    fn fan_out(&mut self, index: usize, over: &OverDeclaration<'a>) {
        match over {
            OverDeclaration::ForEach(node) => {
                let count = self.items(index, node, "`for_each`");
                self.too_many(node.span, count);
            }
            OverDeclaration::Matrix(node, entries) => {
                let counts = entries.iter().map(|entry| {
                    let what = format!("`{}`", quoted(&entry.key.value));
                    self.items(index, &entry.value, &what)
                });
                let product = counts.fold(1_usize, usize::saturating_mul);
                if entries.is_empty() {
                    self.context.invalid(
                        node.span,
                        "`matrix` has no lists.",
                        "Add one: `matrix: { os: [linux, mac] }`.",
                    );
                }
                self.too_many(node.span, product);
            }
        }
    }

    /// How many items a list has; 1 where only the run can say.
    fn items(&mut self, index: usize, node: &'a Node, what: &str) -> usize {
        match node.as_list() {
            Some(items) => {
                self.texts(node, &Site::fan_out(index));
                self.kept(node);
                items.len()
            }
            None => {
                self.list(node, &Site::fan_out(index), what);
                1
            }
        }
    }

    /// Says of every number that stays text that it does.
    pub(super) fn kept(&mut self, node: &'a Node) {
        let mut found = Vec::new();
        node.each_scalar(&mut |node, scalar| {
            if scalar.value == ScalarValue::Kept {
                found.push((node.span, &scalar.text));
            }
        });
        for (span, text) in found {
            self.context.kept_as_text(span, text);
        }
    }

    fn too_many(&mut self, span: Span, count: usize) {
        if count > FAN_OUT_ITEMS_MAX {
            let message = format!("This fans out over {count} items; at most {FAN_OUT_ITEMS_MAX} are allowed.");
            let advice = "Let each item do more, or split the workflow.";
            self.context.findings.error(Code::FanOutTooLarge, span, message, advice);
        }
    }

    fn summary(&mut self) {
        let document = self.document;
        for id in document.summary.iter().flatten() {
            if !self.index.contains_key(id.value.as_str()) {
                let advice = self.nearest_task(&id.value);
                let message = format!("`summary` names the task `{}`, which is not there.", quoted(&id.value));
                self.context.findings.error(Code::UnknownTask, id.span, message, advice);
            }
        }
    }

    fn nearest_task(&self, name: &str) -> String {
        let ids = self.document.tasks.iter().map(|task| task.id.value.as_str());
        self.context.findings.did_you_mean(name, ids, "Write the id of a task of this workflow.")
    }
}

/// The fields of an object schema, for advice.
fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}
