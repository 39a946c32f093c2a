//! A task's expressions, parsed once.

use std::sync::Arc;

use candor_proto::plan::{CheckRule, Over, Plan, Task};
use candor_proto::value::json_bytes;
use candor_proto::{ErrorClass, Job, TaskError};
use candor_workflow::expression::{EvaluationError, Expression, ExpressionError, Scope, Template};
use serde_json::{Map, Value};

use super::Trouble;
use crate::memo::Memo;

/// A value whose texts may be templates.
#[derive(Debug)]
pub(crate) enum Tree {
    /// Without any template in it.
    Plain(Value),
    /// A text that is one, or holds some.
    Template(Box<Template>),
    /// A list with templates somewhere in it.
    List(Vec<Tree>),
    /// A map with templates somewhere in it.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// The tree of a value of the plan.
    pub(crate) fn parse(value: &Value) -> Result<Self, TaskError> {
        Ok(match value {
            Value::String(text) if text.contains("${{") => Self::Template(Box::new(template(text)?)),
            Value::Array(items) => {
                let trees = items.iter().map(Self::parse).collect::<Result<Vec<_>, _>>()?;
                if trees.iter().all(Self::is_plain) { Self::Plain(value.clone()) } else { Self::List(trees) }
            }
            Value::Object(fields) => {
                let parsed = fields.iter().map(|(name, value)| Self::parse(value).map(|tree| (name.clone(), tree)));
                let trees = parsed.collect::<Result<Vec<_>, _>>()?;
                if trees.iter().all(|(_, tree)| tree.is_plain()) {
                    Self::Plain(value.clone())
                } else {
                    Self::Map(trees)
                }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Self::Plain(value.clone()),
        })
    }

    const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// The value in this scope.
    pub(crate) fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Template(template) => template.evaluate(scope)?,
            Self::List(items) => Value::Array(items.iter().map(|item| item.evaluate(scope)).collect::<Result<_, _>>()?),
            Self::Map(fields) => {
                let mut values = Map::new();
                for (name, tree) in fields {
                    values.insert(name.clone(), tree.evaluate(scope)?);
                }
                Value::Object(values)
            }
        })
    }

    /// The value in this scope within so many bytes of JSON, of which it takes its own; `None` when it would take more.
    /// Looked at expression by expression, so that not even a part beyond the bound is kept.
    pub(crate) fn evaluate_within(&self, scope: &Scope, left: &mut usize) -> Result<Option<Value>, EvaluationError> {
        let value = match self {
            Self::Plain(_) | Self::Template(_) => self.evaluate(scope)?,
            Self::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    let Some(value) = item.evaluate_within(scope, left)? else { return Ok(None) };
                    values.push(value);
                }
                return Ok(Some(Value::Array(values)));
            }
            Self::Map(fields) => {
                let mut values = Map::new();
                for (name, tree) in fields {
                    let Some(value) = tree.evaluate_within(scope, left)? else { return Ok(None) };
                    values.insert(name.clone(), value);
                }
                return Ok(Some(Value::Object(values)));
            }
        };
        let Some(rest) = left.checked_sub(json_bytes(&value)) else { return Ok(None) };
        *left = rest;
        Ok(Some(value))
    }

    /// Every expression in it.
    pub(crate) fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Template(template) => template.expressions().map(|(_, expression)| expression).collect(),
            Self::List(items) => items.iter().flat_map(Self::expressions).collect(),
            Self::Map(fields) => fields.iter().flat_map(|(_, tree)| tree.expressions()).collect(),
        }
    }
}

/// A task's expressions.
#[derive(Debug)]
pub struct Prepared {
    pub(super) when: Option<Expression>,
    pub(super) with: Tree,
    /// The workflow's environment: the same for every task.
    pub(super) shared: Vec<(String, Tree)>,
    /// The task's own environment, which may read the workflow's.
    pub(super) own: Vec<(String, Tree)>,
    /// What was lifted out of `run`: evaluated after the environment, which it may read.
    pub(super) variables: Vec<(String, Tree)>,
    pub(super) key: Option<Tree>,
    pub(super) over: Vec<Tree>,
    asserts: Vec<Expression>,
    /// Whether any of them reads `run.confidence`, which is costly.
    pub(super) reads_confidence: bool,
}

