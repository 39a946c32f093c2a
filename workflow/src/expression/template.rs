//! Text with expressions in it: `Hello ${{ inputs.name }}`.

use serde_json::Value;

use super::lexer::{TokenKind, next_token};
use super::limits::{TEMPLATE_EXPRESSIONS_MAX, TEXT_BYTES_MAX};
use super::{EvaluationError, Expression, ExpressionError, Scope};
use crate::secret;

/// How an expression begins.
const OPEN: &str = "${{";
/// How it ends.
const CLOSE: &str = "}}";

/// A text, cut into plain pieces and expressions.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Plain(String),
    Expression { offset: usize, expression: Box<Expression> },
}

/// An expression in a text, in bytes: from `${{` to after `}}`, and what stands between, without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) whole: std::ops::Range<usize>,
    pub(crate) inner: std::ops::Range<usize>,
}

impl Template {
    /// Cuts the text and parses its expressions.
    ///
    /// # Errors
    ///
    /// The first mistake, with its place in `text`.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(place) = next_expression(text, at)? {
            push_plain(&mut pieces, text, at..place.whole.start)?;
            let inner = text.get(place.inner.clone()).unwrap_or_default();
            let expression = Expression::parse(inner).map_err(|error| error.shifted(place.inner.start))?;
            pieces.push(Piece::Expression { offset: place.inner.start, expression: Box::new(expression) });
            at = place.whole.end;
            if pieces.len() > 2 * TEMPLATE_EXPRESSIONS_MAX {
                return Err(ExpressionError::new(
                    "too_many_expressions",
                    format!("a text may hold at most {TEMPLATE_EXPRESSIONS_MAX} expressions"),
                    "Put the text into a file, or build it in a task.",
                    place.whole,
                ));
            }
        }
        push_plain(&mut pieces, text, at..text.len())?;
        Ok(Self { pieces })
    }

    /// The expressions and where each begins, in bytes of the text. Their own offsets count from there.
    pub fn expressions(&self) -> impl Iterator<Item = (usize, &Expression)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Plain(_) => None,
            Piece::Expression { offset, expression } => Some((*offset, expression.as_ref())),
        })
    }

    /// Whether there is no expression in it.
    pub fn is_plain(&self) -> bool {
        self.expressions().next().is_none()
    }

    /// The one expression that is the whole text, whose value keeps its type.
    pub fn whole(&self) -> Option<&Expression> {
        match self.pieces.as_slice() {
            [Piece::Expression { expression, .. }] => Some(expression),
            _ => None,
        }
    }

    /// The value: of the expression when it is the whole text, otherwise a text in which lists and maps are
    /// written as JSON and null is empty.
    ///
    /// # Errors
    ///
    /// When an expression has no value, or the text becomes longer than [`TEXT_BYTES_MAX`].
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        if let Some(expression) = self.whole() {
            return expression.evaluate(scope);
        }
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Expression { expression, .. } => text.push_str(&as_text(&expression.evaluate(scope)?)),
            }
            if text.len() > TEXT_BYTES_MAX {
                let message = format!("the text becomes longer than {TEXT_BYTES_MAX} bytes; put it into a file");
                return Err(EvaluationError::new("too_large", message));
            }
        }
        self.refuse_joined_marker(&text)?;
        Ok(Value::String(text))
    }

    /// No single value holds a placeholder of its own, but two neighbours could form one.
    fn refuse_joined_marker(&self, text: &str) -> Result<(), EvaluationError> {
        let meant = self.expressions().filter(|(_, expression)| !expression.references().secrets.is_empty()).count();
        if text.matches(secret::MARKER).count() == meant {
            return Ok(());
        }
        Err(EvaluationError::new(
            "secret_marker",
            format!("the text would contain `{}`, which is how secrets travel; it is refused", secret::MARKER),
        ))
    }
}

/// A value as it is written into text.
fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn push_plain(pieces: &mut Vec<Piece>, text: &str, range: std::ops::Range<usize>) -> Result<(), ExpressionError> {
    let plain = text.get(range.clone()).unwrap_or_default();
    if let Some(found) = plain.find(secret::MARKER) {
        let start = range.start + found;
        return Err(ExpressionError::new(
            "secret_marker",
            format!("`{}` is how secrets travel and cannot stand in a text", secret::MARKER),
            "Write `${{ secrets.NAME }}`.",
            start..start + secret::MARKER.len(),
        ));
    }
    if !plain.is_empty() {
        pieces.push(Piece::Plain(plain.to_owned()));
    }
    Ok(())
}

/// All expressions of a text.
pub(crate) fn places(text: &str) -> Result<Vec<Place>, ExpressionError> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(place) = next_expression(text, at)? {
        at = place.whole.end;
        places.push(place);
    }
    Ok(places)
}

/// The next `${{ … }}` at or after `from`. Quotes and braces inside are respected, so that
/// `${{ {'a': {'b': '}}'}} }}` is one expression.
fn next_expression(text: &str, from: usize) -> Result<Option<Place>, ExpressionError> {
    let Some(start) = text.get(from..).and_then(|tail| tail.find(OPEN)).map(|found| from + found) else {
        return Ok(None);
    };
    let begin = start + OPEN.len();
    let mut depth = 0_usize;
    let mut at = begin;
    while let Some(token) = next_token(text, at) {
        match token.of(text) {
            "}" if depth == 0 && text.get(token.start..).is_some_and(|rest| rest.starts_with(CLOSE)) => {
                let inner = trimmed(text, begin..token.start);
                return Ok(Some(Place { whole: start..token.start + CLOSE.len(), inner }));
            }
            "}" => depth = depth.saturating_sub(1),
            "{" => depth += 1,
            _ if token.kind == TokenKind::Unclosed => break,
            _ => {}
        }
        at = token.end;
    }
    Err(ExpressionError::new(
        "expression_unclosed",
        "an expression begins here and does not end",
        "Close it with `}}`; a quote inside may also be open.",
        start..begin,
    ))
}

fn trimmed(text: &str, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let inner = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (inner.len() - inner.trim_start().len());
    start..start + inner.trim().len()
}
