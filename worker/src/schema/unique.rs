//! Which values were seen before.
//!
//! Each value is kept as the first 128 bits of its SHA-256 and the row it stood in, so memory is about 30 to 60 bytes
//! per value whatever its length, and two different values are taken for one with a chance below 2^-70 at ten million values.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use candor_proto::{ErrorClass, TaskError};
use serde_json::Value;
use sha2::Digest;

/// The most values that are told apart in one column; at this many the set takes about one gigabyte.
pub(super) const UNIQUE_VALUES_MAX: usize = 16 * 1024 * 1024;

/// The values seen so far.
#[derive(Debug, Default)]
pub struct Unique(HashMap<Key, u64>);

/// What stands for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// The key of a row's values; `None` where one is missing, because nothing equals no value.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Option<Self> {
        let mut hasher = sha2::Sha256::new();
        for value in values {
            let text = match value {
                Value::Null => return None,
                // Equal as numbers, different as text.
                Value::Number(number) if number.as_f64() == Some(0.0) => "0".to_owned(),
                other => other.to_string(),
            };
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Some(Self(key))
    }
}

impl Unique {
    /// The row it was first seen in.
    pub fn seen(&self, key: Key) -> Option<u64> {
        self.0.get(&key).copied()
    }

    /// Notes it; `true` when it is new.
    pub fn insert(&mut self, column: &str, key: Key, row: u64) -> Result<bool, TaskError> {
        let full = self.0.len() >= UNIQUE_VALUES_MAX;
        match self.0.entry(key) {
            Entry::Occupied(_) => Ok(false),
            Entry::Vacant(place) if !full => {
                place.insert(row);
                Ok(true)
            }
            Entry::Vacant(_) => {
                let message = format!("column `{column}` has more than {UNIQUE_VALUES_MAX} different values");
                let advice = "split the file, or leave this column to a database";
                Err(TaskError::new(ErrorClass::Validation, "too_many_values", message).with_advice(advice))
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