impl Prepared {
    /// Parses the expressions of a task. The compiler has parsed them before, so an error means another build.
    pub fn parse(plan: &Plan, task: &Task) -> Result<Self, TaskError> {
        let when = task
            .when
            .as_deref()
            .map(|text| Expression::parse(text).map_err(|error| refused(text, &error)))
            .transpose()?;
        let (variables, own): (Vec<_>, Vec<_>) = task.env.iter().partition(|(name, _)| is_variable(name));
        let over = match task.fan_out.as_ref().map(|fan| &fan.over) {
            None => Vec::new(),
            Some(Over::ForEach(list)) => vec![Tree::parse(list)?],
            Some(Over::Matrix(lists)) => lists.iter().map(|(_, list)| Tree::parse(list)).collect::<Result<_, _>>()?,
        };
        let asserts = task.checks.iter().filter_map(|check| match &check.rule {
            CheckRule::Assert(text) => Expression::parse(text).ok(),
            CheckRule::Named(_) => None,
        });
        let mut prepared = Self {
            when,
            with: Tree::parse(&task.with)?,
            shared: shared(plan)?,
            own: own.into_iter().map(named).collect::<Result<_, _>>()?,
            variables: variables.into_iter().map(named).collect::<Result<_, _>>()?,
            key: task.idempotency_key.as_ref().map(|key| Tree::parse(&Value::String(key.clone()))).transpose()?,
            over,
            asserts: asserts.collect(),
            reads_confidence: false,
        };
        prepared.reads_confidence =
            prepared.expressions().iter().any(|expression| expression.text().contains("confidence"));
        Ok(prepared)
    }

    /// Every expression of the task.
    pub fn expressions(&self) -> Vec<&Expression> {
        let named = self.shared.iter().chain(&self.own).chain(&self.variables).map(|(_, tree)| tree);
        let trees = std::iter::once(&self.with).chain(named).chain(&self.key).chain(&self.over);
        trees.flat_map(Tree::expressions).chain(&self.when).chain(&self.asserts).collect()
    }
}

/// The workflow's environment.
pub(super) fn shared(plan: &Plan) -> Result<Vec<(String, Tree)>, TaskError> {
    plan.env.iter().map(named).collect()
}

fn named((name, text): (&String, &String)) -> Result<(String, Tree), TaskError> {
    Tree::parse(&Value::String(text.clone())).map(|tree| (name.clone(), tree))
}

/// A task's expressions, from the memo or parsed now.
pub(super) fn prepare(job: &Job, memo: &mut Memo, task: u32) -> Result<Arc<Prepared>, Trouble> {
    if let Some(known) = memo.prepared.get(&task) {
        return Ok(Arc::clone(known));
    }
    let missing = || Trouble::Error(TaskError::new(ErrorClass::System, "plan", "the plan has no such task"));
    let plan = job.plan().ok_or_else(missing)?;
    let parsed = Prepared::parse(plan, plan.tasks.get(task as usize).ok_or_else(missing)?).map_err(Trouble::Error)?;
    let parsed = Arc::new(parsed);
    memo.prepared.insert(task, Arc::clone(&parsed));
    Ok(parsed)
}

/// Names that lifting expressions out of `run` makes: `CANDOR_E1`, `CANDOR_E2` …
fn is_variable(name: &str) -> bool {
    name.strip_prefix("CANDOR_E").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn template(text: &str) -> Result<Template, TaskError> {
    Template::parse(text).map_err(|error| refused(text, &error))
}

fn refused(text: &str, error: &ExpressionError) -> TaskError {
    TaskError::new(ErrorClass::Validation, "expression", format!("`{text}`: {}", error.message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_beyond_their_common_bound_are_not_kept() {
        let tree = Tree::parse(&json!({"a": "${{ lists.range(100) }}", "b": ["${{ lists.range(100) }}", 1]})).unwrap();
        let (scope, whole) = (Scope::default(), 2 * json_bytes(&json!((0..100).collect::<Vec<_>>())) + 8);
        let mut left = whole;
        assert_eq!(tree.evaluate_within(&scope, &mut left).unwrap(), Some(tree.evaluate(&scope).unwrap()));
        assert_eq!(left, 0);
        assert_eq!(tree.evaluate_within(&scope, &mut (whole - 1)).unwrap(), None);
    }
}
