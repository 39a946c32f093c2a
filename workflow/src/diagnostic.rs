//! What is wrong with a document: collected all at once, sorted by place, bounded in number.

mod code;
mod render;

use std::cell::Cell;

use candor_proto::message::{Diagnostic, Severity};

use crate::node::Span;
use crate::place::Places;

pub use code::Code;
pub use render::{Paint, render};

/// Diagnostics that one document gives; nobody reads more, and a hostile document could give a million.
pub const DIAGNOSTICS_MAX: usize = 200;

/// Findings that are collected before sorting; further ones are only counted.
const FINDINGS_MAX: usize = 5_000;

/// Pairs of names that are compared in search of the nearest, so that thousands of wrong names cost no minutes.
const COMPARISONS_MAX: usize = 200_000;

/// Characters of somebody else's text that a message repeats.
const QUOTED_CHARS_MAX: usize = 80;

/// One thing that was found, with its place as bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) advice: String,
}

/// Everything that was found so far.
pub(crate) struct Findings {
    list: Vec<Finding>,
    dropped: usize,
    comparisons_left: Cell<usize>,
}

impl Findings {
    pub(crate) const fn new() -> Self {
        Self { list: Vec::new(), dropped: 0, comparisons_left: Cell::new(COMPARISONS_MAX) }
    }

    pub(crate) fn error(&mut self, code: Code, span: Span, message: impl Into<String>, advice: impl Into<String>) {
        self.add(code, Severity::Error, span, message.into(), advice.into());
    }

    pub(crate) fn warning(&mut self, code: Code, span: Span, message: impl Into<String>, advice: impl Into<String>) {
        self.add(code, Severity::Warning, span, message.into(), advice.into());
    }

    pub(crate) fn add(&mut self, code: Code, severity: Severity, span: Span, message: String, advice: String) {
        if self.list.len() < FINDINGS_MAX {
            self.list.push(Finding { code, severity, span, message, advice });
        } else {
            self.dropped += 1;
        }
    }

    /// Forgets everything: a document that cannot be read has one diagnostic.
    pub(crate) fn retain_none(&mut self) {
        self.list.clear();
        self.dropped = 0;
    }

    pub(crate) fn count(&self) -> usize {
        self.list.len() + self.dropped
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.dropped > 0 || self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The known name that is nearest to a wrong one, where one is near enough to be meant.
    pub(crate) fn nearest<'w>(&self, word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
        nearest_within(word, known, &self.comparisons_left)
    }

    /// Advice that names the nearest known name, else lists the known ones, else `otherwise`.
    pub(crate) fn did_you_mean<'w>(
        &self,
        word: &str,
        known: impl IntoIterator<Item = &'w str> + Clone,
        otherwise: &str,
    ) -> String {
        if self.list.len() >= FINDINGS_MAX {
            return String::new();
        }
        if let Some(near) = self.nearest(word, known.clone()) {
            return format!("Did you mean `{near}`?");
        }
        let some: Vec<&str> = known.into_iter().take(41).collect();
        if some.is_empty() || some.len() > 40 {
            return otherwise.to_owned();
        }
        if let [only] = some.as_slice() {
            return format!("Known is only `{}`.", quoted(only));
        }
        format!("Known are {}.", some.iter().map(|name| format!("`{}`", quoted(name))).collect::<Vec<_>>().join(", "))
    }

    /// The diagnostics, by place, at most [`DIAGNOSTICS_MAX`] and a note about the rest.
    pub(crate) fn finish(mut self, places: &Places<'_>) -> Vec<Diagnostic> {
        self.list.sort_by_key(|finding| (finding.span, finding.severity));
        self.list.dedup();
        let found = self.list.len() + self.dropped;
        if self.list.len() > DIAGNOSTICS_MAX {
            // Errors stand in the way; warnings give up their places first.
            self.list.sort_by_key(|finding| finding.severity);
            self.list.truncate(DIAGNOSTICS_MAX);
            self.list.sort_by_key(|finding| (finding.span, finding.severity));
        }
        let left_out = found - self.list.len();
        if left_out > 0 {
            let end = self.list.last().map_or(Span::at(0), |finding| finding.span);
            let message = format!("{left_out} more were found and left out.");
            let advice = "Correct these first, then check again.".to_owned();
            let code = Code::MoreFound;
            self.list.push(Finding { code, severity: Severity::Warning, span: end, message, advice });
        }
        self.list.into_iter().map(|finding| finding.into_diagnostic(places)).collect()
    }
}

impl Finding {
    fn into_diagnostic(self, places: &Places<'_>) -> Diagnostic {
        let place = places.of(self.span);
        Diagnostic {
            code: self.code.word().to_owned(),
            severity: self.severity,
            line: place.line,
            column: place.column,
            length: place.length,
            message: self.message,
            advice: self.advice,
        }
    }
}

/// The nearest known name; every comparison is taken from `left`.
pub(crate) fn nearest_within<'w>(
    word: &str,
    known: impl IntoIterator<Item = &'w str>,
    left: &Cell<usize>,
) -> Option<&'w str> {
    let length = word.chars().count();
    if length > QUOTED_CHARS_MAX {
        return None;
    }
    let near_enough = (length / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let Some(rest) = left.get().checked_sub(1) else { break };
        left.set(rest);
        if candidate.len().abs_diff(word.len()) > near_enough * 4 || candidate.len() > QUOTED_CHARS_MAX * 4 {
            continue;
        }
        let distance = strsim::osa_distance(&word.to_lowercase(), &candidate.to_lowercase());
        if distance <= near_enough && distance < length && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// Somebody else's text for a message: cut, and without characters that would steer a terminal.
pub(crate) fn quoted(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .take(QUOTED_CHARS_MAX)
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        clean.push('…');
    }
    clean
}
