//! What a task returns against what it declares: every name there, of its type, in canonical form.

use std::collections::BTreeMap;

use candor_proto::ValueType;
use serde_json::{Map, Value};

use crate::given::{advice, coerce};

/// An output that is not what its task declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputProblem {
    /// `output_missing` or `output_type`.
    pub code: &'static str,
    /// What is wrong, as a fragment.
    pub message: String,
    /// What to do, as a fragment.
    pub advice: String,
}

/// Brings declared outputs into canonical form, as inputs are: a span of time becomes text in seconds.
///
/// # Errors
///
/// The first output that is missing or of another type.
pub fn fit_outputs(
    outputs: &mut Map<String, Value>,
    declared: &BTreeMap<String, ValueType>,
) -> Result<(), OutputProblem> {
    for (name, kind) in declared {
        let Some(value) = outputs.get_mut(name) else {
            return Err(OutputProblem {
                code: "output_missing",
                message: format!("the declared output `{name}` is missing"),
                advice: format!("write `{name}` in the attempt's outputs, or take it out of the task's `outputs`"),
            });
        };
        let rewritten = *kind == ValueType::Duration;
        // Long lists are looked at where they are.
        if !rewritten && kind.admits(value) {
            continue;
        }
        match coerce(*kind, value.clone()) {
            Ok(canonical) => *value = canonical,
            Err(reason) => {
                let wanted = lower(advice(*kind).trim_end_matches('.'));
                return Err(OutputProblem {
                    code: "output_type",
                    message: format!("the output `{name}` {reason}"),
                    advice: format!("{wanted}, or change the type in the task's `outputs`"),
                });
            }
        }
    }
    Ok(())
}

fn lower(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}
