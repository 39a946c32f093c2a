//! The author's own sentences: words of the plan, and places in recorded outputs.

use candor_proto::Plan;
use candor_proto::job::Graph;

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentencePart {
    /// Bytes of the plan's text.
    Words {
        /// The first.
        start: usize,
        /// The one after the last.
        end: usize,
    },
    /// The value at a JSON pointer in a task's outputs.
    Value {
        /// The task's place in the plan.
        task: u32,
        /// The pointer.
        pointer: String,
    },
}

impl SentencePart {
    /// The place of a value; `None` for words.
    pub fn value(&self) -> Option<(u32, &str)> {
        match self {
            Self::Value { task, pointer } => Some((*task, pointer)),
            Self::Words { .. } => None,
        }
    }
}

/// The parts of one of the plan's sentences; `None` when an expression in it is no plain path
/// `tasks.x.outputs.…`, for only a recorded value can stand in a statement.
pub fn sentence(plan: &Plan, graph: &Graph, place: usize) -> Option<Vec<SentencePart>> {
    let text = plan.assemble.statements.get(place)?;
    let (mut parts, mut at) = (Vec::new(), 0);
    while let Some(open) = text[at..].find("${{").map(|found| at + found) {
        let close = text[open..].find("}}").map(|found| open + found)?;
        if open > at {
            parts.push(SentencePart::Words { start: at, end: open });
        }
        let (task, pointer) = path(text[open + 3..close].trim(), graph)?;
        parts.push(SentencePart::Value { task, pointer });
        at = close + 2;
    }
    if at < text.len() {
        parts.push(SentencePart::Words { start: at, end: text.len() });
    }
    Some(parts)
}

/// `tasks.x.outputs.a.b[0]['c d']` as a task and a JSON pointer.
fn path(text: &str, graph: &Graph) -> Option<(u32, String)> {
    let mut names = names(text)?.into_iter();
    let begins = names.next().as_deref() == Some("tasks");
    let task = graph.place(&names.next()?)?;
    if !begins || names.next().as_deref() != Some("outputs") {
        return None;
    }
    Some((task, names.map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect()))
}

fn names(text: &str) -> Option<Vec<String>> {
    let (mut found, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (index, after) = inside.split_once(']')?;
            let quoted = index.strip_prefix(['\'', '"']).and_then(|index| index.strip_suffix(['\'', '"']));
            found.push(quoted.unwrap_or(index).to_owned());
            rest = after;
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let name = &plain[..end];
            if name.is_empty() || !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_') {
                return None;
            }
            found.push(name.to_owned());
            rest = &plain[end..];
        }
    }
    Some(found)
}
