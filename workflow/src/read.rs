//! Reading: a text becomes a tree of nodes, or the one diagnostic that says why it is no YAML or JSON.
//!
//! Owns the budgets that keep a hostile document from taking memory, time or the stack.

mod advice;
mod json;
mod scalar;
mod yaml;

use candor_proto::limits::DOCUMENT_BYTES_MAX;
use candor_proto::message::Severity;
use serde_json::Value;

use crate::diagnostic::{Code, Findings, quoted};
use crate::node::{Node, Span};
use crate::place::Places;

pub(crate) use scalar::{integer, number};

/// Levels of lists and maps inside each other; no honest workflow comes near, and every later walk may recurse.
pub(crate) const DEPTH_MAX: usize = 32;

/// Aliases (`*name`) in one document: enough for people, too few for an alias bomb.
const ALIASES_MAX: usize = 100;

/// Nodes of one document after its aliases are laid in.
const NODES_MAX: usize = 300_000;

/// Bytes of text of one document after its aliases are laid in.
const TEXT_BYTES_MAX: usize = 8 * DOCUMENT_BYTES_MAX;

/// Why reading cannot go on: a syntax error comes alone.
struct Broken {
    code: Code,
    span: Span,
    message: String,
    advice: String,
}

/// What a document may still grow by.
struct Budget {
    nodes: usize,
    text: usize,
}

impl Budget {
    const fn new() -> Self {
        Self { nodes: NODES_MAX, text: TEXT_BYTES_MAX }
    }

    fn spend(&mut self, nodes: usize, text: usize, span: Span) -> Result<(), Broken> {
        match (self.nodes.checked_sub(nodes), self.text.checked_sub(text)) {
            (Some(nodes), Some(text)) => {
                *self = Self { nodes, text };
                Ok(())
            }
            (_, _) => Err(Broken {
                code: Code::TooLarge,
                span,
                message: format!("The document has more than {NODES_MAX} values, aliases included."),
                advice: "Move data into a file and read it with a task.".to_owned(),
            }),
        }
    }
}

/// The tree of a document. Without one, `findings` says why. `name` is the file's, where it comes from one.
pub(crate) fn read(name: &str, text: &str, findings: &mut Findings) -> Option<Node> {
    let result = if text.len() > DOCUMENT_BYTES_MAX {
        Err(Broken {
            code: Code::TooLarge,
            span: Span::at(0),
            message: format!("The document has {} bytes; at most {DOCUMENT_BYTES_MAX} are read.", text.len()),
            advice: "Move scripts and data into files of their own and name them under `files`.".to_owned(),
        })
    } else if is_json(name, text) {
        json::read(text, findings)
    } else {
        yaml::read(text, findings)
    };
    match result {
        Ok(node) => Some(node),
        Err(broken) => {
            findings.retain_none();
            findings.error(broken.code, broken.span, broken.message, broken.advice);
            None
        }
    }
}

/// Whether a text is meant as JSON: it is called so, or its first key stands in double quotes.
/// YAML reads JSON too, but would pass over a comma too many.
fn is_json(name: &str, text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let called = name.get(name.len().saturating_sub(5)..).is_some_and(|end| end.eq_ignore_ascii_case(".json"));
    match text.strip_prefix('{') {
        Some(inside) => called || inside.trim_start().starts_with(['"', '}']) || inside.trim().is_empty(),
        None => called && text.starts_with('['),
    }
}

/// What a YAML or JSON text beside the workflow says, such as a schema or rules, within the same limits as a workflow.
///
/// # Errors
///
/// The first thing that is wrong with it, and where.
pub fn read_document(text: &str) -> Result<Value, String> {
    let mut findings = Findings::new();
    let node = read("", text, &mut findings);
    let wrong = findings.finish(&Places::new(text)).into_iter().find(|found| found.severity == Severity::Error);
    match (node, wrong) {
        (Some(node), None) => Ok(node.to_value()),
        (_, Some(wrong)) => Err(format!("in line {}, column {}: {}", wrong.line, wrong.column, wrong.message)),
        (None, None) => Err("it has no content".to_owned()),
    }
}

fn too_deep(span: Span) -> Broken {
    Broken {
        code: Code::TooDeep,
        span,
        message: format!("Lists and maps lie more than {DEPTH_MAX} deep inside each other."),
        advice: "Flatten this part, or move it into a file of its own.".to_owned(),
    }
}

fn duplicate_key(findings: &mut Findings, key: &str, span: Span, places: &Places<'_>, first: Span) {
    let line = places.of(first).line;
    findings.error(
        Code::DuplicateKey,
        span,
        format!("The key `{}` stands twice in the same map; first in line {line}.", quoted(key)),
        "Keep one of them.",
    );
}
