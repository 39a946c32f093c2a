//! What is checked before the parser sees the text: its length, its nesting, and words of other languages.
//!
//! The parser recurses many times for each bracket and each operator, so a hostile text could exhaust the
//! stack; and its messages name rules of a grammar, where the author only needs to hear that CEL writes `&&`.

use super::ExpressionError;
use super::lexer::{Token, TokenKind, tokens};
use super::limits::{BRACKET_DEPTH_MAX, ESTIMATED_DEPTH_MAX, EXPRESSION_BYTES_MAX};

/// Words that mean something by themselves, so that no name may be one of them without quotes.
pub(super) const RESERVED: [&str; 4] = ["in", "true", "false", "null"];

/// Checks the text and gives back its words.
pub(super) fn check(text: &str) -> Result<Vec<Token>, ExpressionError> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(ExpressionError::new(
            "expression_too_long",
            format!("the expression has {} bytes; at most {EXPRESSION_BYTES_MAX} are allowed", text.len()),
            "Move the computation into a task, or split it over several.",
            0..text.len(),
        ));
    }
    let tokens = tokens(text);
    if tokens.is_empty() {
        return Err(ExpressionError::new(
            "expression_empty",
            "the expression is empty",
            "Write a value, such as `inputs.name`.",
            0..text.len(),
        ));
    }
    for (index, token) in tokens.iter().enumerate() {
        foreign(text, &tokens, index, *token)?;
    }
    nesting(text, &tokens)?;
    Ok(tokens)
}

/// Words of other languages, each with what CEL writes instead.
fn foreign(text: &str, tokens: &[Token], index: usize, token: Token) -> Result<(), ExpressionError> {
    let word = token.of(text);
    let before = index.checked_sub(1).and_then(|i| tokens.get(i)).map_or("", |token| token.of(text));
    let after = tokens.get(index + 1).filter(|next| next.start == token.end).map_or("", |next| next.of(text));
    let message = |code, message: String, advice: &str, end: usize| {
        Err(ExpressionError::new(code, message, advice, token.start..end))
    };
    match token.kind {
        TokenKind::Unclosed => {
            message("syntax", "a string begins here and does not end".into(), "Close the quote.", token.end)
        }
        TokenKind::Foreign if word == "$" => message(
            "syntax",
            "`$` has no meaning in an expression".into(),
            "Write names without `$`: `inputs.name`.",
            token.end,
        ),
        TokenKind::Foreign => message(
            "syntax",
            format!("`{word}` has no meaning in an expression"),
            "Put text into quotes; a key with special characters is read as `x['key']`.",
            token.end,
        ),
        TokenKind::Name if before == "." && RESERVED.contains(&word) => {
            let path = text.get(path_start(text, tokens, index)..token.start).unwrap_or_default();
            let path = path.trim_end().trim_end_matches('.').trim_end();
            let advice = format!("Write `{path}['{word}']`.");
            message(
                "syntax",
                format!("`{word}` is a word of the language and cannot stand after a dot"),
                &advice,
                token.end,
            )
        }
        TokenKind::Name if before != "." => match instead_of_name(word, after) {
            Some(advice) => message("syntax", format!("`{word}` is not known here"), advice, token.end),
            None => id_with_dash(text, tokens, index),
        },
        TokenKind::Symbol => match instead_of_symbol(word, before, after) {
            Some((advice, taken)) => {
                let written = text.get(token.start..token.end + taken).unwrap_or(word);
                message("syntax", format!("`{written}` is not an operator here"), advice, token.end + taken)
            }
            None => Ok(()),
        },
        TokenKind::Name | TokenKind::Number | TokenKind::Text => Ok(()),
    }
}

/// Where the chain of names begins that a token ends: in `1 + tasks.in` at `tasks`.
fn path_start(text: &str, tokens: &[Token], index: usize) -> usize {
    let mut first = index;
    while let Some([name, dot]) = first.checked_sub(2).and_then(|at| tokens.get(at..first)) {
        if dot.of(text) != "." || name.kind != TokenKind::Name {
            break;
        }
        first -= 2;
    }
    tokens.get(first).map_or(0, |token| token.start)
}

/// Advice for a name that another language would understand.
fn instead_of_name(word: &str, after: &str) -> Option<&'static str> {
    match word {
        "and" => Some("Write `&&` for and."),
        "or" => Some("Write `||` for or."),
        "not" => Some("Write `!` for not."),
        "is" => Some("Write `==` to compare."),
        "True" | "TRUE" => Some("Write `true`."),
        "False" | "FALSE" => Some("Write `false`."),
        "None" | "nil" | "undefined" | "NULL" | "Null" => Some("Write `null`."),
        "if" | "then" | "else" => Some("Write `condition ? one : other`."),
        "len" if after == "(" => Some("Write `size(x)`."),
        _ => None,
    }
}

