//! Text to a checked program: the parser of the `cel` crate between our checks.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr};
use cel::{Env, IdedExpr, ParseError, ParseErrors, Program};

use super::lexer::{Token, TokenKind};
use super::limits::{MACRO_DEPTH_MAX, TREE_DEPTH_MAX};
use super::references::References;
use super::{ExpressionError, lower, precheck, special, walk};

/// The standard library and the extensions; built once, because that takes longer than most evaluations.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(false);
    let extended = env
        .add_extension(cel::extensions::lists)
        .and_then(|()| env.add_extension(cel::extensions::strings))
        .and_then(|()| env.add_extension(cel::extensions::math))
        .and_then(|()| special::register(&mut env));
    debug_assert!(extended.is_ok(), "a function is declared twice");
    Arc::new(env)
});

/// An expression that passed every check, ready for evaluation.
pub(super) struct Compiled {
    pub(super) references: References,
    pub(super) program: IdedExpr,
}

pub(super) fn compile(text: &str) -> Result<Compiled, ExpressionError> {
    let tokens = precheck::check(text)?;
    let program = ENVIRONMENT.compile(text).map_err(|errors| syntax(text, &tokens, &errors))?;
    let root = program.expression();
    if depth(root) > TREE_DEPTH_MAX {
        return Err(precheck::too_deep(0..text.len()));
    }
    if macro_depth(root) > MACRO_DEPTH_MAX {
        return Err(ExpressionError::new(
            "macros_nested",
            "only one macro (`map`, `filter`, `all` …) may stand inside another",
            "Compute the inner list in a task of its own.",
            0..text.len(),
        ));
    }
    let references = walk::collect(text, &tokens, program.source_info(), root)?;
    check_secrets(text, &program, &references)?;
    let program = lower::lower(root);
    Ok(Compiled { references, program })
}

/// Says in plain words where the parser stopped.
fn syntax(text: &str, tokens: &[Token], errors: &ParseErrors) -> ExpressionError {
    let first = errors.errors.iter().filter(|error| !error.msg.starts_with("Incomplete")).min_by_key(|error| error.pos);
    let Some(error) = first.or(errors.errors.first()) else {
        return ExpressionError::new(
            "syntax",
            "the expression cannot be read",
            "Compare it with the examples.",
            0..text.len(),
        );
    };
    let offset = offset_of(text, error);
    if !error.msg.starts_with("Syntax error") {
        let token = tokens.iter().find(|token| token.end > offset);
        let place = token.map_or(offset..text.len(), |token| token.start..token.end);
        return ExpressionError::new("syntax", error.msg.clone(), "Write it as CEL does.", place);
    }
    match tokens.iter().find(|token| token.end > offset) {
        None => ExpressionError::new(
            "syntax",
            "the expression ends too early",
            "A value, an operator or a closing bracket is missing at the end.",
            text.trim_end().len()..text.len(),
        ),
        Some(token) => unexpected(text, *token),
    }
}

fn unexpected(text: &str, token: Token) -> ExpressionError {
    if token.kind == TokenKind::Text && token.of(text).contains('\\') {
        return ExpressionError::new(
            "syntax",
            "this string has an escape that CEL does not know, or stands in the wrong place",
            "Write `\\\\` for a backslash, or a raw string such as `r'\\d+'`.",
            token.start..token.end,
        );
    }
    let advice = match token.kind {
        TokenKind::Name | TokenKind::Number | TokenKind::Text => {
            "An operator (such as `+`, `==`, `&&`) is missing before it, or a quote or bracket around it."
        }
        TokenKind::Symbol | TokenKind::Foreign | TokenKind::Unclosed => {
            "A value is missing before it, or a bracket is opened or closed in the wrong place."
        }
    };
    let place: Range<usize> = token.start..token.end;
    ExpressionError::new("syntax", format!("`{}` cannot stand here", token.of(text)), advice, place)
}

/// The parser counts lines and characters from 1.
fn offset_of(text: &str, error: &ParseError) -> usize {
    let (line, column) = (usize::try_from(error.pos.0).unwrap_or(1), usize::try_from(error.pos.1).unwrap_or(1));
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    before + rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
}

/// The parts of a node that are nodes themselves.
pub(super) fn children(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => Vec::new(),
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Struct(message) => message.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Comprehension(c) => vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result],
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}

fn depth(node: &IdedExpr) -> usize {
    1 + children(node).into_iter().map(depth).max().unwrap_or(0)
}

/// How many loops run inside each other. A macro over the result of another runs after it, not inside.
fn macro_depth(node: &IdedExpr) -> usize {
    let Expr::Comprehension(c) = &node.expr else {
        return children(node).into_iter().map(macro_depth).max().unwrap_or(0);
    };
    let around = [&c.iter_range, &c.accu_init, &c.result].into_iter().map(macro_depth).max().unwrap_or(0);
    let inside = [&c.loop_cond, &c.loop_step].into_iter().map(macro_depth).max().unwrap_or(0);
    around.max(inside + usize::from(lower::is_loop(c)))
}

/// A secret travels as a placeholder, so nothing can be computed from it.
fn check_secrets(text: &str, program: &Program, references: &References) -> Result<(), ExpressionError> {
    let bare = references.names.iter().find(|name| name.name == "secrets");
    let alone = lower::secret_name(program.expression()).is_some();
    let place = match (bare, references.secrets.first()) {
        (Some(name), _) => name.offset..name.offset + name.length,
        (None, Some(secret)) if !alone => secret.offset..secret.offset + secret.length,
        _ => return check_secret_name(references),
    };
    Err(ExpressionError::new(
        "secret_computed",
        "nothing can be computed from a secret, because only the worker knows its value",
        "Write `${{ secrets.NAME }}` alone or inside other text.",
        if place.is_empty() { 0..text.len() } else { place },
    ))
}

fn check_secret_name(references: &References) -> Result<(), ExpressionError> {
    match references.secrets.iter().find(|secret| !crate::secret::is_name(&secret.name)) {
        None => Ok(()),
        Some(secret) => Err(ExpressionError::new(
            "secret_name",
            format!("`{}` cannot be the name of a secret", secret.name),
            "A name has letters, digits and `_`, and does not begin with a digit.",
            secret.offset..secret.offset + secret.length,
        )),
    }
}
