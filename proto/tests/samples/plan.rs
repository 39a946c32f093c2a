//! Plans: the smallest one, and one in which every field has a value of its own.

use std::collections::BTreeMap;

use candor_proto::plan::{
    Assemble, Backoff, Budget, Check, CheckRule, ConfidenceRule, FailPolicy, FanOut, Input, Limits, Needs, OnFail,
    Over, Plan, PlanFile, Priority, Retry, Task,
};
use candor_proto::{Score, Sha256, ValueType};
use serde_json::json;

/// One task and nothing that is not a default.
pub(crate) fn smallest() -> Plan {
    Plan { name: "hello".into(), tasks: vec![task("greet", &[])], ..Plan::default() }
}

/// A shell task that needs these.
pub(crate) fn task(id: &str, needs: &[&str]) -> Task {
    Task {
        id: id.into(),
        needs: Needs { all: needs.iter().map(|name| (*name).to_owned()).collect(), any: Vec::new() },
        uses: "shell".into(),
        with: json!({"run": format!("echo {id}")}),
        ..Task::default()
    }
}

/// Every field differs from its default somewhere.
pub(crate) fn full() -> Plan {
    Plan {
        name: "Quarterly figures".into(),
        version: Some("1.10".into()),
        description: Some("Reads, checks and sums up – für alle.".into()),
        inputs: inputs(),
        env: BTreeMap::from([("REGION".into(), "${{ inputs.region }}".into())]),
        files: BTreeMap::from([("data/rows.csv".into(), PlanFile { sha256: Sha256::of(b"rows"), bytes: 4 })]),
        priority: Priority::High,
        fairness_key: Some("${{ inputs.region }}".into()),
        budget: Budget { wall_clock_ms: Some(3_600_000) },
        tasks: vec![read(), regions(), cells(), publish()],
        assemble: Assemble {
            summary: Some(vec!["publish".into()]),
            statements: vec!["${{ tasks.read.outputs.count }} rows were read.".into()],
        },
        outputs: BTreeMap::from([("total".into(), json!("${{ tasks.publish.outputs.total }}"))]),
    }
}

fn inputs() -> BTreeMap<String, Input> {
    let region = Input {
        kind: ValueType::String,
        description: Some("Two letters.".into()),
        default: None,
        required: true,
        pattern: Some("[A-Z]{2}".into()),
    };
    let kinds = [
        ("count", ValueType::Integer, json!(3)),
        ("share", ValueType::Number, json!(0.5)),
        ("quick", ValueType::Boolean, json!(true)),
        ("day", ValueType::Date, json!("2026-02-28")),
        ("pause", ValueType::Duration, json!("1800s")),
        ("names", ValueType::List, json!(["a", "b"])),
        ("words", ValueType::Map, json!({"a": 1})),
    ];
    let mut inputs: BTreeMap<String, Input> = kinds
        .into_iter()
        .map(|(name, kind, default)| {
            let input = Input { kind, description: None, default: Some(default), required: false, pattern: None };
            (name.to_owned(), input)
        })
        .collect();
    inputs.insert("region".into(), region);
    inputs
}

fn read() -> Task {
    Task {
        id: "read".into(),
        name: Some("Read the rows".into()),
        uses: "csv.read".into(),
        with: json!({"path": "data/rows.csv"}),
        outputs: BTreeMap::from([("rows".into(), ValueType::Table), ("raw".into(), ValueType::File)]),
        checks: vec![
            Check { rule: CheckRule::Assert("outputs.count > 0".into()), on_fail: OnFail::Fail },
            Check { rule: CheckRule::Named("rows_conserved".into()), on_fail: OnFail::Warn },
        ],
        ..Task::default()
    }
}

fn regions() -> Task {
    Task {
        id: "regions".into(),
        needs: Needs { all: vec!["read".into()], any: Vec::new() },
        uses: "shell".into(),
        with: json!({"run": "wc -l"}),
        when: Some("inputs.quick".into()),
        fan_out: Some(FanOut {
            over: Over::ForEach(json!("${{ inputs.names }}")),
            max_parallel: Some(2),
            fail: FailPolicy::Tolerate(1),
        }),
        timeout_ms: Some(30_000),
        retry: Retry {
            max_attempts: 3,
            backoff: Backoff::Constant,
            delay_ms: 250,
            max_delay_ms: 5_000,
            on: vec!["execution".into(), "timeout".into()],
        },
        pool: Some("wide".into()),
        output_schema: Some(json!({"type": "object"})),
        ..Task::default()
    }
}

fn cells() -> Task {
    Task {
        id: "cells".into(),
        needs: Needs { all: vec!["read".into()], any: Vec::new() },
        uses: "shell".into(),
        with: json!({"run": "true"}),
        fan_out: Some(FanOut {
            over: Over::Matrix(vec![("size".into(), json!([1, 2])), ("colour".into(), json!(["red"]))]),
            max_parallel: None,
            fail: FailPolicy::ToleratePercent(12.5),
        }),
        ..Task::default()
    }
}

fn publish() -> Task {
    Task {
        id: "publish".into(),
        needs: Needs { all: vec!["read".into()], any: vec!["regions".into(), "cells".into()] },
        uses: "http".into(),
        with: json!({"method": "POST", "url": "https://example.invalid/figures"}),
        confidence: Some(ConfidenceRule { min: Score::share(9, 10), on_low: OnFail::Warn }),
        limits: Limits {
            memory_bytes: Some(1 << 28),
            cpu: Some(1.5),
            processes: Some(64),
            files: Some(256),
            output_bytes: Some(65_536),
        },
        priority: Some(Priority::Low),
        env: BTreeMap::from([("CANDOR_E1".into(), "${{ inputs.region }}".into())]),
        effects: vec!["publishes the figures".into()],
        idempotent: true,
        idempotency_key: Some("${{ inputs.region }}-${{ run.date }}".into()),
        ..Task::default()
    }
}
