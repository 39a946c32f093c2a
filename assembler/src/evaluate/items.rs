//! The items of a fan-out.

use std::collections::HashSet;
use std::sync::Arc;

use candor_proto::limits::FAN_OUT_ITEMS_MAX;
use candor_proto::plan::Over;
use candor_proto::{ErrorClass, Job, TaskError};
use serde_json::{Map, Value};

use super::{Trouble, kind, prepared, scope, trouble};
use crate::memo::Memo;

/// Longest key made of an item, in characters.
const KEY_CHARACTERS_MAX: usize = 64;

/// The items of a fan-out, in order.
#[derive(Debug)]
pub enum Items {
    /// Of a `for_each`.
    List(Vec<Value>),
    /// Of a `matrix`: lists by name; the last name varies fastest.
    Matrix {
        /// The names.
        names: Vec<String>,
        /// The list of each.
        lists: Vec<Vec<Value>>,
    },
}

impl Items {
    /// How many there are.
    pub fn count(&self) -> u32 {
        let count = match self {
            Self::List(items) => items.len(),
            Self::Matrix { lists, .. } => lists.iter().map(Vec::len).product(),
        };
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// One of them; of a matrix a map.
    pub fn value(&self, item: u32) -> Value {
        match self {
            Self::List(items) => items.get(item as usize).cloned().unwrap_or_default(),
            Self::Matrix { names, .. } => {
                Value::Object(names.iter().cloned().zip(self.cell(item).into_iter().cloned()).collect::<Map<_, _>>())
            }
        }
    }

    fn cell(&self, item: u32) -> Vec<&Value> {
        let Self::Matrix { lists, .. } = self else { return Vec::new() };
        let mut rest = item as usize;
        let mut cell: Vec<&Value> = lists
            .iter()
            .rev()
            .filter_map(|list| {
                let value = list.get(rest.checked_rem(list.len())?);
                rest /= list.len();
                value
            })
            .collect();
        cell.reverse();
        cell
    }

    /// Keys for people, where the items make good ones: all distinct, short and plain. Else the indexes are the keys.
    pub fn keys(&self) -> Option<Arc<Vec<String>>> {
        let keys: Vec<String> = match self {
            Self::List(items) => items.iter().map(alone).collect::<Option<_>>()?,
            Self::Matrix { names, .. } => (0..self.count())
                .map(|item| {
                    let parts = names
                        .iter()
                        .zip(self.cell(item))
                        .map(|(name, value)| Some(format!("{name}={}", short(value)?)));
                    parts.collect::<Option<Vec<_>>>().map(|parts| parts.join(","))
                })
                .collect::<Option<_>>()?,
        };
        let distinct: HashSet<&String> = keys.iter().collect();
        let are_indexes = keys.iter().enumerate().all(|(index, key)| *key == index.to_string());
        (distinct.len() == keys.len() && !are_indexes).then(|| Arc::new(keys))
    }
}

/// An item as a key by itself: a string or an integer.
fn alone(value: &Value) -> Option<String> {
    match value {
        Value::String(_) => short(value),
        Value::Number(number) if number.is_i64() || number.is_u64() => short(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A scalar of letters, digits, dots, dashes and underscores; behind its name, as in `py=3.11`, any kind reads well.
fn short(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let good = text.chars().all(|character| character.is_ascii_alphanumeric() || ".-_".contains(character));
    (good && (1..=KEY_CHARACTERS_MAX).contains(&text.len())).then_some(text)
}

/// The items of a task's fan-out.
pub fn items(job: &Job, memo: &mut Memo, task: u32) -> Result<Arc<Items>, Trouble> {
    if let Some(known) = memo.items.get(&task) {
        return Ok(Arc::clone(known));
    }
    let prepared = prepared::prepare(job, memo, task)?;
    let read: Vec<_> = prepared.over.iter().flat_map(prepared::Tree::expressions).collect();
    let scope = scope::of_decision(job, memo, task, &prepared, &read)?;
    let mut lists = Vec::new();
    for tree in &prepared.over {
        match tree.evaluate(&scope) {
            Ok(Value::Array(list)) => lists.push(list),
            Ok(other) => return Err(no_list(&other)),
            Err(error) => return Err(trouble(job, "for_each", &error)),
        }
    }
    let fan = job.plan().and_then(|plan| plan.tasks.get(task as usize)).and_then(|task| task.fan_out.as_ref());
    let found = match fan.map(|fan| &fan.over) {
        Some(Over::Matrix(named)) => {
            Items::Matrix { names: named.iter().map(|(name, _)| name.clone()).collect(), lists }
        }
        Some(Over::ForEach(_)) | None => Items::List(lists.pop().unwrap_or_default()),
    };
    let product = match &found {
        Items::List(items) => Some(items.len()),
        Items::Matrix { lists, .. } => lists.iter().try_fold(1_usize, |product, list| product.checked_mul(list.len())),
    };
    if product.is_none_or(|count| count > FAN_OUT_ITEMS_MAX) {
        let message = format!("the fan-out has more than {FAN_OUT_ITEMS_MAX} items");
        return Err(Trouble::Error(TaskError::new(ErrorClass::Validation, "too_many_items", message)));
    }
    let found = Arc::new(found);
    memo.items.insert(task, Arc::clone(&found));
    Ok(found)
}

fn no_list(value: &Value) -> Trouble {
    let message = format!("a fan-out needs a list, and this is {}", kind(value));
    Trouble::Error(TaskError::new(ErrorClass::Validation, "no_list", message))
}
