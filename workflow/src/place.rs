//! From byte offsets to lines and columns, and from a decoded text back to its source.

use std::cell::OnceCell;

use crate::node::{Node, Scalar, Span, Style};

/// A source text with the starts of its lines.
pub(crate) struct Places<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

/// A place for people: line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// Characters on that line; 0 where the span is empty.
    pub(crate) length: u32,
}

impl<'t> Places<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    pub(crate) fn of(&self, span: Span) -> Place {
        let start = floor(self.text, span.start);
        let index = self.starts.partition_point(|line| *line <= start).saturating_sub(1);
        let line_start = self.starts.get(index).copied().unwrap_or(0);
        let line_end = self.starts.get(index + 1).map_or(self.text.len(), |next| next - 1);
        let end = floor(self.text, span.end.min(line_end)).max(start);
        let count = |from: usize, to: usize| {
            u32::try_from(self.text.get(from..to).unwrap_or("").trim_end_matches('\r').chars().count())
                .unwrap_or(u32::MAX)
        };
        // A byte-order mark has no column of its own.
        let mark = u32::from(index == 0 && self.text.starts_with('\u{feff}') && start > 0);
        let column = (count(line_start, start) + 1).saturating_sub(mark);
        Place { line: u32::try_from(index + 1).unwrap_or(u32::MAX), column, length: count(start, end) }
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Finds the source of parts of one scalar's decoded text. Walks the text once, and only when it is asked.
pub(crate) struct Within<'n> {
    source: &'n str,
    pub(crate) node: &'n Node,
    pub(crate) scalar: &'n Scalar,
    table: OnceCell<Vec<(usize, usize)>>,
}

impl<'n> Within<'n> {
    /// Of a node that is a scalar.
    pub(crate) fn new(source: &'n str, node: &'n Node) -> Option<Self> {
        Some(Self { source, node, scalar: node.as_scalar()?, table: OnceCell::new() })
    }

    /// Where a part of the decoded text stands in the source; the whole scalar where that cannot be said.
    pub(crate) fn span(&self, offset: usize, length: usize) -> Span {
        let table = self.table.get_or_init(|| {
            let written = self.source.get(self.node.span.start..self.node.span.end).unwrap_or("");
            aligned(written, self.scalar)
        });
        let written_at = |decoded: usize| {
            let index = table.partition_point(|(from, _)| *from < decoded);
            table.get(index).map(|(_, at)| *at)
        };
        match (written_at(offset), written_at(offset.saturating_add(length))) {
            (Some(from), Some(to)) => Span::new(self.node.span.start + from, self.node.span.start + to),
            (Some(from), None) => Span::at(self.node.span.start + from),
            (None, _) => self.node.span,
        }
    }
}

/// Pairs of offsets that correspond: in the decoded text, and in its written form. Ends early where they part.
///
/// Walks both side by side: YAML folds and strips white space and decodes escapes, and nothing else.
fn aligned(written: &str, scalar: &Scalar) -> Vec<(usize, usize)> {
    let mut at = match scalar.style {
        Style::Plain => 0,
        Style::SingleQuoted | Style::DoubleQuoted => 1,
        // The header `|` or `>` has a line of its own, where the span includes it.
        Style::Block if written.starts_with(['|', '>']) => written.find('\n').map_or(written.len(), |end| end + 1),
        Style::Block => 0,
    };
    let mut table = Vec::new();
    for (index, wanted) in scalar.text.char_indices() {
        if wanted.is_whitespace() {
            table.push((index, at));
            at = skip_one_blank(written, at, wanted);
            continue;
        }
        at += blanks(written.get(at..).unwrap_or(""), scalar.style);
        let Some(taken) = one(written.get(at..).unwrap_or(""), wanted, scalar.style) else { return table };
        table.push((index, at));
        at += taken;
    }
    table.push((scalar.text.len(), at));
    table
}

fn skip_one_blank(written: &str, at: usize, wanted: char) -> usize {
    match written.get(at..).and_then(|rest| rest.chars().next()) {
        Some(found) if found == wanted => at + found.len_utf8(),
        Some(_) | None => at,
    }
}

/// Bytes of white space (and of escaped line ends) before the next visible character.
fn blanks(rest: &str, style: Style) -> usize {
    let mut at = 0;
    while let Some(found) = rest.get(at..).and_then(|rest| rest.chars().next()) {
        let after = rest.get(at + 1..).unwrap_or("");
        if found.is_whitespace() {
            at += found.len_utf8();
        } else if style == Style::DoubleQuoted && found == '\\' && after.starts_with(['n', 't', 'r', '\n', ' ']) {
            at += 2;
        } else {
            break;
        }
    }
    at
}

/// Bytes that the next decoded character takes in the written form.
fn one(rest: &str, wanted: char, style: Style) -> Option<usize> {
    let found = rest.chars().next()?;
    match (style, found) {
        (Style::DoubleQuoted, '\\') => {
            let escape = rest.chars().nth(1)?;
            Some(match escape {
                'x' => 4,
                'u' => 6,
                'U' => 10,
                other => 1 + other.len_utf8(),
            })
        }
        (Style::SingleQuoted, '\'') => rest.starts_with("''").then_some(2),
        (_, found) if found == wanted => Some(found.len_utf8()),
        (_, _) => None,
    }
}
