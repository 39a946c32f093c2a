//! Splits the text of an expression into words, with their places.
//!
//! The parser of the `cel` crate decides what is correct. This lexer only finds where things stand: the end of
//! a `${{ }}`, the name after a dot, a nesting that is too deep to hand to the parser.

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An identifier or a keyword.
    Name,
    /// A number, or what begins like one.
    Number,
    /// A string or bytes literal.
    Text,
    /// A string literal without its end; reaches to the end of the text.
    Unclosed,
    /// An operator or a bracket, of one or two characters.
    Symbol,
    /// A character that CEL does not know outside strings.
    Foreign,
}

/// A word and where it stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    /// The word itself.
    pub(super) fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Operators of two characters.
const PAIRS: [&str; 6] = ["==", "!=", "<=", ">=", "&&", "||"];

/// Characters that are words of CEL by themselves (`&`, `|` and `=` are not, but the checks name them).
const SINGLES: &str = "()[]{}.,:?!<>+-*/%=&|";

/// All words of a text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(token) = next_token(text, at) {
        at = token.end;
        tokens.push(token);
    }
    tokens
}

/// The first word at or after `at`; spaces and comments are none.
pub(super) fn next_token(text: &str, at: usize) -> Option<Token> {
    let start = skip_space(text, at);
    let rest = text.get(start..)?;
    let first = rest.chars().next()?;
    if let Some((length, closed)) = string_length(rest) {
        let kind = if closed { TokenKind::Text } else { TokenKind::Unclosed };
        return Some(Token { kind, start, end: start + length });
    }
    let (kind, length) = if first.is_ascii_alphabetic() || first == '_' {
        (TokenKind::Name, run(rest, |c| c.is_ascii_alphanumeric() || c == '_'))
    } else if first.is_ascii_digit() {
        (TokenKind::Number, number_length(rest))
    } else if PAIRS.iter().any(|pair| rest.starts_with(pair)) {
        (TokenKind::Symbol, 2)
    } else if SINGLES.contains(first) {
        (TokenKind::Symbol, 1)
    } else {
        (TokenKind::Foreign, first.len_utf8())
    };
    Some(Token { kind, start, end: start + length })
}

fn skip_space(text: &str, mut at: usize) -> usize {
    while let Some(rest) = text.get(at..) {
        let space = run(rest, |c| matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{c}'));
        if space > 0 {
            at += space;
        } else if rest.starts_with("//") {
            at += run(rest, |c| c != '\n');
        } else {
            break;
        }
    }
    at
}

/// Bytes of the longest beginning whose characters all belong.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn number_length(text: &str) -> usize {
    let mut length = run(text, |c| c.is_ascii_alphanumeric() || c == '_');
    let fraction = text[length..].strip_prefix('.').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if let Some(rest) = fraction {
        length += 1 + run(rest, |c| c.is_ascii_alphanumeric());
    }
    let exponent = text[..length].ends_with(['e', 'E']) && !text.starts_with("0x");
    if exponent && text[length..].starts_with(['+', '-']) {
        length += 1 + run(&text[length + 1..], |c| c.is_ascii_digit());
    }
    length
}

/// Length of the string literal that the text begins with, and whether it is closed.
fn string_length(text: &str) -> Option<(usize, bool)> {
    let prefix = run(text, |c| matches!(c, 'r' | 'R' | 'b' | 'B'));
    let body = text.get(prefix..)?;
    if prefix > 2 || !body.starts_with(['"', '\'']) {
        return None;
    }
    let raw = text[..prefix].contains(['r', 'R']);
    let quote = &body[..1];
    let triple = quote.repeat(3);
    let quote = if body.starts_with(&triple) { triple.as_str() } else { quote };
    let mut at = quote.len();
    while let Some(rest) = body.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(quote) {
            return Some((prefix + at + quote.len(), true));
        }
        let escaped = !raw && rest.starts_with('\\');
        at += rest.chars().take(if escaped { 2 } else { 1 }).map(char::len_utf8).sum::<usize>();
    }
    Some((text.len(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text).iter().map(|token| token.of(text)).collect()
    }

    #[test]
    fn words_are_split_with_their_places() {
        assert_eq!(words("tasks['my-task'].n >= 1.5e-3"), ["tasks", "[", "'my-task'", "]", ".", "n", ">=", "1.5e-3"]);
        assert_eq!(words("a // rest\n+ b"), ["a", "+", "b"]);
        assert_eq!(words("1.size()"), ["1", ".", "size", "(", ")"]);
    }

    #[test]
    fn strings_of_every_kind_are_one_word() {
        for text in [r#"'a\'b'"#, r#"r'a\'"#, r#""""a"b""""#, r"'''a'b'''", r#"br"x\""#, "''", "'}}'"] {
            assert_eq!(words(text), [text]);
        }
        assert_eq!(tokens("'abc")[0].kind, TokenKind::Unclosed);
        assert_eq!(tokens("'''abc''")[0].kind, TokenKind::Unclosed);
    }
}
