//! The door to the expressions: parsing what stands in a node, and saying what is wrong with it in its place.
//!
//! The only file that knows how `crate::expression` and `crate::shell` report.

use super::sample::Sampled;
use super::site::Site;
use super::{Checker, Script};
use crate::diagnostic::{Code, quoted};
use crate::expression::{Expression, ExpressionError, Template, bare, template_places};
use crate::node::{Node, ScalarValue, Span, Style};
use crate::place::Within;
use crate::shell;

/// Codes of the expressions, and the words of the diagnostics that they become.
const CODES: &[(&str, Code)] = &[
    ("unknown_function", Code::UnknownFunction),
    ("computed_task", Code::ComputedTask),
    ("task_field", Code::TaskField),
    ("id_with_dash", Code::IdWithDash),
    ("shadowed_name", Code::ShadowedName),
    ("secret_computed", Code::InvalidSecret),
    ("secret_marker", Code::InvalidSecret),
    ("secret_name", Code::InvalidSecret),
    ("expression_too_long", Code::ExpressionTooLarge),
    ("expression_too_deep", Code::ExpressionTooLarge),
    ("macros_nested", Code::ExpressionTooLarge),
    ("too_many_expressions", Code::ExpressionTooLarge),
];

/// Places in one script that are reported; a script that is wrong throughout is wrong for one reason.
const LIFT_ERRORS_MAX: usize = 20;

fn code_of(word: &str) -> Code {
    CODES.iter().find(|(known, _)| *known == word).map_or(Code::ExpressionSyntax, |(_, code)| *code)
}

pub(super) fn has_expressions(text: &str) -> bool {
    text.contains("${{")
}

/// Whether a text is one expression and nothing else, so that its value keeps its type.
pub(super) fn is_whole(text: &str) -> bool {
    text.starts_with("${{") && text.ends_with("}}") && text.matches("${{").count() == 1
}

