//! What `env` means in an expression.
//!
//! The workflow's values read nothing but inputs and the run, a task's own values read the workflow's, and
//! every other expression reads both, the task's own first. A value is worked out only where it is read.

use std::collections::BTreeMap;

use candor_proto::Job;
use candor_workflow::expression::{Expression, Scope};
use serde_json::{Map, Value};

use super::prepared::{Prepared, Tree};
use super::{Trouble, as_text, trouble};

/// Binds those of the workflow's values that these expressions read.
pub(super) fn bind_shared(
    job: &Job,
    scope: &mut Scope,
    shared: &[(String, Tree)],
    read: &[&Expression],
) -> Result<(), Trouble> {
    let wanted = shared.iter().filter(|(name, _)| reads(read, name));
    let values = evaluated(job, scope, wanted)?;
    set(scope, &values);
    Ok(())
}

/// Binds those of both that these expressions read.
pub(super) fn bind_own(job: &Job, scope: &mut Scope, prepared: &Prepared, read: &[&Expression]) -> Result<(), Trouble> {
    if !prepared.own.iter().any(|(name, _)| reads(read, name)) {
        return Ok(());
    }
    let values = evaluated(job, scope, both(prepared).filter(|(name, _)| reads(read, name)))?;
    set(scope, &values);
    Ok(())
}

/// Binds all of both, and gives them: an attempt's environment.
pub(super) fn bind_all(job: &Job, scope: &mut Scope, prepared: &Prepared) -> Result<BTreeMap<String, String>, Trouble> {
    let values = evaluated(job, scope, both(prepared))?;
    set(scope, &values);
    Ok(values)
}

/// The workflow's entries that the task does not replace, and the task's own.
fn both(prepared: &Prepared) -> impl Iterator<Item = &(String, Tree)> {
    let replaced = |name: &str| prepared.own.iter().any(|(own, _)| own == name);
    prepared.shared.iter().filter(move |(name, _)| !replaced(name)).chain(&prepared.own)
}

fn evaluated<'t>(
    job: &Job,
    scope: &Scope,
    entries: impl Iterator<Item = &'t (String, Tree)>,
) -> Result<BTreeMap<String, String>, Trouble> {
    entries
        .map(|(name, tree)| {
            let value = tree.evaluate(scope).map_err(|error| trouble(job, &format!("env.{name}"), &error))?;
            Ok((name.clone(), as_text(&value)))
        })
        .collect()
}

fn set(scope: &mut Scope, values: &BTreeMap<String, String>) {
    let fields: Map<String, Value> =
        values.iter().map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect();
    scope.set_json("env", &Value::Object(fields));
}

/// Whether any of these expressions reads this entry, by its name or with all of `env`.
fn reads(read: &[&Expression], name: &str) -> bool {
    read.iter().map(|expression| expression.references()).any(|references| {
        references.env.iter().any(|entry| entry.name == name) || references.names.iter().any(|root| root.name == "env")
    })
}
