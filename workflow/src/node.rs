//! A document as a tree of nodes that know where they stand.
//!
//! Owns nodes and spans. Deliberately knows neither YAML nor JSON, nor what a workflow is.

use serde_json::{Map, Number, Value};

use crate::diagnostic::quoted;

/// A range of bytes of the source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    pub(crate) const fn at(start: usize) -> Self {
        Self { start, end: start }
    }
}

/// A value with the place where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A node of the document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A value without parts.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) value: ScalarValue,
    /// The text as it was meant: of a plain scalar its source, so that `1.10` stays `1.10`.
    pub(crate) text: String,
    pub(crate) style: Style,
}

/// What a scalar stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ScalarValue {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    /// Looks like a number, but would lose something as one (`01234`, thirty digits): kept as text.
    Kept,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|` or `>`.
    Block,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Spanned<String>,
    pub(crate) value: Node,
}

impl Node {
    /// The text of a node that is text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self.as_scalar()? {
            Scalar { value: ScalarValue::Text | ScalarValue::Kept, text, .. } => Some(text),
            Scalar { value: ScalarValue::Null | ScalarValue::Bool(_) | ScalarValue::Number(_), .. } => None,
        }
    }

    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            Kind::Scalar(_) | Kind::Map(_) => None,
        }
    }

    pub(crate) fn as_map(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            Kind::Scalar(_) | Kind::List(_) => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.value == ScalarValue::Null)
    }

    /// The value of a key, where this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A key with its value, where this is a map that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| entry.key.value == key)
    }

    /// The node as JSON, without its places. The reader bounds depth and size, so recursion is safe.
    pub(crate) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.to_value(),
            Kind::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Kind::Map(entries) => {
                let fields = entries.iter().map(|entry| (entry.key.value.clone(), entry.value.to_value()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }

    /// What it is, in words: `a text`, `a list` …
    pub(crate) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::Scalar(scalar) => match scalar.value {
                ScalarValue::Null => "nothing",
                ScalarValue::Bool(_) => "true or false",
                ScalarValue::Number(_) => "a number",
                ScalarValue::Text | ScalarValue::Kept => "a text",
            },
        }
    }

    /// What it is with what it says: `the text `yes``, `the number 3` …
    pub(crate) fn shown(&self) -> String {
        match &self.kind {
            Kind::Scalar(scalar) if !scalar.text.is_empty() => match scalar.value {
                ScalarValue::Null => "nothing".to_owned(),
                ScalarValue::Bool(_) => format!("`{}`", quoted(&scalar.text)),
                ScalarValue::Number(_) => format!("the number {}", quoted(&scalar.text)),
                ScalarValue::Text | ScalarValue::Kept => format!("the text `{}`", quoted(&scalar.text)),
            },
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => self.what().to_owned(),
        }
    }

    /// The node at a JSON pointer's parts, or the nearest one above it.
    pub(crate) fn nearest_at<'n>(&'n self, pointer: &str) -> &'n Node {
        let mut here = self;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let below = match &here.kind {
                Kind::Scalar(_) => None,
                Kind::List(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
                Kind::Map(_) => here.get(&part),
            };
            match below {
                Some(node) => here = node,
                None => return here,
            }
        }
        here
    }

    /// Calls `visit` with every scalar below, each with whether it is a map's value.
    pub(crate) fn each_scalar<'n>(&'n self, visit: &mut dyn FnMut(&'n Node, &'n Scalar)) {
        match &self.kind {
            Kind::Scalar(scalar) => visit(self, scalar),
            Kind::List(items) => items.iter().for_each(|item| item.each_scalar(visit)),
            Kind::Map(entries) => entries.iter().for_each(|entry| entry.value.each_scalar(visit)),
        }
    }
}

impl Scalar {
    pub(crate) fn to_value(&self) -> Value {
        match &self.value {
            ScalarValue::Null => Value::Null,
            ScalarValue::Bool(truth) => Value::Bool(*truth),
            ScalarValue::Number(number) => Value::Number(number.clone()),
            ScalarValue::Text | ScalarValue::Kept => Value::String(self.text.clone()),
        }
    }
}
