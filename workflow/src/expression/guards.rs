//! Which tasks are known to have outputs in a part of an expression.
//!
//! `succeeded('x') ? tasks.x.outputs.a : 'none'` reads the outputs of `x` only when there are some, so it may
//! run although `x` failed. The same holds for `has(tasks.x.outputs.a) && …`, for `!succeeded('x') || …`, and
//! for both orders of `&&` and `||`, because in CEL either side may decide.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};

use super::task_path;
use super::walk::literal_text;

/// What operand `index` of an operator may take for granted because of the others.
pub(super) fn of_operand(operator: &str, args: &[IdedExpr], index: usize) -> BTreeSet<String> {
    let others = |truth| {
        let others = args.iter().enumerate().filter(|(other, _)| *other != index);
        others.flat_map(|(_, arg)| implied(arg, truth)).collect()
    };
    match (operator, index, args.first()) {
        (operators::LOGICAL_AND, _, _) => others(true),
        (operators::LOGICAL_OR, _, _) => others(false),
        (operators::CONDITIONAL, 1, Some(condition)) => implied(condition, true),
        (operators::CONDITIONAL, 2, Some(condition)) => implied(condition, false),
        _ => BTreeSet::new(),
    }
}

/// The tasks that have outputs when `condition` is `truth`.
fn implied(condition: &IdedExpr, truth: bool) -> BTreeSet<String> {
    match &condition.expr {
        Expr::Select(select) if select.test && truth => {
            task_path::of(condition).ok().flatten().and_then(|path| path.id()).into_iter().collect()
        }
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [inner]) => implied(inner, !truth),
            (operators::LOGICAL_AND, [a, b]) => combined(implied(a, truth), implied(b, truth), truth),
            (operators::LOGICAL_OR, [a, b]) => combined(implied(a, truth), implied(b, truth), !truth),
            ("succeeded", [id]) if truth && call.target.is_none() => literal_text(id).into_iter().collect(),
            _ => BTreeSet::new(),
        },
        _ => BTreeSet::new(),
    }
}

fn combined(a: BTreeSet<String>, b: BTreeSet<String>, both_hold: bool) -> BTreeSet<String> {
    if both_hold { a.union(&b).cloned().collect() } else { a.intersection(&b).cloned().collect() }
}
