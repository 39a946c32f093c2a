//! Diagnostics as text for people: `FILE:LINE:COLUMN`, the line with the place marked, and what to do.

use std::fmt::Write;

use candor_proto::message::{Diagnostic, Severity};

/// Whether a rendered text carries colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Plain text.
    #[default]
    Plain,
    /// With the escape sequences of a terminal.
    Colour,
}

/// Characters of a source line that are shown around the place.
const LINE_CHARS_MAX: usize = 160;

/// Characters that stay visible before the place when a line is cut.
const CHARS_BEFORE: usize = 60;

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// All diagnostics of one document, as text. `name` is the file's name, `text` what it holds.
pub fn render(name: &str, text: &str, diagnostics: &[Diagnostic], paint: Paint) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    for diagnostic in diagnostics {
        one(&mut out, name, &lines, diagnostic, paint);
    }
    out
}

fn one(out: &mut String, name: &str, lines: &[&str], diagnostic: &Diagnostic, paint: Paint) {
    let (word, colour) = match diagnostic.severity {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
    };
    let title = paint.wrap(colour, &format!("{word}[{}]", diagnostic.code));
    let number = diagnostic.line.to_string();
    let margin = " ".repeat(number.len());
    let bar = paint.wrap("1;34", "|");
    // Writing to a text cannot fail.
    let _ = writeln!(out, "{title}: {}", paint.wrap("1", &diagnostic.message));
    let arrow = paint.wrap("1;34", "-->");
    let _ = writeln!(out, "{margin}{arrow} {name}:{}:{}", diagnostic.line, diagnostic.column);
    let index = usize::try_from(diagnostic.line).unwrap_or(0).saturating_sub(1);
    if let Some(line) = lines.get(index) {
        let (shown, before) = cut(line.trim_start_matches('\u{feff}'), diagnostic.column);
        let room = shown.chars().count().saturating_sub(before).max(1);
        let marks = "^".repeat((usize::try_from(diagnostic.length).unwrap_or(1).max(1)).min(room));
        let _ = writeln!(out, "{margin} {bar}");
        let _ = writeln!(out, "{} {bar} {shown}", paint.wrap("1;34", &number));
        let _ = writeln!(out, "{margin} {bar} {}{}", " ".repeat(before), paint.wrap(colour, &marks));
    }
    let _ = writeln!(out, "{margin} {} {}\n", paint.wrap("1;34", "="), diagnostic.advice);
}

/// The visible part of a line and the characters before the place in it; no character may steer a terminal.
fn cut(line: &str, column: u32) -> (String, usize) {
    let before = usize::try_from(column).unwrap_or(1).saturating_sub(1);
    let start =
        if before > CHARS_BEFORE && line.chars().nth(LINE_CHARS_MAX).is_some() { before - CHARS_BEFORE } else { 0 };
    let clean = |character: char| match character {
        '\t' => ' ',
        control if control.is_control() => '\u{fffd}',
        plain => plain,
    };
    (line.chars().skip(start).take(LINE_CHARS_MAX).map(clean).collect(), before - start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_stands_as_file_line_column_and_is_marked() {
        let diagnostic = Diagnostic {
            code: "unknown-key".to_owned(),
            severity: Severity::Error,
            line: 2,
            column: 3,
            length: 5,
            message: "`taskz` is no key of a workflow.".to_owned(),
            advice: "Did you mean `tasks`?".to_owned(),
        };
        let text = render("a.yaml", "name: a\n\té\u{7}taskz: []\n", &[diagnostic], Paint::Plain);
        assert!(text.contains("--> a.yaml:2:3\n"), "{text}");
        assert!(text.contains("2 |  é\u{fffd}taskz: []\n  |   ^^^^^\n"), "{text}");
        assert!(text.contains("= Did you mean `tasks`?"), "{text}");
    }
}
