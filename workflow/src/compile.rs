//! From text to plan: read, declare, check, compile.

mod plan;

use std::collections::BTreeSet;

use candor_proto::message::Diagnostic;
use candor_proto::{Plan, Sha256};

use crate::catalogue::{Catalogue, Risk};
use crate::check;
use crate::declare::declare;
use crate::declare::fields::Context;
use crate::diagnostic::Findings;
use crate::document::Document;
use crate::files::{Files, Path, Wanted};
use crate::place::Places;
use crate::read::read;
use crate::{Mode, Source};

/// What became of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// Everything that is wrong or worth knowing, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The plan, unless a diagnostic stands in the way.
    pub plan: Option<Plan>,
    /// What a person wants to know before it runs.
    pub facts: Facts,
}

/// What a person wants to know before a workflow runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Absolute paths that its tasks read on the worker's machine.
    pub absolute_paths: Vec<String>,
    /// Secrets that it names.
    pub secrets: Vec<String>,
    /// The highest risk of its actions.
    pub risk: Risk,
    /// What it changes in the world, by its actions and its own words.
    pub effects: Vec<String>,
    /// Parts of the language that this build cannot execute.
    pub unsupported: Vec<String>,
    /// Tasks whose results come from a language model.
    pub models: Vec<String>,
}

/// What must be gathered before this document can be compiled. A broken one wants nothing.
pub fn wanted(source: &Source<'_>, catalogue: &Catalogue) -> Wanted {
    let mut findings = Findings::new();
    let Some(root) = read(source.name, source.text, &mut findings) else { return Wanted::default() };
    let mut context = Context::new(&mut findings, Mode::Validate);
    let Some(document) = declare(&mut context, &root) else { return Wanted::default() };
    let mut paths = BTreeSet::new();
    let mut add = |text: &str| {
        if let Path::Inside(path) = Path::of(text) {
            paths.insert(path);
        }
    };
    for task in &document.tasks {
        if let Some(text) = task.output_schema.and_then(|node| node.as_text()) {
            add(text);
        }
        let spec = task.action.name().and_then(|(name, _)| catalogue.get(name));
        if let (Some(spec), Some(with)) = (spec, task.with) {
            check::literal_paths(with, &spec.with, &mut |_, text, kind| {
                if kind == check::PathKind::Read {
                    add(text);
                }
            });
        }
    }
    Wanted { globs: check::workflow_globs(&document), paths: paths.into_iter().collect() }
}

/// Compiles a document: every diagnostic at once, and the plan when none stands in the way.
pub fn compile(source: &Source<'_>, files: &Files, catalogue: &Catalogue, mode: Mode) -> Compiled {
    let places = Places::new(source.text);
    let mut findings = Findings::new();
    let Some(root) = read(source.name, source.text, &mut findings) else {
        return Compiled { diagnostics: findings.finish(&places), ..Compiled::default() };
    };
    let mut context = Context::new(&mut findings, mode);
    let Some(document) = declare(&mut context, &root) else {
        return Compiled { diagnostics: findings.finish(&places), ..Compiled::default() };
    };
    let checked = check::check(source.text, &document, catalogue, files, &mut context);
    let unsupported = std::mem::take(&mut context.unsupported);
    let facts = facts(&document, &checked, catalogue, unsupported);
    let plan = (!findings.has_errors()).then(|| plan::of(&document, checked, files));
    Compiled { diagnostics: findings.finish(&places), plan, facts }
}

/// The facts about a file from its bytes, for callers that hold them in memory.
pub fn file_fact(bytes: Vec<u8>) -> crate::FileFact {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let sha256 = Some(Sha256::of(&bytes));
    let content = (length <= crate::files::CONTENT_BYTES_MAX).then_some(bytes);
    crate::FileFact { sha256, bytes: length, content, problem: None }
}

fn facts(document: &Document<'_>, checked: &check::Checked, catalogue: &Catalogue, unsupported: Vec<String>) -> Facts {
    let mut facts = Facts {
        absolute_paths: checked.absolute.iter().cloned().collect(),
        secrets: checked.secrets.iter().cloned().collect(),
        unsupported,
        ..Facts::default()
    };
    let mut effects = BTreeSet::new();
    for task in &document.tasks {
        effects.extend(task.effects.iter().map(|effect| effect.value.clone()));
        let Some(spec) = task.action.name().and_then(|(name, _)| catalogue.get(name)) else { continue };
        facts.risk = facts.risk.max(spec.risk);
        effects.extend(spec.effects.iter().cloned());
        if spec.model {
            facts.models.push(task.id.value.clone());
        }
    }
    facts.effects = effects.into_iter().collect();
    facts
}
