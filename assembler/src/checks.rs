//! Whether the outputs of an attempt are what its task promises, and how sure they are.

use std::sync::Arc;

use candor_proto::limits::JOB_INLINE_BYTES_MAX;
use candor_proto::plan::{CheckRule, OnFail, Task};
use candor_proto::{Class, Confidence, ErrorClass, Evidence, Job, Node, TaskError};
use candor_workflow::fit_outputs;
use serde_json::{Map, Value};

use crate::evaluate;
use crate::memo::Memo;

/// An attempt whose outputs are taken.
#[derive(Debug)]
pub struct Judged {
    /// The outputs, a map.
    pub outputs: Arc<Value>,
    /// What they rest on, passed checks among it.
    pub evidence: Vec<Evidence>,
    /// Indexes of the checks that did not hold and only warn.
    pub warnings: Vec<u32>,
    /// Whether the confidence is below the task's least, and the task accepts that.
    pub low_confidence: bool,
}

/// Judges the outputs of an attempt: declared types, size, schema, checks, confidence, in this order.
pub fn judge(
    job: &Job,
    memo: &mut Memo,
    task: &Task,
    node: Node,
    outputs: &Map<String, Value>,
    evidence: &[Evidence],
) -> Result<Judged, TaskError> {
    let mut outputs = outputs.clone();
    // A worker of this build has done so; one of another build may not.
    fit_outputs(&mut outputs, &task.outputs)
        .map_err(|problem| validation(problem.code, problem.message).with_advice(problem.advice))?;
    let outputs = Value::Object(outputs);
    if job.inline_bytes() + candor_proto::value::json_bytes(&outputs) > JOB_INLINE_BYTES_MAX {
        return Err(validation("outputs_too_large", "the outputs of the job's tasks together are over 64 MiB")
            .with_advice("write large results to files below `out/`, or return a table"));
    }
    if let Some(schema) = &task.output_schema {
        memo.schema(node.task, schema).and_then(|schema| schema.check(&outputs)).map_err(|reason| {
            validation("output_schema", format!("the outputs do not fit the task's `output_schema`: {reason}"))
        })?;
    }
    let (mut evidence, mut warnings) = (evidence.to_vec(), Vec::new());
    for (check, index) in task.checks.iter().zip(0_u32..) {
        match (holds(job, memo, task, node, &outputs, &check.rule, &evidence), check.on_fail) {
            (Ok(()), _) => evidence.push(Evidence::checked("check").with_detail(words(&check.rule).to_owned())),
            (Err(_), OnFail::Warn) => warnings.push(index),
            (Err(error), OnFail::Fail) => return Err(error),
        }
    }
    let confidence = Confidence::from_evidence(&evidence);
    let mut low_confidence = false;
    if let Some(rule) = task.confidence
        && confidence.score() < rule.min
    {
        let (score, class) = (confidence.score().get(), confidence.class().word());
        match rule.on_low {
            OnFail::Warn => low_confidence = true,
            OnFail::Fail => {
                let message =
                    format!("the result is {score:.2} {class}, and the task wants at least {}", rule.min.get());
                return Err(validation("low_confidence", message));
            }
        }
    }
    Ok(Judged { outputs: Arc::new(outputs), evidence, warnings, low_confidence })
}

fn holds(
    job: &Job,
    memo: &mut Memo,
    task: &Task,
    node: Node,
    outputs: &Value,
    rule: &CheckRule,
    evidence: &[Evidence],
) -> Result<(), TaskError> {
    match rule {
        CheckRule::Assert(text) => match evaluate::assert(job, memo, node, outputs, text) {
            Ok(true) => Ok(()),
            Ok(false) => Err(validation("check", format!("the check `{text}` does not hold"))),
            Err(error) => Err(error),
        },
        CheckRule::Named(name) => {
            let passed = evidence.iter().any(|piece| piece.source == *name && piece.class == Class::Checked);
            if passed {
                Ok(())
            } else {
                Err(validation("check", format!("the check `{name}` of `{}` did not pass", task.uses)))
            }
        }
    }
}

fn words(rule: &CheckRule) -> &str {
    match rule {
        CheckRule::Assert(text) | CheckRule::Named(text) => text,
    }
}

fn validation(code: &str, message: impl Into<String>) -> TaskError {
    TaskError::new(ErrorClass::Validation, code, message)
}
