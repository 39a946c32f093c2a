//! Masks: what hides secrets in texts, values and streams.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use candor_proto::FileValue;
use serde_json::{Map, Number, Value};

use super::Known;

/// What stands for a secret in everything that is reported.
pub(super) const MASK: &str = "***";
/// Bytes masked at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// The secrets that an attempt got, and those that its worker has read for others; longest first, so that one that
/// contains another is found whole.
#[derive(Clone, Default)]
pub struct Masks {
    texts: Arc<Vec<String>>,
    own: Arc<BTreeSet<String>>,
    known: Known,
}

impl Masks {
    /// Masks for these values, as they are and as they stand in JSON; an empty one masks nothing.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let own: BTreeSet<String> = values.into_iter().filter(|value| !value.is_empty()).collect();
        Self { texts: Arc::new(forms(&own)), own: Arc::new(own), known: Known::default() }
    }

    /// The same with everything that the worker has read until now.
    pub fn fresh(&self) -> Self {
        self.clone().within(&self.known)
    }

    /// The same within a worker: what one attempt got is masked in all others too.
    pub(super) fn within(mut self, known: &Known) -> Self {
        let mut all = known.values();
        all.extend(self.own.iter().cloned());
        self.texts = Arc::new(forms(&all));
        self.known = known.clone();
        self
    }

    /// The values that this attempt got.
    pub(super) fn own(&self) -> impl Iterator<Item = &String> {
        self.own.iter()
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// A text with every secret masked.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.texts.iter().any(|secret| text.contains(secret)) {
            return Cow::Borrowed(text);
        }
        let mut masked = Vec::with_capacity(text.len());
        self.mask(text.as_bytes(), text.len(), &mut masked);
        // A secret is whole characters, so cutting it out of a text leaves whole characters.
        Cow::Owned(String::from_utf8_lossy(&masked).into_owned())
    }

    /// A part of a text with every secret masked. At an end where it was cut off, what may be a part of a secret goes too.
    pub fn excerpt(&self, part: &[u8], start_is_cut: bool, end_is_cut: bool) -> String {
        let secrets = || self.texts.iter().map(|secret| secret.as_bytes());
        let (mut start, mut end) = (0, part.len());
        if start_is_cut {
            let ends =
                |secret: &[u8]| (1..secret.len()).rev().find(|from| part.starts_with(&secret[secret.len() - from..]));
            start = secrets().filter_map(ends).max().unwrap_or(0);
        }
        if end_is_cut {
            let begins = |secret: &[u8]| (1..secret.len()).rev().find(|to| part.ends_with(&secret[..*to]));
            end = part.len() - secrets().filter_map(begins).max().unwrap_or(0);
        }
        let mut masked = Vec::with_capacity(part.len());
        if start > 0 {
            masked.extend_from_slice(MASK.as_bytes());
        }
        // Both may be parts of one secret.
        if start < end {
            self.mask(&part[start..end], end - start, &mut masked);
        }
        if end < part.len() && (start < end || start == 0) {
            masked.extend_from_slice(MASK.as_bytes());
        }
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// How many bytes of a secret can lie on one side of a cut.
    pub fn reach(&self) -> usize {
        self.texts.first().map_or(0, |longest| longest.len() - 1)
    }

    /// Masks every text and every number in a value, names of fields among them. What the worker itself says of a body
    /// (its digest, its length, its rows) stays.
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
            Value::Number(number) => {
                if self.hides(number) {
                    *value = Value::String(MASK.to_owned());
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) if FileValue::looks_like(fields) => self.file(fields),
            Value::Object(fields) => {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, mut item)| {
                        self.value(&mut item);
                        (self.text(&name).into_owned(), item)
                    })
                    .collect();
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn file(&self, fields: &mut Map<String, Value>) {
        for name in ["name", "media_type", "columns"] {
            if let Some(value) = fields.get_mut(name) {
                self.columns(value);
            }
        }
    }

    /// The texts in a part of a file or table value.
    fn columns(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.columns(item)),
            Value::Object(fields) => fields.values_mut().for_each(|item| self.columns(item)),
            Value::String(_) => self.value(value),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Whether a number has a secret in it, or is one that is written otherwise.
    fn hides(&self, number: &Number) -> bool {
        let text = number.to_string();
        let same = |secret: &String| {
            let value = secret.trim().parse::<f64>().ok().filter(|value| value.is_finite());
            value.is_some() && value == number.as_f64()
        };
        self.texts.iter().any(|secret| text.contains(secret) || same(secret))
    }

    /// Whether any secret stands in what can be read here.
    pub(super) fn are_in(&self, from: &mut dyn Read) -> std::io::Result<bool> {
        let mut pending = Vec::new();
        loop {
            let before = pending.len();
            pending.resize(before + CHUNK_BYTES, 0);
            let read = from.read(&mut pending[before..])?;
            pending.truncate(before + read);
            if self.texts.iter().any(|secret| memchr::memmem::find(&pending, secret.as_bytes()).is_some()) {
                return Ok(true);
            }
            if read == 0 {
                return Ok(false);
            }
            pending.drain(..pending.len().saturating_sub(self.reach()));
        }
    }

    /// Copies bytes with every secret masked, however the chunks fall.
    pub fn copy(&self, from: &mut dyn Read, to: &mut dyn Write) -> std::io::Result<()> {
        if self.is_empty() {
            return std::io::copy(from, to).map(drop);
        }
        // A secret may begin so many bytes before the end of what has been read and still be whole only later.
        let tail = self.reach();
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
            match self.texts.iter().find(|secret| bytes[at..].starts_with(secret.as_bytes())) {
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

/// Each value as it is and as it stands in JSON, longest first.
fn forms(values: &BTreeSet<String>) -> Vec<String> {
    let mut known = BTreeSet::new();
    for value in values {
        let quoted = Value::String(value.clone()).to_string();
        known.insert(quoted[1..quoted.len() - 1].to_owned());
        known.insert(value.clone());
    }
    let mut texts: Vec<String> = known.into_iter().collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masks({} texts)", self.texts.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn numbers_with_a_secret_in_them_are_masked_and_what_is_said_of_a_body_is_not() {
        let masks = Masks::new(["4711".to_owned(), "12345678901234567890123".to_owned()]);
        let mut value = json!({"pin": 4711, "neg": -4711, "in": 147_112, "other": 471, "x4711": {"f": 4711.5}});
        value["long"] = serde_json::from_str("12345678901234567890123").unwrap();
        masks.value(&mut value);
        assert_eq!(
            value,
            json!({"pin": "***", "neg": "***", "in": "***", "other": 471, "x***": {"f": "***"}, "long": "***"})
        );
        let digest = format!("4711{}", "0".repeat(60));
        let mut file = json!({"name": "a4711", "sha256": digest, "bytes": 4711, "media_type": "text/plain"});
        masks.value(&mut file);
        assert_eq!(file, json!({"name": "a***", "sha256": digest, "bytes": 4711, "media_type": "text/plain"}));
    }

    #[test]
    fn at_a_cut_end_a_part_of_a_secret_goes_too() {
        let masks = Masks::new(["topsecret".to_owned()]);
        assert_eq!(masks.excerpt(b"secret and more", true, false), "*** and more");
        assert_eq!(masks.excerpt(b"secret and more", false, false), "secret and more");
        assert_eq!(masks.excerpt(b"this is topsec", false, true), "this is ***");
        assert_eq!(masks.excerpt(b"opsecret", true, true), "***");
        assert_eq!(masks.excerpt(b"topse", false, true), "***");
        assert_eq!(masks.excerpt(b"ret topsecret to", true, true), "*** *** ***");
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
            prop_assert_eq!(masks.are_in(&mut Drip(text.as_bytes())).unwrap(), masks.text(&text) != text.as_str());
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
