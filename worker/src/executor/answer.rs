//! What may leave the worker: answers that keep its protocol, without secrets, no larger than a job's outputs may be.

use std::collections::BTreeMap;
use std::path::Path;

use candor_proto::limits::VALUE_NESTING_MAX;
use candor_proto::value::{json_bytes, nests_within};
use candor_proto::{ErrorClass, Evidence, Outcome, TaskError, ValueType};
use candor_workflow::fit_outputs;
use serde_json::{Map, Value};

use crate::limits;
use crate::secrets::Masks;

/// What to do about outputs that are too large.
pub(crate) const TOO_LARGE_ADVICE: &str =
    "write large results as files below $CANDOR_OUT, or return rows as a table, and hand on the file or table value";

/// The worker's own protocol: what a task declares it must give, in the declared type, and all of it must fit into a job's outputs.
/// Outputs that the declaration does not fit are what an output schema would refuse, and trying again mends neither;
/// of outputs that are too large, the program's execution is to blame.
pub(super) fn check(outcome: Outcome, declared: &BTreeMap<String, ValueType>) -> Outcome {
    let Outcome::Done { mut outputs, evidence } = outcome else { return outcome };
    let fits = fit_outputs(&mut outputs, declared).map_err(|problem| {
        TaskError::new(ErrorClass::Validation, problem.code, problem.message).with_advice(problem.advice)
    });
    match fits.err().or_else(|| unfit_to_travel(&outputs)) {
        Some(error) => Outcome::Fail { error },
        None => Outcome::Done { outputs, evidence },
    }
}

fn unfit_to_travel(outputs: &Map<String, Value>) -> Option<TaskError> {
    let error = |code: &str, message: String, advice: &str| {
        Some(TaskError::new(ErrorClass::Execution, code, message).with_advice(advice))
    };
    let deep = outputs.iter().find(|(_, value)| !nests_within(value, VALUE_NESTING_MAX));
    if let Some((name, _)) = deep {
        let message =
            format!("the output `{name}` has lists and maps more than {VALUE_NESTING_MAX} deep inside each other");
        return error("output_too_deep", message, "flatten it, or write it as a file below $CANDOR_OUT");
    }
    let bytes = serde_json::to_vec(outputs).map_or(usize::MAX, |bytes| bytes.len());
    if bytes > limits::OUTPUTS_BYTES_MAX {
        let (largest, _) = outputs.iter().max_by_key(|(_, value)| json_bytes(value)).unzip();
        let message = format!(
            "the outputs together have {bytes} bytes, more than {}; the largest is `{}`",
            limits::OUTPUTS_BYTES_MAX,
            largest.map_or("", String::as_str)
        );
        return error("output_too_large", message, TOO_LARGE_ADVICE);
    }
    None
}

/// The outcome without the attempt's own folder in what it says: paths below it stay as they are in the folder.
/// The folder is another one in every attempt, and nobody can look into it afterwards.
pub(super) fn placeless(outcome: Outcome, directory: &Path) -> Outcome {
    let folder = directory.display().to_string();
    if folder.is_empty() {
        return outcome;
    }
    let text = |text: String| match text.contains(&folder) {
        true => text.replace(&format!("{folder}/"), "").replace(&folder, "."),
        false => text,
    };
    let plain = |error: TaskError| TaskError {
        message: text(error.message),
        detail: error.detail.map(text),
        advice: error.advice.map(text),
        ..error
    };
    match outcome {
        Outcome::Fail { error } => Outcome::Fail { error: plain(error) },
        Outcome::Retry { error, after_ms } => Outcome::Retry { error: plain(error), after_ms },
        other @ (Outcome::Done { .. } | Outcome::Cancelled) => other,
    }
}

/// The outcome without any secret in it, its error cut to what may travel.
pub(super) fn masked(outcome: Outcome, masks: &Masks) -> Outcome {
    match outcome {
        Outcome::Done { outputs, evidence } => {
            let mut outputs = Value::Object(outputs);
            masks.value(&mut outputs);
            // Masking leaves a map a map.
            let outputs = outputs.as_object_mut().map(std::mem::take).unwrap_or_default();
            Outcome::Done {
                outputs,
                evidence: evidence.into_iter().map(|piece| masked_evidence(piece, masks)).collect(),
            }
        }
        Outcome::Retry { error, after_ms } => Outcome::Retry { error: masked_error(error, masks), after_ms },
        Outcome::Fail { error } => Outcome::Fail { error: masked_error(error, masks) },
        Outcome::Cancelled => Outcome::Cancelled,
    }
}

fn masked_evidence(mut piece: Evidence, masks: &Masks) -> Evidence {
    piece.detail = piece.detail.map(|detail| masks.text(&detail).into_owned());
    piece
}

fn masked_error(mut error: TaskError, masks: &Masks) -> TaskError {
    let text = |text: &str| masks.text(text).into_owned();
    error.code = text(&error.code);
    error.message = shortened(text(&error.message));
    error.advice = error.advice.map(|advice| text(&advice));
    if let Some(detail) = error.detail.take() {
        error = error.with_detail(&text(&detail));
    }
    error
}

fn shortened(mut text: String) -> String {
    if text.len() > limits::ERROR_MESSAGE_BYTES_MAX {
        let mut end = limits::ERROR_MESSAGE_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}
