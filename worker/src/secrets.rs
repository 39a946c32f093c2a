//! Secrets: filled into an attempt's input last of all, and never reported.
//!
//! A secret travels as its placeholder, whose form [`candor_workflow::secret`] knows.

mod body;
mod known;
mod masked;
mod masks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use candor_workflow::secret::{MARKER, fill_secrets};
use serde_json::Value;

use crate::error::{Error, Result};

pub use known::Known;
pub use masked::masked;
pub use masks::Masks;

/// Where the values of secrets come from, by name.
pub type SecretLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Puts the values of secrets in for their placeholders `@@candor-secret:NAME@@`, in all texts of `with` and in `env`.
/// Gives back what must be masked from now on.
pub fn fill(with: &mut Value, env: &mut BTreeMap<String, String>, lookup: &SecretLookup) -> Result<Masks> {
    let mut used = BTreeSet::new();
    fill_value(with, lookup, &mut used)?;
    for text in env.values_mut() {
        fill_text(text, lookup, &mut used)?;
    }
    Ok(Masks::new(used))
}

fn fill_value(value: &mut Value, lookup: &SecretLookup, used: &mut BTreeSet<String>) -> Result<()> {
    match value {
        Value::String(text) => fill_text(text, lookup, used),
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill_value(item, lookup, used)),
        Value::Object(fields) => fields.values_mut().try_for_each(|item| fill_value(item, lookup, used)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn fill_text(text: &mut String, lookup: &SecretLookup, used: &mut BTreeSet<String>) -> Result<()> {
    if !text.contains(MARKER) {
        return Ok(());
    }
    let taken = |name: &str| {
        let value = lookup(name)?;
        used.insert(value.clone());
        Some(value)
    };
    *text = fill_secrets(text, taken).map_err(|name| Error::Input {
        code: "secret_missing",
        message: format!("this worker has no secret `{name}`"),
        advice: "set CANDOR_SECRET_<NAME> where the worker runs, or put a file of that name into its --secrets-dir",
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lookup() -> SecretLookup {
        Arc::new(|name| (name == "TOKEN").then(|| "s3cr€t".to_owned()))
    }

    #[test]
    fn placeholders_are_filled_wherever_a_text_stands() {
        let mut with =
            json!({"a": ["@@candor-secret:TOKEN@@", {"b": "x@@candor-secret:TOKEN@@y@@candor-secret:a b@@"}], "n": 1});
        let mut env = BTreeMap::from([("T".to_owned(), "Bearer @@candor-secret:TOKEN@@".to_owned())]);
        let masks = fill(&mut with, &mut env, &lookup()).unwrap();
        assert_eq!(with, json!({"a": ["s3cr€t", {"b": "xs3cr€ty@@candor-secret:a b@@"}], "n": 1}));
        assert_eq!(env["T"], "Bearer s3cr€t");
        masks.value(&mut with);
        assert_eq!(with["a"], json!(["***", {"b": "x***y@@candor-secret:a b@@"}]));
        assert_eq!(format!("{masks:?}"), "Masks(1 texts)");
    }

    #[test]
    fn a_secret_that_the_worker_lacks_is_named() {
        let mut with = json!("@@candor-secret:OTHER@@");
        let error = fill(&mut with, &mut BTreeMap::new(), &lookup()).unwrap_err();
        assert!(error.to_string().contains("`OTHER`"), "{error}");
        assert_eq!(with, json!("@@candor-secret:OTHER@@"));
    }
}
