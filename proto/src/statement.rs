//! Sentences that can be traced to recorded outputs, and nothing else.
//!
//! A [`Statement`] has no constructor that takes text and no `Deserialize`. It is built from spans of
//! recorded outputs and from connectives that are fixed here or part of the plan and its hash.
//! What is read from a file is a [`StatementRecord`], which is only a claim.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{Sha256, canonical_text};
use crate::confidence::Confidence;
use crate::job::Job;
use crate::plan::Plan;
use crate::value::{FileValue, TableValue};

/// Where a part of a statement comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The task's name.
    pub task: String,
    /// A JSON pointer (RFC 6901) into the task's recorded outputs.
    pub pointer: String,
    /// A range of bytes of the text there, where not all of it is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// Of exactly the bytes meant: of a text its UTF-8, of any other value its canonical form.
    pub sha256: Sha256,
}

/// A part of a sentence: a connective, or the place in a task's outputs whose value stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A connective from the plan, or one of [`crate::statement::connective`].
    Fixed(Connective<'a>),
    /// The value at a JSON pointer in a task's outputs.
    Value {
        /// The task's index in the plan.
        task: u32,
        /// The JSON pointer.
        pointer: &'a str,
    },
    /// The number of items of the list there.
    Count {
        /// The task's index in the plan.
        task: u32,
        /// The JSON pointer.
        pointer: &'a str,
    },
    /// The SHA-256 of the value there.
    Digest {
        /// The task's index in the plan.
        task: u32,
        /// The JSON pointer.
        pointer: &'a str,
    },
}

/// Words that carry no facts: fixed in this build, or written by the plan's author and covered by the plan's hash.
///
/// A connective of a plan is a place in it, not a text: [`Statement::assemble`] reads the words there from
/// the plan of the job that the statement is about, so that no other plan can lend them.
///
/// ```compile_fail,E0603
/// let words = candor_proto::statement::Connective("whatever I like");
/// ```
///
/// ```compile_fail,E0277
/// let words: candor_proto::statement::Connective<'_> = "whatever I like".into();
/// ```
///
/// ```compile_fail,E0603
/// let words = candor_proto::statement::connective::of_pointer("whatever I like");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connective<'a>(Words<'a>);

/// Where the words of a connective stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words<'a> {
    /// In this build.
    Build(&'static str),
    /// In the pointer of the span beside them.
    Pointer(&'a str),
    /// In one of the plan's own statements, as a range of its bytes.
    Statement { statement: usize, start: usize, end: usize },
    /// In a task's name.
    TaskName(u32),
}

impl Words<'_> {
    fn text<'b>(&'b self, plan: &'b Plan) -> Option<&'b str> {
        match self {
            Self::Build(text) => Some(text),
            Self::Pointer(text) => Some(text),
            Self::Statement { statement, start, end } => plan.assemble.statements.get(*statement)?.get(*start..*end),
            Self::TaskName(task) => plan.tasks.get(*task as usize).map(|task| task.id.as_str()),
        }
    }
}

/// The connectives of this build, and the one door to the plan's own.
pub mod connective {
    use super::{Connective, Words};
    use crate::plan::Plan;

    /// Between a place and its value.
    pub const IS: Connective<'static> = Connective(Words::Build(" is "));
    /// Between the parts of a place.
    pub const DOT: Connective<'static> = Connective(Words::Build("."));
    /// Between a place and a number of items.
    pub const HAS: Connective<'static> = Connective(Words::Build(" has "));
    /// Between a number of items and a digest.
    pub const ITEMS_SHA256: Connective<'static> = Connective(Words::Build(" items, SHA-256 "));
    /// Between a number of rows and a digest.
    pub const ROWS_SHA256: Connective<'static> = Connective(Words::Build(" rows, SHA-256 "));
    /// Between a number of bytes and a digest.
    pub const BYTES_SHA256: Connective<'static> = Connective(Words::Build(" bytes, SHA-256 "));
    /// Between a place and a file's name.
    pub const IS_FILE: Connective<'static> = Connective(Words::Build(" is the file "));
    /// Between a place and a table's name.
    pub const IS_TABLE: Connective<'static> = Connective(Words::Build(" is the table "));
    /// Between a name and a number.
    pub const COMMA: Connective<'static> = Connective(Words::Build(", "));

    /// A part of one of the plan's own statements: it is words of the author when the plan has them there.
    pub fn of_plan(plan: &Plan, statement: usize, start: usize, end: usize) -> Option<Connective<'static>> {
        let words = Words::Statement { statement, start, end };
        words.text(plan).is_some().then_some(Connective(words))
    }

    /// A task's name, which the plan's hash covers.
    pub fn task_name(plan: &Plan, task: u32) -> Option<Connective<'static>> {
        let words = Words::TaskName(task);
        words.text(plan).is_some().then_some(Connective(words))
    }

    /// The name of an output as the recorded outputs have it; it is part of the span's pointer.
    pub(super) const fn of_pointer(name: &str) -> Connective<'_> {
        Connective(Words::Pointer(name))
    }
}

