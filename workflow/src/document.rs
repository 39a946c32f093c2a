//! A workflow as it was declared: typed where the language fixes a type, nodes where templates may stand.
//!
//! Owns the shape only. Whether names exist and types agree is `check`'s.

use candor_proto::plan::{Backoff, FailPolicy, Limits, OnFail, Priority};
use candor_proto::{Score, ValueType};

use crate::node::{Entry, Node, Span, Spanned};

/// A declared workflow. Borrows from the tree that was read.
#[derive(Debug, Default)]
pub(crate) struct Document<'n> {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) inputs: Vec<InputDeclaration<'n>>,
    pub(crate) env: Vec<&'n Entry>,
    pub(crate) files: Vec<Spanned<String>>,
    pub(crate) defaults: Defaults,
    pub(crate) priority: Option<Priority>,
    pub(crate) fairness_key: Option<&'n Node>,
    pub(crate) wall_clock_ms: Option<u64>,
    pub(crate) tasks: Vec<TaskDeclaration<'n>>,
    pub(crate) summary: Option<Vec<Spanned<String>>>,
    pub(crate) statements: Vec<&'n Node>,
    pub(crate) outputs: Vec<&'n Entry>,
    /// Parts that cannot be executed yet, whose expressions are checked all the same.
    pub(crate) later: Vec<Later<'n>>,
}

/// A part that this build does not execute.
#[derive(Debug)]
pub(crate) struct Later<'n> {
    pub(crate) node: &'n Node,
    /// Whether a secret may stand in it.
    pub(crate) secrets: bool,
    /// Its task, where it belongs to one.
    pub(crate) task: Option<usize>,
}

/// What tasks take where they say nothing of their own.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) retry: RetryDeclaration,
    pub(crate) confidence: ConfidenceDeclaration,
    pub(crate) limits: Limits,
    pub(crate) pool: Option<String>,
}

/// How often a task is tried. What it leaves out the defaults say, each part by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetryDeclaration {
    pub(crate) max_attempts: Option<u32>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) delay_ms: Option<u64>,
    pub(crate) max_delay_ms: Option<u64>,
    pub(crate) on: Option<Vec<String>>,
}

/// The least confidence of a result, and what happens below it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConfidenceDeclaration {
    pub(crate) min: Option<Score>,
    pub(crate) on_low: Option<OnFail>,
}

#[derive(Debug)]
pub(crate) struct InputDeclaration<'n> {
    pub(crate) name: Spanned<String>,
    /// `None` where the type is unknown: then a diagnostic says so, and nothing else is concluded.
    pub(crate) kind: Option<ValueType>,
    pub(crate) description: Option<String>,
    pub(crate) default: Option<&'n Node>,
    pub(crate) required: bool,
    pub(crate) pattern: Option<Spanned<String>>,
}

#[derive(Debug)]
pub(crate) struct TaskDeclaration<'n> {
    pub(crate) id: Spanned<String>,
    pub(crate) name: Option<String>,
    pub(crate) all: Vec<Spanned<String>>,
    pub(crate) any: Vec<Spanned<String>>,
    pub(crate) action: ActionDeclaration<'n>,
    pub(crate) with: Option<&'n Node>,
    pub(crate) when: Option<&'n Node>,
    pub(crate) fan_out: Option<FanOutDeclaration<'n>>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) retry: RetryDeclaration,
    pub(crate) pool: Option<String>,
    pub(crate) outputs: Vec<(Spanned<String>, ValueType)>,
    pub(crate) output_schema: Option<&'n Node>,
    pub(crate) checks: Vec<CheckDeclaration<'n>>,
    pub(crate) confidence: ConfidenceDeclaration,
    pub(crate) limits: Limits,
    pub(crate) priority: Option<Priority>,
    pub(crate) env: Vec<&'n Entry>,
    pub(crate) effects: Vec<Spanned<String>>,
    pub(crate) idempotent: bool,
    pub(crate) idempotency_key: Option<&'n Node>,
}

/// What a task does.
#[derive(Debug)]
pub(crate) enum ActionDeclaration<'n> {
    /// An action by its name.
    Uses(Spanned<String>),
    /// A script for the shell.
    Run { key: Span, script: &'n Node },
    /// The older style: words for a model.
    Instruction { key: Span, instruction: &'n Node, require: Option<&'n Node> },
    /// Another workflow; not executable yet.
    Workflow { key: Span },
    /// Nothing, or nothing readable: a diagnostic says so.
    Unknown,
}

#[derive(Debug)]
pub(crate) struct FanOutDeclaration<'n> {
    pub(crate) over: OverDeclaration<'n>,
    pub(crate) max_parallel: Option<u32>,
    pub(crate) fail: FailPolicy,
}

#[derive(Debug)]
pub(crate) enum OverDeclaration<'n> {
    ForEach(&'n Node),
    Matrix(&'n Node, &'n [Entry]),
}

#[derive(Debug)]
pub(crate) struct CheckDeclaration<'n> {
    pub(crate) rule: RuleDeclaration<'n>,
    pub(crate) on_fail: OnFail,
}

#[derive(Debug)]
pub(crate) enum RuleDeclaration<'n> {
    Assert(&'n Node),
    Named(Spanned<String>),
}

impl ActionDeclaration<'_> {
    /// The action's name and the place that says so.
    pub(crate) fn name(&self) -> Option<(&str, Span)> {
        match self {
            Self::Uses(name) => Some((&name.value, name.span)),
            Self::Run { key, .. } => Some(("shell", *key)),
            Self::Instruction { key, .. } => Some(("llm", *key)),
            Self::Workflow { key } => Some(("workflow", *key)),
            Self::Unknown => None,
        }
    }
}
