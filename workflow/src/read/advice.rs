//! What to do about a YAML error: above all about an unquoted `${{ … }}`, which YAML breaks or cuts.

use granit_parser::{ErrorKind, ScanError};

use crate::node::Span;

const QUOTE: &str = "Put the whole value in double quotes: without them YAML reads `: `, ` #`, `{` and `}` inside \
                     `${{ … }}` as signs of its own.";

/// Message and advice for a YAML error.
pub(super) fn of_yaml(text: &str, at: usize, error: &ScanError) -> (String, String) {
    let message = format!("This is no valid YAML: {}.", error.info().trim_end_matches('.'));
    if let Some(advice) = of_braces(text, at) {
        return (message, advice);
    }
    let advice = match error.kind() {
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => {
            "Close the quotation: a quote that opens a text must also end it."
        }
        ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabAtBlockScalarStart => "Indent with spaces; YAML allows no tabs there.",
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement | ErrorKind::SimpleKeyExpected => {
            "Check the indentation, and put a text that contains `: ` in quotes."
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            "Check that every `[` and `{` is closed and that commas stand between the parts."
        }
        ErrorKind::UnknownAnchor => {
            "An alias `*name` needs its anchor `&name` further up; put a text that begins with `*` in quotes."
        }
        ErrorKind::DirectiveDisallowed => "Remove the line that begins with `%`.",
        ErrorKind::UnexpectedCharacter { .. } => "Put a text that begins with this character in quotes.",
        // The parser may learn new kinds; the message says what it saw.
        _ => "Check indentation, quotes and brackets around this place.",
    };
    (message, advice.to_owned())
}

/// The advice to quote, where an unquoted `${{` stands on this line or on the one before.
pub(super) fn of_braces(text: &str, at: usize) -> Option<String> {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let line_start = text[..at].rfind('\n').map_or(0, |found| found + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |found| at + found);
    let before_start = text[..line_start.saturating_sub(1)].rfind('\n').map_or(0, |found| found + 1);
    let here = text.get(line_start..line_end).unwrap_or("");
    let before = text.get(before_start..line_start).unwrap_or("");
    (has_unquoted_braces(here) || has_unquoted_braces(before)).then(|| QUOTE.to_owned())
}

fn has_unquoted_braces(line: &str) -> bool {
    line.match_indices("${{").any(|(at, _)| {
        let before = &line[..at];
        before.matches('"').count().is_multiple_of(2) && before.matches('\'').count().is_multiple_of(2)
    })
}

/// One character; where only white space follows, the last visible one before.
pub(super) fn mark(text: &str, at: usize) -> Span {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    if text[at..].trim_start().is_empty() {
        let end = text[..at].trim_end().len();
        let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
        return Span::new(end - last, end);
    }
    Span::new(at, at + text[at..].chars().next().map_or(0, char::len_utf8))
}