/// A sentence whose every fact is a recorded output.
///
/// There is no way to make one from text:
///
/// ```compile_fail,E0451
/// use candor_proto::{Confidence, Statement};
/// let said = Statement { id: "S1".into(), text: "all is well".into(), spans: vec![], confidence: Confidence::CHECKED };
/// ```
///
/// ```compile_fail,E0599
/// let said = candor_proto::Statement::new("all is well");
/// ```
///
/// ```compile_fail,E0277
/// let said: candor_proto::Statement = "all is well".into();
/// ```
///
/// None to read one:
///
/// ```compile_fail,E0277
/// let said: candor_proto::Statement = serde_json::from_str("{}").unwrap();
/// ```
///
/// And a record, which is only a claim, does not become one:
///
/// ```compile_fail,E0277
/// fn believe(record: candor_proto::StatementRecord) -> candor_proto::Statement {
///     record.into()
/// }
/// ```
///
/// These are the words and paths that the refused examples use; read as records and claims they are allowed:
///
/// ```
/// use candor_proto::{Confidence, StatementRecord};
/// let claim = StatementRecord { id: "S1".into(), text: "so".into(), spans: vec![], confidence: Confidence::CHECKED };
/// let text = serde_json::to_string(&claim).unwrap();
/// let read: StatementRecord = serde_json::from_str(&text).unwrap();
/// assert_eq!(read, claim);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statement {
    id: String,
    text: String,
    spans: Vec<Span>,
    confidence: Confidence,
}

/// A statement as a file has it: a claim, until its bytes were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementRecord {
    /// `S1`, `S2` …
    pub id: String,
    /// The sentence.
    pub text: String,
    /// What it rests on.
    pub spans: Vec<Span>,
    /// How sure.
    pub confidence: Confidence,
}

impl Statement {
    /// The statement that these pieces make over a job's recorded outputs; `None` when a piece has no recorded value.
    ///
    /// `number` counts from 1.
    pub fn assemble(job: &Job, number: usize, pieces: &[Piece<'_>], confidence: Confidence) -> Option<Self> {
        let plan = job.plan()?;
        let (mut text, mut spans) = (String::new(), Vec::new());
        for piece in pieces {
            let (task, pointer) = match piece {
                Piece::Fixed(connective) => {
                    text.push_str(connective.0.text(plan)?);
                    continue;
                }
                Piece::Value { task, pointer } | Piece::Count { task, pointer } | Piece::Digest { task, pointer } => {
                    (*task, *pointer)
                }
            };
            let value = job.output(task, pointer)?;
            let written = written_form(&value);
            let sha256 = Sha256::of(written.as_bytes());
            match piece {
                Piece::Fixed(_) => {}
                Piece::Value { .. } => text.push_str(&written),
                Piece::Count { .. } => text.push_str(&value.as_array()?.len().to_string()),
                Piece::Digest { .. } => text.push_str(&sha256.to_string()),
            }
            let name = plan.tasks.get(task as usize)?.id.clone();
            let span = Span { task: name, pointer: pointer.to_owned(), range: None, sha256 };
            if spans.last() != Some(&span) {
                spans.push(span);
            }
        }
        (!spans.is_empty()).then(|| Self { id: format!("S{number}"), text, spans, confidence })
    }

    /// The default statement about one output. A scalar is said as it is; a file, a table and a list by name, size and digest.
    pub fn about(job: &Job, number: usize, task: u32, pointer: &str, confidence: Confidence) -> Option<Self> {
        let plan = job.plan()?;
        let value = job.output(task, pointer)?;
        let path: Vec<String> = pointer.split('/').skip(1).map(unescape).collect();
        let below = |field: &str| format!("{pointer}/{field}");
        let (name, bytes, count, sha256) = (below("name"), below("bytes"), below("count"), below("sha256"));
        let mut pieces = vec![Piece::Fixed(connective::task_name(plan, task)?)];
        for part in &path {
            pieces.push(Piece::Fixed(connective::DOT));
            pieces.push(Piece::Fixed(connective::of_pointer(part)));
        }
        let fixed = Piece::Fixed;
        let at = |pointer| Piece::Value { task, pointer };
        if TableValue::from_value(&value).is_some() {
            pieces.extend([fixed(connective::IS_TABLE), at(&name), fixed(connective::COMMA), at(&count)]);
            pieces.extend([fixed(connective::ROWS_SHA256), at(&sha256)]);
        } else if FileValue::from_value(&value).is_some() {
            pieces.extend([fixed(connective::IS_FILE), at(&name), fixed(connective::COMMA), at(&bytes)]);
            pieces.extend([fixed(connective::BYTES_SHA256), at(&sha256)]);
        } else if value.is_array() {
            pieces.extend([fixed(connective::HAS), Piece::Count { task, pointer }]);
            pieces.extend([fixed(connective::ITEMS_SHA256), Piece::Digest { task, pointer }]);
        } else {
            pieces.extend([fixed(connective::IS), at(pointer)]);
        }
        Self::assemble(job, number, &pieces, confidence)
    }

    /// `S1`, `S2` …
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The sentence.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it rests on.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// How sure.
    pub const fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// What a file says of it.
    pub fn record(&self) -> StatementRecord {
        StatementRecord {
            id: self.id.clone(),
            text: self.text.clone(),
            spans: self.spans.clone(),
            confidence: self.confidence,
        }
    }
}

/// The bytes of a value that a span's digest covers: of a text the text itself, else the canonical form.
pub fn written_form(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => canonical_text(value),
    }
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}
