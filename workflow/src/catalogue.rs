//! Every action as data: what it takes, what it gives, what it risks.
//!
//! The declaration of an installed executable (`NAME.action.json`) has exactly this form.

mod built_in;
mod load;
mod pages;

pub use load::{ActionProblem, Catalogue};
pub use pages::{page, pages};

use std::collections::BTreeMap;

use candor_proto::ValueType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An action's declaration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// Its name, as in `uses`.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema of `with`. A text with `format: path` names a file to read, with `format: out-path` one to write below `out/`.
    pub with: Value,
    /// Its fixed outputs by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, OutputSpec>,
    /// Whether the task may declare further outputs (`shell`, `python`, `exec` with JSON).
    #[serde(default)]
    pub open_outputs: bool,
    /// How much harm it can do.
    #[serde(default)]
    pub risk: Risk,
    /// What it changes in the world.
    #[serde(default)]
    pub effects: Vec<String>,
    /// Whether its result is a language model's.
    #[serde(default)]
    pub model: bool,
    /// Whether it runs somebody's code.
    #[serde(default)]
    pub runs_code: bool,
    /// Named checks that it brings, with one sentence each.
    #[serde(default)]
    pub checks: BTreeMap<String, String>,
    /// Whether this build can execute it; where not, a workflow that uses it is `unsupported`.
    #[serde(default = "supported")]
    pub supported: bool,
    /// Of an installed executable: the program beside the declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

const fn supported() -> bool {
    true
}

/// A declared output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: OutputKind,
    /// One sentence.
    #[serde(default)]
    pub summary: String,
    /// Whether the answer says it; `stderr` and exit codes are about the run, not about its result.
    #[serde(default = "stated")]
    pub stated: bool,
}

const fn stated() -> bool {
    true
}

/// What an output is: one type, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OutputKind {
    /// Always this.
    One(ValueType),
    /// One of these, such as text or, when it is long, a file.
    Either(Vec<ValueType>),
}

/// How much harm an action can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Reads, computes, writes only its own outputs.
    #[default]
    Low,
    /// Runs somebody's code or changes files.
    Medium,
    /// Changes something that others rely on.
    High,
}
