//! What the workers do: pure functions of task, item, attempt and resolved input.

use candor_proto::message::{Assignment, Report, Usage, With};
use candor_proto::{Class, ErrorClass, Evidence, Outcome, Score, Sha256, TaskError};
use serde_json::{Map, Value, json};

use crate::sketch::{Fate, Story};

/// What the attempt with this number (from 1) of this node comes to.
pub(crate) fn fate(story: &Story, task: usize, item: Option<usize>, number: u32) -> Fate {
    let fates = &story.tasks[task].fates;
    fates[(item.unwrap_or(0) * 2 + number as usize - 1) % fates.len()]
}

/// What an attempt that is done has made of its input.
pub(crate) fn outputs(task: usize, with: &Value) -> Map<String, Value> {
    let digest = Sha256::of_value(&json!({"task": task, "with": with}));
    let n = i64::from(digest.bytes()[0] % 10);
    let list: Vec<i64> = (0..n % 4).collect();
    let Value::Object(outputs) = json!({"n": n, "list": list, "text": digest.to_string()[..6]}) else { unreachable!() };
    outputs
}

/// What the outputs of a fate rest on.
pub(crate) fn evidence(fate: Fate) -> Vec<Evidence> {
    match fate {
        Fate::Done => vec![Evidence::checked("exit_code")],
        Fate::Doubtful => vec![Evidence::limit(Class::Asserted, "reported", Score::new(0.3).unwrap())],
        Fate::Exit | Fate::Timeout | Fate::Invalid | Fate::Again => Vec::new(),
    }
}

/// The error of a fate that is no success.
pub(crate) fn error(fate: Fate) -> Option<TaskError> {
    match fate {
        Fate::Done | Fate::Doubtful => None,
        Fate::Exit => Some(TaskError::new(ErrorClass::Execution, "exit", "it ended with exit code 1")),
        Fate::Timeout => Some(TaskError::new(ErrorClass::Execution, "timeout", "it took too long")),
        Fate::Invalid => Some(TaskError::new(ErrorClass::Validation, "input", "the input is wrong")),
        Fate::Again => Some(TaskError::new(ErrorClass::System, "network", "the network was away")),
    }
}

/// Carries out an assignment.
pub(crate) fn outcome(story: &Story, assignment: &Assignment) -> Outcome {
    let task = assignment.node.task as usize;
    let fate = fate(story, task, assignment.node.item.map(|item| item as usize), assignment.number);
    let With::Inline(with) = &assignment.with else { panic!("only the shell stores inputs") };
    match (fate, error(fate)) {
        (Fate::Again, Some(error)) => Outcome::Retry { error, after_ms: None },
        (_, Some(error)) => Outcome::Fail { error },
        (_, None) => Outcome::Done { outputs: outputs(task, with), evidence: evidence(fate) },
    }
}

/// The report of an attempt.
pub(crate) fn report(assignment: &Assignment, outcome: Outcome) -> Report {
    Report {
        job: assignment.job,
        attempt: assignment.attempt,
        node: assignment.node,
        input_digest: assignment.input_digest,
        outcome,
        stored: None,
        usage: Usage::default(),
        worker: "worker".into(),
        traceparent: None,
    }
}
