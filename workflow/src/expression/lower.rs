//! Rewrites a parsed expression so that evaluation is metered and reads only what it needs.
//!
//! `cel` evaluates the tree as it is, without limits. So before the first evaluation
//!
//! - what is read of a task becomes one name, which the scope answers: `tasks.x.outputs` → `@outputs.x`;
//! - a list that a macro walks over passes through [`LOOP`] or [`NESTED_LOOP`], which count its items;
//! - values that are read whole (compared, given to a function) pass through [`READ`], values that are kept
//!   (put into a list, a map or a text) through [`KEEP`], which add their size to the bill;
//! - functions whose cost does not follow from the size of their arguments become our own (`@join`).
//!
//! Names with `@` cannot be written in an expression.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, ListExpr, LiteralValue, SelectExpr, operators};

use super::compile::children;
use super::functions::is_library;
use super::task_path;
use super::walk::literal_text;

/// Passes a value through and charges for reading it.
pub(super) const READ: &str = "@read";
/// Passes a value through and charges for reading and keeping a copy of it.
pub(super) const KEEP: &str = "@keep";
/// Gives the items of a list, or the sorted keys of a map, and charges for walking over them.
pub(super) const LOOP: &str = "@loop";
/// The same for a macro inside another.
pub(super) const NESTED_LOOP: &str = "@nested_loop";
/// The beginning of the name that asks whether a task has outputs.
pub(super) const PRESENT: &str = "@present.";
/// The beginning of the name of a secret.
pub(super) const SECRET: &str = "@secret.";

/// Functions of `text_functions`, which take the value before the dot as their first argument.
const OWN: [&str; 8] = ["range", "matches", "join", "replace", "split", "indexOf", "lastIndexOf", "distinct"];

/// The rewritten expression.
pub(super) fn lower(root: &IdedExpr) -> IdedExpr {
    if let Some(name) = secret_name(root) {
        return ident(root.id, format!("{SECRET}{name}"));
    }
    Lower { inside_loop: false }.expression(root)
}

/// Whether a comprehension walks over something; `sortBy` uses one only to bind a name.
pub(super) fn is_loop(comprehension: &ComprehensionExpr) -> bool {
    !matches!(&comprehension.iter_range.expr, Expr::List(list) if list.elements.is_empty() && comprehension.iter_var == "#unused")
}

/// The secret, when the whole expression is `secrets.NAME`.
pub(super) fn secret_name(root: &IdedExpr) -> Option<String> {
    let is_secrets = |node: &IdedExpr| matches!(&node.expr, Expr::Ident(name) if name == "secrets");
    match &root.expr {
        Expr::Select(select) if !select.test && is_secrets(&select.operand) => Some(select.field.clone()),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [operand, key] if is_secrets(operand) => literal_text(key),
            _ => None,
        },
        _ => None,
    }
}

struct Lower {
    inside_loop: bool,
}

impl Lower {
    fn expression(&self, node: &IdedExpr) -> IdedExpr {
        if let Some(name) = task_field(node) {
            return ident(node.id, name);
        }
        let expr = match &node.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => node.expr.clone(),
            Expr::Select(select) => {
                let operand = Box::new(self.expression(&select.operand));
                let lowered = Expr::Select(SelectExpr { operand, ..select.clone() });
                match presence(node).filter(|_| select.test) {
                    Some(name) => guarded(node.id, name, lowered),
                    None => lowered,
                }
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => Expr::List(ListExpr::new(self.kept(&list.elements))),
            Expr::Map(map) => {
                let mut map = map.clone();
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        entry.key = wrap(KEEP, self.expression(&entry.key));
                        entry.value = wrap(KEEP, self.expression(&entry.value));
                    }
                }
                Expr::Map(map)
            }
            Expr::Comprehension(comprehension) => Expr::Comprehension(Box::new(self.comprehension(comprehension))),
            Expr::Struct(message) => Expr::Struct(message.clone()),
        };
        IdedExpr { id: node.id, expr }
    }

    fn kept(&self, nodes: &[IdedExpr]) -> Vec<IdedExpr> {
        nodes.iter().map(|node| wrap(KEEP, self.expression(node))).collect()
    }

    fn call(&self, call: &CallExpr) -> Expr {
        let plain = |wrapper: Option<&str>| {
            let argument = |node: &IdedExpr| match wrapper {
                Some(wrapper) => wrap(wrapper, self.expression(node)),
                None => self.expression(node),
            };
            Expr::Call(CallExpr { args: call.args.iter().map(argument).collect(), ..call.clone() })
        };
        match call.func_name.as_str() {
            operators::CONDITIONAL
            | operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::NOT_STRICTLY_FALSE
            | operators::NEGATE
            | operators::INDEX
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO => plain(None),
            operators::ADD => self.addition(call),
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::IN => plain(Some(READ)),
            _ => self.function(call),
        }
    }

    /// `@result + [x]` is how a macro collects its items; the evaluator knows that shape and must find it.
    fn addition(&self, call: &CallExpr) -> Expr {
        let args = match call.args.as_slice() {
            [first, second] if matches!(&first.expr, Expr::Ident(name) if name.starts_with('@')) => {
                vec![first.clone(), self.expression(second)]
            }
            args => self.kept(args),
        };
        Expr::Call(CallExpr { args, ..call.clone() })
    }

    fn function(&self, call: &CallExpr) -> Expr {
        let name = call.func_name.as_str();
        match (name, &call.target) {
            ("always", None) => return Expr::Literal(LiteralValue::Boolean(true.into())),
            ("succeeded" | "failed" | "skipped", None) => {
                let task = call.args.first().and_then(literal_text).unwrap_or_default();
                return Expr::Ident(format!("@{name}.{task}"));
            }
            _ => {}
        }
        let mut args = self.kept(&call.args);
        let target = match &call.target {
            Some(target) if is_library_name(target) && name != "range" => Some(target.clone()),
            Some(target) if is_library_name(target) => None,
            Some(target) => Some(Box::new(wrap(KEEP, self.expression(target)))),
            None => None,
        };
        if name == "format" {
            let target = target.map(|target| Box::new(charge_for_format(*target)));
            return Expr::Call(CallExpr { target, args, ..call.clone() });
        }
        if OWN.contains(&name) {
            args.splice(0..0, target.map(|target| *target));
            return Expr::Call(CallExpr { func_name: format!("@{name}"), target: None, args });
        }
        Expr::Call(CallExpr { target, args, ..call.clone() })
    }

    fn comprehension(&self, c: &ComprehensionExpr) -> ComprehensionExpr {
        let inner = Lower { inside_loop: true };
        let (loop_cond, loop_step) = (inner.expression(&c.loop_cond), inner.expression(&c.loop_step));
        let range = self.expression(&c.iter_range);
        let function = if self.inside_loop { NESTED_LOOP } else { LOOP };
        ComprehensionExpr {
            iter_range: if is_loop(c) { walked(function, range, nodes(&loop_cond) + nodes(&loop_step)) } else { range },
            accu_init: wrap_bound(c, self.expression(&c.accu_init)),
            loop_cond,
            loop_step,
            result: self.expression(&c.result),
            ..c.clone()
        }
    }
}

