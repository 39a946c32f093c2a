//! Plans, requests, and what the scripted workers do with their assignments.

use candor_proto::message::{Assignment, PlanReady, ReplyTo, Report, Usage, With};
use candor_proto::{ErrorClass, Evidence, JobId, Outcome, Plan, Sha256, TaskError};
use candor_workflow::catalogue::Catalogue;
use candor_workflow::{Files, Mode, Source, compile};
use serde_json::json;
use uuid::Uuid;

use crate::stage::START;

/// What a worker does with an assignment.
pub(crate) enum Act {
    /// Reports this.
    Report(Outcome),
    /// Reports in these words.
    Send(Box<Report>),
    /// Keeps it and says nothing.
    Hold,
    /// Lets go of it and says nothing.
    Forget,
}

pub(crate) fn job(number: u64) -> JobId {
    JobId::from_uuid(Uuid::from_u64_pair(7, number))
}

/// A compiled workflow.
pub(crate) fn plan(text: &str) -> Plan {
    let catalogue = Catalogue::built_in().unwrap();
    let compiled = compile(&Source { name: "test", text }, &Files::default(), &catalogue, Mode::Execute);
    compiled.plan.unwrap_or_else(|| panic!("the plan has no errors: {:?}", compiled.diagnostics))
}

/// One task.
pub(crate) fn single() -> Plan {
    plan("name: single\ntasks:\n  - id: only\n    run: echo once\n")
}

/// Two tasks side by side, a fan-out over what one gave, a task that fails once, one that is skipped, and an end.
pub(crate) fn braid() -> Plan {
    plan(
        "
name: braid
tasks:
  - id: left
    run: echo left
  - id: right
    run: echo right
    retry: { max_attempts: 3, delay: 1s, backoff: constant, on: [execution] }
  - id: each
    needs: left
    for_each: [1, 2, 3]
    run: echo ${{ item }}
  - id: never
    needs: left
    when: ${{ tasks.left.outputs.stdout == 'no' }}
    run: echo never
  - id: end
    needs: [right, each]
    run: echo ${{ tasks.right.outputs.stdout }}
",
    )
}

pub(crate) fn client(queue: &str) -> ReplyTo {
    ReplyTo { queue: queue.into(), correlation_id: Some("mine".into()), content_type: "application/json".into() }
}

pub(crate) fn ready(job: JobId, plan: Plan) -> PlanReady {
    PlanReady {
        job,
        plan_hash: plan.hash(),
        request_digest: plan.hash(),
        plan,
        inputs: serde_json::Map::new(),
        priority: Default::default(),
        tenant: None,
        submitted_at: START,
        reply_to: Some(client("client")),
        recorded_to: Some("planner".into()),
    }
}

/// Done, with an output that follows from the input.
pub(crate) fn done(assignment: &Assignment) -> Outcome {
    let with = match &assignment.with {
        With::Inline(with) => Sha256::of_value(with).to_string(),
        With::Stored(file) => file.sha256.to_string(),
    };
    let outputs = json!({ "exit_code": 0, "stdout": with, "stderr": "" });
    let serde_json::Value::Object(outputs) = outputs else { unreachable!() };
    Outcome::Done { outputs, evidence: vec![Evidence::checked("exit_code")] }
}

/// Done at once, but for the task `right`, which fails the first time.
pub(crate) fn well(assignment: &Assignment) -> Act {
    if assignment.task == "right" && assignment.number == 1 {
        let error = TaskError::new(ErrorClass::Execution, "exit", "it ended with exit code 1");
        return Act::Report(Outcome::Fail { error });
    }
    Act::Report(done(assignment))
}

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
