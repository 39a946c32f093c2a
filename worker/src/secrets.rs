//! Secrets: filled into an attempt's input last of all, and never reported.
//!
//! A secret travels as its placeholder, whose form [`candor_workflow::secret`] knows.

mod masked;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use candor_workflow::secret::{MARKER, fill_secrets};
use serde_json::Value;

use crate::error::{Error, Result};

pub use masked::masked;

/// What stands for a secret in everything that is reported.
const MASK: &str = "***";
/// Bytes masked at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where the values of secrets come from, by name.
pub type SecretLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The secrets that an attempt got, longest first, so that one that contains another is found whole.
#[derive(Clone, Default)]
pub struct Masks(Arc<Vec<String>>);

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

impl Masks {
    /// Masks for these values, as they are and as they stand in JSON; an empty one masks nothing.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut known = BTreeSet::new();
        for value in values.into_iter().filter(|value| !value.is_empty()) {
            let quoted = Value::String(value.clone()).to_string();
            known.insert(quoted[1..quoted.len() - 1].to_owned());
            known.insert(value);
        }
        let mut values: Vec<String> = known.into_iter().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(Arc::new(values))
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text with every secret masked.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.0.iter().any(|secret| text.contains(secret)) {
            return Cow::Borrowed(text);
        }
        let mut masked = Vec::with_capacity(text.len());
        self.mask(text.as_bytes(), text.len(), &mut masked);
        // A secret is whole characters, so cutting it out of a text leaves whole characters.
        Cow::Owned(String::from_utf8_lossy(&masked).into_owned())
    }

    /// Masks every text in a value, names of fields among them.
    pub fn value(&self, value: &mut Value) {
        if self.is_empty() {
            return;
        }
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.text(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, mut item)| {
                        self.value(&mut item);
                        (self.text(&name).into_owned(), item)
                    })
                    .collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Copies bytes with every secret masked, however the chunks fall.
    pub fn copy(&self, from: &mut dyn Read, to: &mut dyn Write) -> std::io::Result<()> {
        if self.is_empty() {
            return std::io::copy(from, to).map(drop);
        }
        // A secret may begin so many bytes before the end of what has been read and still be whole only later.
        let tail = self.0.first().map_or(0, |longest| longest.len() - 1);
        let mut pending = Vec::new();
        let mut masked = Vec::new();
        loop {
            let before = pending.len();
            pending.resize(before + CHUNK_BYTES, 0);
            let read = from.read(&mut pending[before..])?;
            pending.truncate(before + read);
            let settled = if read == 0 { pending.len() } else { pending.len().saturating_sub(tail) };
            let taken = self.mask(&pending, settled, &mut masked);
            to.write_all(&masked)?;
            masked.clear();
            pending.drain(..taken);
            if read == 0 {
                return Ok(());
            }
        }
    }

    /// Masks from the start up to `settled`, where a secret that begins before it may reach beyond; gives back how far it came.
    fn mask(&self, bytes: &[u8], settled: usize, into: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while at < settled {
            match self.0.iter().find(|secret| bytes[at..].starts_with(secret.as_bytes())) {
                Some(secret) => {
                    into.extend_from_slice(MASK.as_bytes());
                    at += secret.len();
                }
                None => {
                    into.push(bytes[at]);
                    at += 1;
                }
            }
        }
        at
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masks({} texts)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
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

    #[test]
    fn a_secret_is_masked_as_it_stands_in_json_too() {
        let secret = "a\"b\\c\n".to_owned();
        let masks = Masks::new([secret.clone()]);
        assert_eq!(masks.text(&json!({"x": secret}).to_string()), r#"{"x":"***"}"#);
        assert_eq!(masks.text(&secret), "***");
    }

    #[test]
    fn of_two_secrets_the_longer_one_is_masked_whole() {
        let masks = Masks::new(["abc".to_owned(), "abcdef".to_owned(), String::new()]);
        assert_eq!(masks.text("abcdef abc"), "*** ***");
    }

    /// Gives one byte at a time, the worst way to cut a text.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    proptest! {
        #[test]
        fn however_the_chunks_fall_the_same_is_masked(text in "[ab€ ]{0,60}", secrets in prop::collection::vec("[ab€]{1,4}", 0..3)) {
            let masks = Masks::new(secrets);
            let mut dripped = Vec::new();
            masks.copy(&mut Drip(text.as_bytes()), &mut dripped).unwrap();
            let mut whole = Vec::new();
            masks.copy(&mut text.as_bytes(), &mut whole).unwrap();
            prop_assert_eq!(&dripped, &whole);
            let masked = masks.text(&text);
            prop_assert_eq!(std::str::from_utf8(&whole).unwrap(), &*masked);
        }
    }
}