/// A list that is walked over, and how many nodes are evaluated for each of its items.
fn walked(function: &str, range: IdedExpr, nodes: usize) -> IdedExpr {
    let id = range.id;
    let nodes = i64::try_from(nodes).unwrap_or(i64::MAX);
    let nodes = IdedExpr { id, expr: Expr::Literal(LiteralValue::Int(nodes.into())) };
    let call = CallExpr { func_name: function.to_owned(), target: None, args: vec![range, nodes] };
    IdedExpr { id, expr: Expr::Call(call) }
}

fn nodes(node: &IdedExpr) -> usize {
    1 + children(node).into_iter().map(nodes).sum::<usize>()
}

/// `sortBy` binds its list to a name, which copies it.
fn wrap_bound(c: &ComprehensionExpr, init: IdedExpr) -> IdedExpr {
    if is_loop(c) { init } else { wrap(KEEP, init) }
}

/// The name for `tasks.ID.FIELD`, when the node is exactly that.
fn task_field(node: &IdedExpr) -> Option<String> {
    let path = task_path::of(node).ok().flatten()?;
    if path.length != 2 {
        return None;
    }
    let checked = path.check(0..0).ok()?;
    let field = checked.field?;
    Some(if path.under_has { asked(&checked.id, &field) } else { format!("@{field}.{}", checked.id) })
}

/// The name that asks whether a task has this field.
fn asked(task: &str, field: &str) -> String {
    if field == "outputs" { format!("{PRESENT}{task}") } else { format!("@has_{field}.{task}") }
}

/// The name that asks whether there is anything to look into, of a path below a task's field under `has()`.
fn presence(node: &IdedExpr) -> Option<String> {
    let path = task_path::of(node).ok().flatten().filter(|path| path.under_has)?;
    let checked = path.check(0..0).ok()?;
    Some(asked(&checked.id, &checked.field?))
}

/// `has(tasks.x.outputs.a)` and `has(tasks.x.error.code)` are false, not an error, when `x` has no outputs or error.
fn guarded(id: u64, presence: String, test: Expr) -> Expr {
    Expr::Call(CallExpr {
        func_name: operators::LOGICAL_AND.to_owned(),
        target: None,
        args: vec![ident(id, presence), IdedExpr { id, expr: test }],
    })
}

fn ident(id: u64, name: String) -> IdedExpr {
    IdedExpr { id, expr: Expr::Ident(name) }
}

fn is_library_name(node: &IdedExpr) -> bool {
    matches!(&node.expr, Expr::Ident(name) if is_library(name))
}

/// Unlike other literals, the text of a `format` decides how long the result becomes.
fn charge_for_format(node: IdedExpr) -> IdedExpr {
    let id = node.id;
    let call = CallExpr { func_name: "@format_text".to_owned(), target: None, args: vec![node] };
    IdedExpr { id, expr: Expr::Call(call) }
}

fn wrap(function: &str, node: IdedExpr) -> IdedExpr {
    if matches!(&node.expr, Expr::Literal(_)) {
        return node;
    }
    let id = node.id;
    IdedExpr { id, expr: Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args: vec![node] }) }
}
