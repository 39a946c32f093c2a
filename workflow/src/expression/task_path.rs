//! `tasks.ID.FIELD` in all its spellings: with dots, with `['…']`, and under `has()`.

use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};

use super::ExpressionError;
use super::precheck::RESERVED;
use super::walk::literal_text;

/// What may be read of a task.
pub(super) const TASK_FIELDS: [&str; 6] = ["outputs", "state", "confidence", "error", "attempts", "items"];

/// A name after a value as an expression reads it: `.name`, or `['my-name']` where a dash would mean minus or the name is
/// a word of the language.
pub(crate) fn written_step(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !RESERVED.contains(&name);
    if plain { format!(".{name}") } else { format!("['{name}']") }
}

/// One step after `tasks`.
#[derive(Clone, Copy)]
enum Step<'e> {
    Name(&'e str),
    Literal(&'e IdedExpr),
    Computed,
}

impl Step<'_> {
    fn text(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some((*name).to_owned()),
            Self::Literal(node) => literal_text(node),
            Self::Computed => None,
        }
    }
}

/// A chain of steps that begins with `tasks`.
pub(super) struct TaskPath<'e> {
    /// The name `tasks`.
    pub(super) root: &'e IdedExpr,
    /// Whether the chain's last step is what a `has()` asks for.
    pub(super) under_has: bool,
    /// How many steps there are.
    pub(super) length: usize,
    id: Option<Step<'e>>,
    field: Option<Step<'e>>,
    output: Option<Step<'e>>,
    /// Computed keys, such as the index in `tasks.x.outputs.rows[inputs.n]`.
    pub(super) keys: Vec<&'e IdedExpr>,
}

/// A path whose steps are known.
pub(super) struct CheckedPath {
    pub(super) id: String,
    pub(super) field: Option<String>,
    pub(super) output: Option<String>,
}

/// The whole chain that ends at this node, when it begins with `tasks`.
pub(super) fn of(node: &IdedExpr) -> Result<Option<TaskPath<'_>>, ExpressionError> {
    let mut steps = Vec::new();
    let mut keys = Vec::new();
    let mut at = node;
    let mut under_has = false;
    loop {
        match &at.expr {
            Expr::Select(select) => {
                under_has |= select.test;
                steps.push(Step::Name(&select.field));
                at = &select.operand;
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [operand, key] = call.args.as_slice() else { return Ok(None) };
                let literal = literal_text(key).is_some();
                steps.push(if literal { Step::Literal(key) } else { Step::Computed });
                if !literal {
                    keys.push(key);
                }
                at = operand;
            }
            Expr::Ident(name) if name == "tasks" => break,
            _ => return Ok(None),
        }
    }
    let length = steps.len();
    let mut steps = steps.into_iter().rev();
    let (id, field, output) = (steps.next(), steps.next(), steps.next());
    Ok(Some(TaskPath { root: at, under_has, length, id, field, output, keys }))
}

impl TaskPath<'_> {
    /// How many steps name the task, the field and the output.
    pub(super) fn steps(&self) -> usize {
        let output = self.output.filter(|step| step.text().is_some() && self.reads_outputs());
        1 + usize::from(self.field.is_some()) + usize::from(output.is_some())
    }

    /// The task, when it is written out.
    pub(super) fn id(&self) -> Option<String> {
        self.id.and_then(|step| step.text())
    }

    fn reads_outputs(&self) -> bool {
        self.field.and_then(|step| step.text()).as_deref() == Some("outputs")
    }

    /// Refuses what cannot be known before the job runs, or does not exist.
    pub(super) fn check(&self, place: Range<usize>) -> Result<CheckedPath, ExpressionError> {
        let computed = || {
            ExpressionError::new(
                "computed_task",
                "which task this reads cannot be known before the job runs",
                "Name the task: `tasks.x.outputs` or `tasks['my-task'].outputs`.",
                place.clone(),
            )
        };
        let id = self.id.and_then(|step| step.text()).ok_or_else(computed)?;
        let Some(field) = self.field else {
            return Err(ExpressionError::new(
                "task_field",
                format!("`tasks{}` alone is no value", written_step(&id)),
                format!("Read one of {}: `tasks{}.outputs.NAME`.", TASK_FIELDS.join(", "), written_step(&id)),
                place,
            ));
        };
        let field = field.text().ok_or_else(computed)?;
        if !TASK_FIELDS.contains(&field.as_str()) {
            return Err(unknown_field(&id, &field, place));
        }
        let output = self.output.and_then(|step| step.text()).filter(|_| field == "outputs");
        Ok(CheckedPath { id, field: Some(field), output })
    }
}

fn unknown_field(id: &str, field: &str, place: Range<usize>) -> ExpressionError {
    let near = TASK_FIELDS.iter().find(|known| strsim::damerau_levenshtein(known, field) <= 2);
    let advice = match near {
        Some(known) => format!("Did you mean `tasks{}.{known}`?", written_step(id)),
        None => format!("An output is read as `tasks{}.outputs{}`.", written_step(id), written_step(field)),
    };
    ExpressionError::new("task_field", format!("a task has no `{field}`"), advice, place)
}
