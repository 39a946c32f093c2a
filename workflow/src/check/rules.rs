//! Rules over rows, as `csv.validate` has them: whether each can be asked of the rows that it gets.

use serde_json::Value;

use super::Checker;
use super::columns::Columns;
use super::expressions::{has_expressions, kind_of, sentence};
use super::sample::TELLING;
use super::site::Site;
use crate::diagnostic::{Code, quoted};
use crate::expression::{Expression, Scope};
use crate::node::{Node, Span};
use crate::place::Within;

const ADVICE: &str = "Write `{ id: positive, assert: row.amount > 0, severity: error }`.";

impl<'a> Checker<'a, '_> {
    /// Checks the rules of a task. JSON Pointers of those that are wrong in their form.
    pub(super) fn rules(&mut self, node: &'a Node, with: &'a Node) -> Vec<String> {
        let columns = self.columns_of(with);
        match node.as_text() {
            Some(text) if has_expressions(text) => Vec::new(),
            Some(text) => {
                let Some(read) = self.document_of(text, node.span, Code::InvalidRules) else { return Vec::new() };
                self.rules_of_file(&read, node.span, columns.as_ref());
                Vec::new()
            }
            None => self.rules_in_place(node, columns.as_ref()),
        }
    }

    /// Of a file only the place that names it is in this document.
    fn rules_of_file(&mut self, read: &Node, span: Span, columns: Option<&Columns>) {
        // A file may hold the list under the key `rules`.
        let list = read.get("rules").unwrap_or(read);
        let Some(items) = list.as_list() else {
            self.context.findings.error(Code::InvalidRules, span, "A rule cannot be used: it is no list.", ADVICE);
            return;
        };
        for item in items {
            match form(item) {
                Err((_, reason)) => self.wrong_rule(span, &reason, ADVICE.to_owned()),
                Ok(rule) => match Expression::parse_rule(rule.assert) {
                    Err(error) => {
                        let reason = format!("the expression of `{}` is wrong: {}", rule.id, quoted(&error.message));
                        self.wrong_rule(span, &reason, sentence(&error.advice));
                    }
                    Ok(expression) => {
                        if let Some((reason, advice)) = columns.and_then(|columns| unfit(&expression, columns)) {
                            self.wrong_rule(span, &format!("`{}` {reason}", rule.id), advice);
                        }
                    }
                },
            }
        }
    }

    fn rules_in_place(&mut self, node: &'a Node, columns: Option<&Columns>) -> Vec<String> {
        let Some(items) = node.as_list() else { return Vec::new() };
        let mut said = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if let Err((at, reason)) = form(item) {
                self.wrong_rule(at, &reason, ADVICE.to_owned());
                said.push(format!("/rules/{index}"));
            }
            let Some(assert) = item.get("assert").filter(|assert| assert.as_scalar().is_some()) else { continue };
            let before = self.context.findings.count();
            self.expression(assert, &Site::row(), "The `assert` of a rule");
            let (Some(columns), true) = (columns, self.context.findings.count() == before) else { continue };
            let Some(within) = Within::new(self.source, assert) else { continue };
            let text = crate::expression::bare(within.scalar.text.trim());
            let unfit = Expression::parse_rule(text).ok().and_then(|expression| unfit(&expression, columns));
            if let Some((reason, advice)) = unfit {
                let name = item.get("id").and_then(|id| id.as_scalar()).map_or("", |id| id.text.as_str());
                self.wrong_rule(assert.span, &format!("`{}` {reason}", quoted(name)), advice);
            }
        }
        said
    }

    fn wrong_rule(&mut self, span: Span, reason: &str, advice: String) {
        self.context.findings.error(Code::InvalidRules, span, format!("A rule cannot be used: {reason}."), advice);
    }
}

/// A rule whose form is right.
struct Rule<'n> {
    id: String,
    assert: &'n str,
}

fn form(node: &Node) -> Result<Rule<'_>, (Span, String)> {
    let id = node.get("id").and_then(|id| id.as_scalar()).map(|id| quoted(&id.text));
    let id = id.ok_or((node.span, "it has no `id`".to_owned()))?;
    let assert = node.get("assert").and_then(|assert| assert.as_scalar());
    let assert = assert.ok_or((node.span, format!("`{id}` has no `assert`")))?;
    let severity = node.get("severity").and_then(|severity| severity.as_text());
    if let Some(severity) = severity.filter(|word| !["error", "warning", "warn", "info"].contains(word)) {
        return Err((node.span, format!("`{id}` has the unknown severity `{}`", quoted(severity))));
    }
    Ok(Rule { id, assert: &assert.text })
}

/// Why a rule cannot be asked of rows with these columns: reason and advice.
fn unfit(expression: &Expression, columns: &Columns) -> Option<(String, String)> {
    let read = expression.columns();
    if let Some(unknown) = read.iter().find(|name| !columns.has(name)) {
        let reason = format!("reads the column `{}`, which the rows do not have", quoted(unknown));
        let known: Vec<_> = columns.names().take(40).map(|name| format!("`{}`", quoted(name))).collect();
        return Some((reason, format!("Their columns are {}.", known.join(", "))));
    }
    // A column of any type may hold what the rule needs.
    let row = columns.sample(&read)?;
    let mut scope = Scope::new();
    scope.set_json("row", &row);
    match expression.evaluate(&scope) {
        Ok(Value::Bool(_)) => None,
        Ok(other) => {
            let reason = format!("must give true or false, but gives {}", kind_of(&other));
            Some((reason, "Compare it: `row.amount > 0`.".to_owned()))
        }
        Err(error) if TELLING.contains(&error.code) => {
            let advice =
                "Check the columns' types: a number is a double, so compare it with `0.0`; text is compared with text.";
            Some((format!("does not fit the types of the columns: {}", quoted(&error.message)), advice.to_owned()))
        }
        Err(_) => None,
    }
}