impl<'a> Checker<'a, '_> {
    /// Checks every expression in the texts at and below a node.
    pub(super) fn texts(&mut self, node: &'a Node, site: &Site) {
        let mut found = Vec::new();
        node.each_scalar(&mut |node, scalar| {
            if matches!(scalar.value, ScalarValue::Text | ScalarValue::Kept) && has_expressions(&scalar.text) {
                found.push(node);
            }
        });
        for node in found {
            self.template(node, site);
        }
    }

    /// One text with expressions in it; gives its value with sample values, where there is one.
    fn template(&mut self, node: &'a Node, site: &Site) -> Sampled {
        let Some(within) = Within::new(self.source, node) else { return Sampled::Unknown };
        let template = match Template::parse(&within.scalar.text) {
            Ok(template) => template,
            Err(error) => {
                self.expression_error(&within, 0, error);
                return Sampled::Unknown;
            }
        };
        let mut known = true;
        for (offset, expression) in template.expressions() {
            known &= self.references(&within, offset, expression, site);
        }
        if !known || !site.sampled {
            return Sampled::Unknown;
        }
        let first = template.expressions().next().map_or(0, |(offset, _)| offset);
        let expressions: Vec<&Expression> = template.expressions().map(|(_, expression)| expression).collect();
        let result = self.tried(expressions.iter().copied(), site, |scope| template.evaluate(scope));
        self.sampled(&within, first, within.scalar.text.len().saturating_sub(first), result)
    }

    /// One expression, with or without `${{ }}` around it.
    pub(super) fn expression(&mut self, node: &'a Node, site: &Site, what: &str) -> Sampled {
        let Some(within) = Within::new(self.source, node) else { return Sampled::Unknown };
        // A block text ends with a line break, which means nothing here.
        let text = within.scalar.text.trim();
        if let Some(inner) = text.strip_prefix("{{").and_then(|inner| inner.strip_suffix("}}")) {
            let message = format!("{what} is an expression, which begins with `${{{{`, not with `{{{{`.");
            let advice = format!("Write `${{{{ {} }}}}`.", quoted(inner.trim()));
            self.context.findings.error(Code::ExpressionSyntax, node.span, message, advice);
            return Sampled::Unknown;
        }
        if has_expressions(text) && !is_whole(text) {
            // What is wrong inside is said first.
            let before = self.context.findings.count();
            self.template(node, site);
            if self.context.findings.count() == before {
                let message = format!("{what} must be one expression and nothing else.");
                let advice = "Write it all inside one `${{ … }}`: `${{ a && b }}`.";
                self.context.findings.error(Code::ExpressionSyntax, node.span, message, advice);
            }
            return Sampled::Unknown;
        }
        let inner = bare(text);
        let offset = within.scalar.text.find(inner).unwrap_or(0);
        let expression = match Expression::parse(inner) {
            Ok(expression) => expression,
            Err(error) => {
                self.expression_error(&within, offset, error);
                return Sampled::Unknown;
            }
        };
        if !self.references(&within, offset, &expression, site) || !site.sampled {
            return Sampled::Unknown;
        }
        let result = self.tried(std::iter::once(&expression), site, |scope| expression.evaluate(scope));
        self.sampled(&within, offset, inner.len(), result)
    }

    /// An expression that must give true or false.
    pub(super) fn condition(&mut self, node: &'a Node, site: &Site, what: &str) {
        match self.expression(node, site, what) {
            Sampled::Value(value) if !value.is_boolean() => {
                let message = format!("{what} must give true or false, but gives {}.", kind_of(&value));
                self.context.findings.error(Code::TypeClash, node.span, message, "Compare it: `… > 0`, `… == 'yes'`.");
            }
            Sampled::Value(_) | Sampled::Unknown => {}
        }
    }

    /// An expression that must give a list.
    pub(super) fn list(&mut self, node: &'a Node, site: &Site, what: &str) {
        if !node.as_text().is_some_and(has_expressions) {
            let message = format!("{what} must be a list, or an expression that gives one, not {}.", node.what());
            let advice = match node.as_text() {
                Some(text) if Expression::parse(text.trim()).is_ok() => {
                    format!("Write `[a, b]` for a list, or `${{{{ {} }}}}` for an expression.", quoted(text.trim()))
                }
                Some(_) | None => "Write `[a, b]`, or `${{ lists.range(n) }}` for the numbers from 0.".to_owned(),
            };
            self.context.findings.error(Code::WrongType, node.span, message, advice);
            return;
        }
        match self.expression(node, site, what) {
            Sampled::Value(value) if !value.is_array() => {
                let message = format!("{what} must give a list, but gives {}.", kind_of(&value));
                let advice = "Give a list; numbers up to n are `lists.range(n)`.";
                self.context.findings.error(Code::TypeClash, node.span, message, advice);
            }
            Sampled::Value(_) | Sampled::Unknown => {}
        }
    }

    /// A script of the shell: its expressions, and whether each stands where it can be lifted out.
    pub(super) fn script(&mut self, node: &'a Node, site: &Site) -> Option<Script> {
        let within = Within::new(self.source, node)?;
        self.texts(node, site);
        // An expression without its end was said just now.
        template_places(&within.scalar.text).ok()?;
        match shell::lift(&within.scalar.text) {
            Ok(lifted) => Some(Script { text: lifted.script, variables: lifted.variables }),
            Err(errors) => {
                for error in errors.into_iter().take(LIFT_ERRORS_MAX) {
                    let span = within.span(error.offset, error.length);
                    self.context.findings.error(
                        Code::ExpressionInScript,
                        span,
                        sentence(&error.message),
                        sentence(&error.advice),
                    );
                }
                None
            }
        }
    }

    fn expression_error(&mut self, within: &Within<'_>, offset: usize, error: ExpressionError) {
        if error.code == "syntax" && self.dashed_reference(within, 0, &within.scalar.text) {
            return;
        }
        let (mut span, mut advice) = (within.span(offset + error.offset, error.length), sentence(&error.advice));
        if let Some(cut) = cut_by_comment(self.source, within) {
            (span, advice) = (
                cut,
                "YAML takes ` #` for the beginning of a comment: put the whole value in double quotes.".to_owned(),
            );
        } else if let Some(id) = self.dashed_task(&within.scalar.text) {
            advice = format!("An id with `-` is written `tasks['{id}']`: a dash means minus.");
        }
        self.context.findings.error(code_of(error.code), span, sentence(&error.message), advice);
    }

    /// The id of a task with a dash that a text reads as `tasks.my-task`.
    pub(super) fn dashed_task(&self, text: &str) -> Option<&'a str> {
        text.match_indices("tasks.").find_map(|(at, _)| {
            let rest = &text[at + "tasks.".len()..];
            let end = rest.find(|character: char| !(character.is_ascii_alphanumeric() || "_-".contains(character)));
            let name = &rest[..end.unwrap_or(rest.len())];
            let known = self.index.get_key_value(name.trim_end_matches('-')).map(|(id, _)| *id);
            known.filter(|id| id.contains('-'))
        })
    }
}

/// The place of a ` #` that ended an unquoted text inside its `${{`.
fn cut_by_comment(source: &str, within: &Within<'_>) -> Option<Span> {
    if within.scalar.style != Style::Plain || within.scalar.text.contains("}}") {
        return None;
    }
    let rest = source.get(within.node.span.end..)?;
    let comment = rest.trim_start_matches([' ', '\t']);
    let at = within.node.span.end + (rest.len() - comment.len());
    (comment.len() < rest.len() && comment.starts_with('#')).then_some(Span::new(at, at + 1))
}

/// A fragment as a sentence: the expressions speak in fragments, diagnostics in sentences.
pub(super) fn sentence(fragment: &str) -> String {
    let mut characters = fragment.chars();
    let mut text: String = characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect();
    if !text.is_empty() && !text.ends_with(['.', '?', '!', '`', '…']) || text.ends_with('`') {
        text.push('.');
    }
    text
}

pub(super) fn kind_of(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "nothing".to_owned(),
        serde_json::Value::Bool(_) => "true or false".to_owned(),
        serde_json::Value::Number(_) => "a number".to_owned(),
        serde_json::Value::String(text) => format!("a text such as `{}`", quoted(text)),
        serde_json::Value::Array(_) => "a list".to_owned(),
        serde_json::Value::Object(_) => "a map".to_owned(),
    }
}
