//! Finds the references of a parsed expression, and refuses what cannot be known before the job runs.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue, SourceInfo, operators};

use super::functions::{self, TYPES, is_library, written_name};
use super::guards;
use super::lexer::Token;
use super::task_path::{self, TaskPath};
use super::{Call, ExpressionError, Ref, References, TaskRef};

/// Collects the references of a parsed expression.
pub(super) fn collect(
    text: &str,
    tokens: &[Token],
    places: &SourceInfo,
    root: &IdedExpr,
) -> Result<References, ExpressionError> {
    let mut walk =
        Walk { text, tokens, places, bound: Vec::new(), guards: BTreeSet::new(), found: References::default() };
    walk.expression(root)?;
    let mut found = walk.found;
    found.tasks.sort_by_key(|reference| reference.offset);
    found.names.sort_by_key(|reference| reference.offset);
    Ok(found)
}

struct Walk<'t> {
    text: &'t str,
    tokens: &'t [Token],
    places: &'t SourceInfo,
    /// Variables of the macros around.
    bound: Vec<String>,
    /// Tasks that are known to have outputs where the walk stands.
    guards: BTreeSet<String>,
    found: References,
}

impl Walk<'_> {
    fn expression(&mut self, node: &IdedExpr) -> Result<(), ExpressionError> {
        if let Some(path) = task_path::of(node)? {
            return self.task(&path);
        }
        match &node.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => {
                self.name(name, node);
                Ok(())
            }
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(root) if self.is_free(root) => self.field(root, &select.field, &select.operand),
                _ => self.expression(&select.operand),
            },
            Expr::Call(call) if call.func_name == operators::INDEX => self.index(&call.args),
            Expr::Call(_) => self.call(node),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.expression(element)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expression(&entry.key)?;
                    self.expression(&entry.value)
                }
                EntryExpr::StructField(field) => self.expression(&field.value),
            }),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(message) => Err(ExpressionError::new(
                "syntax",
                format!("`{}{{…}}` makes a message, and there are none here", message.type_name),
                "Write a map with quoted keys: `{'key': value}`.",
                self.span(node),
            )),
        }
    }

    /// Where a node stands; for an operator its sign.
    fn span(&self, node: &IdedExpr) -> std::ops::Range<usize> {
        let (start, end) = self.places.offset_for(node.id).unwrap_or((0, 0));
        let start = (start as usize).min(self.text.len());
        start..(end as usize + 1).clamp(start, self.text.len())
    }

    fn is_free(&self, name: &str) -> bool {
        !name.starts_with('@') && !self.bound.iter().any(|bound| bound == name)
    }

    fn name(&mut self, name: &str, node: &IdedExpr) {
        if self.is_free(name) && !TYPES.contains(&name) {
            let place = self.span(node);
            let name = name.trim_start_matches('.').to_owned();
            self.found.names.push(Ref { name, offset: place.start, length: place.len() });
        }
    }

    /// `root.field` on a name that no macro binds.
    fn field(&mut self, root: &str, field: &str, node: &IdedExpr) -> Result<(), ExpressionError> {
        let start = self.span(node).start;
        let end = self.end_after(self.span(node).end, 1);
        let reference = Ref { name: field.to_owned(), offset: start, length: end.saturating_sub(start) };
        match root {
            "inputs" => self.found.inputs.push(reference),
            "env" => self.found.env.push(reference),
            "secrets" => self.found.secrets.push(reference),
            _ => self.name(root, node),
        }
        Ok(())
    }

    fn index(&mut self, args: &[IdedExpr]) -> Result<(), ExpressionError> {
        if let [operand, key] = args
            && let Expr::Ident(root) = &operand.expr
            && let Expr::Literal(LiteralValue::String(key)) = &key.expr
            && self.is_free(root)
        {
            return self.field(root, key.inner(), operand);
        }
        args.iter().try_for_each(|arg| self.expression(arg))
    }

    fn task(&mut self, path: &TaskPath<'_>) -> Result<(), ExpressionError> {
        let root = self.span(path.root);
        let end = self.end_after(root.end, path.steps());
        let checked = path.check(root.start..end)?;
        self.found.tasks.push(TaskRef {
            guarded: path.under_has || self.guards.contains(&checked.id),
            id: checked.id,
            field: checked.field,
            output: checked.output,
            offset: root.start,
            length: end.saturating_sub(root.start),
        });
        path.keys.iter().try_for_each(|key| self.expression(key))
    }

    /// The end of the `count`-th `.name` or `['key']` after a place.
    fn end_after(&self, place: usize, count: usize) -> usize {
        let mut end = place;
        let mut left = count;
        let mut tokens = self.tokens.iter().filter(|token| token.start >= place);
        while left > 0 {
            match tokens.next().map(|token| token.of(self.text)) {
                Some(".") => {
                    end = tokens.next().map_or(end, |token| token.end);
                    left -= 1;
                }
                Some("[") => {
                    let mut open = 1;
                    while open > 0 {
                        let Some(token) = tokens.next() else { break };
                        match token.of(self.text) {
                            "[" => open += 1,
                            "]" => open -= 1,
                            _ => {}
                        }
                        end = token.end;
                    }
                    left -= 1;
                }
                Some(")") => {}
                _ => break,
            }
        }
        end
    }

    fn call(&mut self, node: &IdedExpr) -> Result<(), ExpressionError> {
        let Expr::Call(call) = &node.expr else { return Ok(()) };
        if call.func_name.starts_with('@') {
            // What `sortBy` expands to; its key stands in the macro inside.
            call.target.iter().map(AsRef::as_ref).chain(&call.args).try_for_each(|arg| self.expression(arg))
        } else if call.func_name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.function(node)
        } else {
            self.operator(&call.func_name, &call.args)
        }
    }

    /// Walks over operands, knowing for each which tasks the others guard.
    fn operator(&mut self, name: &str, args: &[IdedExpr]) -> Result<(), ExpressionError> {
        for (index, arg) in args.iter().enumerate() {
            let known = guards::of_operand(name, args, index);
            let before = self.guards.clone();
            self.guards.extend(known);
            self.expression(arg)?;
            self.guards = before;
        }
        Ok(())
    }

    fn function(&mut self, node: &IdedExpr) -> Result<(), ExpressionError> {
        let Expr::Call(call) = &node.expr else { return Ok(()) };
        let library = call.target.as_ref().and_then(|target| match &target.expr {
            Expr::Ident(name) if is_library(name) && self.is_free(name) => Some(name),
            _ => None,
        });
        let bracket = self.span(node).start;
        let name_token = self.tokens.iter().rev().find(|token| token.end <= bracket);
        let (mut offset, end) = name_token.map_or((bracket, bracket), |token| (token.start, token.end));
        if let (Some(_), Some(target)) = (library, &call.target) {
            offset = self.span(target).start;
        }
        let found = Call {
            name: library.map_or_else(
                || written_name(&call.func_name).to_owned(),
                |library| format!("{library}.{}", call.func_name),
            ),
            member: call.target.is_some() && library.is_none(),
            arguments: call.args.iter().map(literal_text).collect(),
            offset,
            length: end.saturating_sub(offset),
        };
        functions::check(&found)?;
        check_task_argument(&found)?;
        self.found.functions.push(found);
        let target = call.target.as_ref().filter(|_| library.is_none());
        target.map(AsRef::as_ref).into_iter().chain(&call.args).try_for_each(|arg| self.expression(arg))
    }

    fn comprehension(&mut self, node: &ComprehensionExpr) -> Result<(), ExpressionError> {
        self.expression(&node.iter_range)?;
        self.expression(&node.accu_init)?;
        if matches!(node.iter_var.as_str(), "tasks" | "inputs" | "env" | "secrets") {
            let place = self.span(&node.loop_step);
            return Err(ExpressionError::new(
                "shadowed_name",
                format!("`{}` cannot be the variable of a macro, because it has a meaning of its own", node.iter_var),
                "Use another name, such as `x`.",
                place,
            ));
        }
        self.bound.push(node.iter_var.clone());
        self.expression(&node.loop_cond)?;
        self.expression(&node.loop_step)?;
        self.bound.pop();
        self.expression(&node.result)
    }
}

/// A literal string's text.
pub(super) fn literal_text(node: &IdedExpr) -> Option<String> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}

/// `failed(inputs.x)` would depend on a task that nobody can know beforehand.
fn check_task_argument(call: &Call) -> Result<(), ExpressionError> {
    let limit = match call.name.as_str() {
        "succeeded" | "failed" | "skipped" => 1,
        "always" => 0,
        _ => return Ok(()),
    };
    if call.arguments.len() <= limit && call.arguments.iter().all(Option::is_some) {
        return Ok(());
    }
    Err(ExpressionError::new(
        "computed_task",
        format!(
            "`{}` takes {}",
            call.name,
            if limit == 0 { "no argument" } else { "the id of one task in quotes, or nothing" }
        ),
        if limit == 0 { "Write `always()`.".to_owned() } else { format!("Write `{}('my-task')`.", call.name) },
        call.offset..call.offset + call.length,
    ))
}