/// Advice for a sign that another language would understand, and how many bytes of the next sign belong to it.
fn instead_of_symbol(word: &str, before: &str, after: &str) -> Option<(&'static str, usize)> {
    match (word, after) {
        ("=", ">") => Some(("CEL has no functions of its own; write `list.map(x, …)`.", 1)),
        ("=", _) => Some(("Write `==` to compare; nothing can be assigned.", 0)),
        ("==" | "!=", "=") => Some(("Write `==` or `!=`.", 1)),
        ("&", _) => Some(("Write `&&` for and.", 0)),
        ("|", _) => Some(("Write `||` for or; there are no filters, but functions such as `x.trim()`.", 0)),
        (">", ">") => Some(("Write `math.bitShiftRight(a, b)`.", 1)),
        ("<", "<") => Some(("Write `math.bitShiftLeft(a, b)`.", 1)),
        ("*", "*") => Some(("There is no power operator; multiply.", 1)),
        ("+", "+") => Some(("Write `a + 1`; nothing can be changed.", 1)),
        ("?", "." | "?") => Some(("Write `has(a.b) ? a.b : other`.", 1)),
        (".", "?") => Some(("Write `has(a.b) ? a.b : other`.", 1)),
        ("?", _) if before == "[" => Some(("Write `'key' in map ? map['key'] : other`.", 0)),
        _ => None,
    }
}

/// `tasks.my-task` would be read as `tasks.my` minus `task`.
fn id_with_dash(text: &str, tokens: &[Token], index: usize) -> Result<(), ExpressionError> {
    let Some([root, dot, first]) = tokens.get(index..index + 3) else { return Ok(()) };
    if root.of(text) != "tasks" || dot.of(text) != "." || first.kind != TokenKind::Name {
        return Ok(());
    }
    let tail = text.get(first.start..).unwrap_or_default();
    let length = tail.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(tail.len());
    let id = tail[..length].trim_end_matches('-');
    if !id.contains('-') {
        return Ok(());
    }
    Err(ExpressionError::new(
        "id_with_dash",
        format!("`tasks.{id}` is read as a subtraction, because the id contains `-`"),
        format!("Write `tasks['{id}']`."),
        root.start..first.start + id.len(),
    ))
}

/// What one open bracket has come to so far.
#[derive(Default)]
struct Level {
    /// Operators since the last comma that may each add a level to the tree.
    operators: usize,
    /// Dots, calls and indexes on the value before.
    postfix: usize,
    /// Operators before the value.
    prefix: usize,
}

impl Level {
    fn depth(&self) -> usize {
        1 + self.operators + self.postfix + self.prefix
    }
}

/// Refuses brackets and chains that are too deep for the parser.
fn nesting(text: &str, tokens: &[Token]) -> Result<(), ExpressionError> {
    let mut levels = vec![Level::default()];
    let mut value_before = false;
    for token in tokens {
        let word = token.of(text);
        let closes = matches!(word, ")" | "]" | "}");
        if closes {
            levels.pop();
        }
        let Some(level) = levels.last_mut() else { return Err(unopened(word, *token)) };
        match word {
            "(" | "[" | "{" => {
                level.postfix += usize::from(value_before);
                levels.push(Level::default());
            }
            "," | "&&" | "||" => {
                *level = Level { operators: level.operators.min(usize::from(word != ",") * 8), ..Level::default() }
            }
            "." => level.postfix += 1,
            "!" | "-" if !value_before => level.prefix += 1,
            "?" | ":" | "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" => {
                *level = Level { operators: level.operators + 1, ..Level::default() };
            }
            _ => {}
        }
        value_before = closes || (token.kind != TokenKind::Symbol && word != "in");
        let depth: usize = levels.iter().map(Level::depth).sum();
        if levels.len() > BRACKET_DEPTH_MAX || depth > ESTIMATED_DEPTH_MAX {
            return Err(too_deep(token.start..token.end));
        }
    }
    Ok(())
}

fn unopened(word: &str, token: Token) -> ExpressionError {
    ExpressionError::new(
        "syntax",
        format!("`{word}` closes a bracket that was not opened"),
        "Remove it, or open the bracket.",
        token.start..token.end,
    )
}

/// The refusal of a tree that is too deep.
pub(super) fn too_deep(place: std::ops::Range<usize>) -> ExpressionError {
    ExpressionError::new(
        "expression_too_deep",
        "the expression is nested too deeply, or chains too many operators",
        "Use a list with a function (`[a, b, c].join('')`, `math.greatest([…])`), or compute it in a task.",
        place,
    )
}
