//! Rows as a Markdown table whose cells say what the data say, and nothing else: no links, no HTML, no emphasis.

use std::io::{self, Write};

use candor_proto::Column;
use serde_json::Value;

use super::cell;

pub(super) fn header(out: &mut impl Write, columns: &[Column]) -> io::Result<()> {
    if columns.is_empty() {
        return Ok(());
    }
    line(out, columns.iter().map(|column| escaped(&column.name)))?;
    let rule = |column: &Column| if matches!(column.kind.as_str(), "integer" | "number") { "---:" } else { "---" };
    line(out, columns.iter().map(|column| rule(column).to_owned()))
}

pub(super) fn row(out: &mut impl Write, row: &[Value]) -> io::Result<()> {
    line(out, row.iter().map(|value| escaped(&cell::text(value))))
}

fn line(out: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    out.write_all(b"|")?;
    for cell in cells {
        write!(out, " {cell} |")?;
    }
    out.write_all(b"\n")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' | '|' | '`' | '*' | '[' | ']' | '~' => escaped.extend(['\\', character]),
            // Inside a word an underscore is a character like any other.
            '_' if !between_letters(&escaped, characters.peek()) => escaped.push_str("\\_"),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' | '\r' => escaped.push_str("<br>"),
            control if control.is_control() => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}

fn between_letters(before: &str, after: Option<&char>) -> bool {
    before.ends_with(char::is_alphanumeric) && after.is_some_and(|character| character.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_leave_their_cell_or_become_markup() {
        let hostile = "a|b\r\n<script>[x](http://y) **b** `c` \\ _d_ statute_id &amp;";
        let expected =
            "a\\|b<br>&lt;script&gt;\\[x\\](http://y) \\*\\*b\\*\\* \\`c\\` \\\\ \\_d\\_ statute_id &amp;amp;";
        assert_eq!(escaped(hostile), expected);
    }
}
