//! Whether a value fits a JSON Schema. The schema may refer only to itself: neither files nor the network are read.

use serde_json::Value;

/// Words of a schema's complaint, in characters; a whole output does not belong into an error.
const REASON_CHARACTERS_MAX: usize = 300;

/// A compiled JSON Schema (draft 2020-12 where it names no other).
#[derive(Debug)]
pub struct Validator(jsonschema::Validator);

impl Validator {
    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn new(schema: &Value) -> Result<Self, String> {
        jsonschema::validator_for(schema).map(Self).map_err(|error| shorten(&error.to_string()))
    }

    /// Checks a value.
    ///
    /// # Errors
    ///
    /// The first place that does not fit, as a JSON pointer, and why.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        self.0.validate(value).map_err(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "/".to_owned() } else { place };
            format!("at `{place}`: {}", shorten(&error.to_string()))
        })
    }
}

fn shorten(reason: &str) -> String {
    let mut short: String = reason.chars().take(REASON_CHARACTERS_MAX).collect();
    if short.len() < reason.len() {
        short.push('…');
    }
    short
}
