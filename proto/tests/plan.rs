//! The plan's hash, and the small choices: retry, tolerated failures.

#![expect(clippy::expect_used, reason = "a test ends by panicking")]

#[path = "samples/plan.rs"]
mod plan;

use candor_proto::canonical::canonical_text;
use candor_proto::codec::{self, Encoding};
use candor_proto::plan::{Backoff, FailPolicy, Input, Retry};
use candor_proto::{ErrorClass, Plan, TaskError, ValueType};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(value: &Value) -> Plan {
    serde_json::from_value(value.clone()).expect("a sample is a plan")
}

#[test]
fn hashes_of_known_plans_are_pinned() {
    assert_eq!(plan::smallest().hash().to_string(), "10f212df5a79634c647567434045a412a09d5d119fb82a3739eddaa54cb39ae6");
    assert_eq!(plan::full().hash().to_string(), "00fd56f399a7952b01ae88717dddb1b278b0b0910b937876a6124858146c73fe");
}

#[test]
fn a_plan_hashes_as_its_own_written_form() {
    let written = serde_json::to_value(plan::full()).expect("a plan is a value");
    assert_eq!(read(&written).hash(), plan::full().hash());
    let canonical: Value = serde_json::from_str(&canonical_text(&written)).expect("a form is JSON");
    assert_eq!(read(&canonical).hash(), plan::full().hash());
}

#[test]
fn defaults_that_are_said_hash_like_defaults_that_are_not() {
    let silent = json!({
        "name": "n",
        "inputs": {"day": {"type": "date"}},
        "tasks": [{
            "id": "a", "uses": "noop",
            "fan_out": {"over": {"for_each": [1]}},
            "checks": [{"assert": "true"}],
            "confidence": {"min": 0.5},
        }],
    });
    let explicit = json!({
        "name": "n", "version": null, "description": null, "env": {}, "files": {}, "priority": "normal",
        "fairness_key": null, "budget": {"wall_clock_ms": null}, "assemble": {"summary": null, "statements": []},
        "outputs": {},
        "inputs": {"day": {"type": "date", "description": null, "default": null, "required": false, "pattern": null}},
        "tasks": [{
            "id": "a", "uses": "noop", "name": null, "needs": {"all": [], "any": []}, "with": null, "when": null,
            "fan_out": {"over": {"for_each": [1]}, "max_parallel": null, "fail": "one"}, "timeout_ms": null,
            "retry": {"max_attempts": 1, "backoff": "exponential", "delay_ms": 1000, "max_delay_ms": 60000, "on": []},
            "pool": null, "outputs": {}, "output_schema": null, "checks": [{"assert": "true", "on_fail": "fail"}],
            "confidence": {"min": 0.5, "on_low": "fail"},
            "limits": {"memory_bytes": null, "cpu": null, "processes": null, "files": null, "output_bytes": null},
            "priority": null, "env": {}, "effects": [], "idempotent": false, "idempotency_key": null,
        }],
    });
    let (silent, explicit) = (read(&silent), read(&explicit));
    assert_eq!(silent, explicit);
    assert_eq!(silent.hash(), explicit.hash());
    let written = serde_json::to_string(&explicit).expect("a plan can be written");
    for default in ["null", "version", "retry", "limits", "\"needs\"", "priority", "on_fail", "on_low", "max_parallel"]
    {
        assert!(!written.contains(default), "{default} in {written}");
    }
}

#[test]
fn a_default_of_null_is_no_default_before_and_after_the_wire() {
    let with = |default| {
        let input = Input { kind: ValueType::String, description: None, default, required: false, pattern: None };
        Plan { inputs: [("text".to_owned(), input)].into(), ..plan::smallest() }
    };
    assert_eq!(with(Some(Value::Null)).hash(), with(None).hash());
    let mut schema = plan::smallest();
    schema.tasks[0].output_schema = Some(Value::Null);
    assert_eq!(schema.hash(), plan::smallest().hash());
}

#[test]
fn every_change_changes_the_hash() {
    let full = serde_json::to_value(plan::full()).expect("a plan is a value");
    let mut paths = Vec::new();
    leaves(&full, &mut String::new(), &mut paths);
    assert!(paths.len() > 60, "the sample says much");
    for path in paths {
        let mut changed = full.clone();
        let leaf = changed.pointer_mut(&path).expect("the path is of this value");
        *leaf = match &*leaf {
            Value::String(text) => json!(other_text(text)),
            Value::Number(number) => {
                json!(number.as_f64().map_or(0.25, |number| if number > 1.0 { number + 1.0 } else { number / 2.0 }))
            }
            Value::Bool(truth) => json!(!*truth),
            Value::Null | Value::Array(_) | Value::Object(_) => json!("other"),
        };
        if let Ok(read) = serde_json::from_value::<Plan>(whole_numbers(changed)) {
            assert_ne!(read.hash(), plan::full().hash(), "{path}");
        }
    }
}

/// A word of ours becomes another word of ours, any other text gets longer.
fn other_text(text: &str) -> String {
    match text {
        "high" | "low" => "normal".into(),
        "constant" => "exponential".into(),
        "warn" => "fail".into(),
        "string" | "integer" | "number" | "boolean" | "date" | "duration" | "list" | "map" | "file" => "table".into(),
        "table" => "file".into(),
        other => format!("{other}0"),
    }
}

/// Doubles without a fraction as integers, as a plan's counts are.
fn whole_numbers(value: Value) -> Value {
    serde_json::from_str(&canonical_text(&value)).expect("a form is JSON")
}

fn leaves(value: &Value, path: &mut String, found: &mut Vec<String>) {
    let before = path.len();
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                path.push_str(&format!("/{place}"));
                leaves(item, path, found);
                path.truncate(before);
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields {
                path.push_str(&format!("/{}", name.replace('~', "~0").replace('/', "~1")));
                leaves(item, path, found);
                path.truncate(before);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(path.clone()),
    }
}

#[test]
fn a_retry_covers_what_it_names_and_by_default_all_but_validation() {
    let error = |class| TaskError::new(class, "timeout", "too slow");
    let classes = [ErrorClass::Validation, ErrorClass::Execution, ErrorClass::Model, ErrorClass::System];
    let by_default = Retry::default();
    assert_eq!(classes.map(|class| by_default.covers(&error(class))), [false, true, true, true]);
    let named = |on: &str| Retry { on: vec![on.into()], ..Retry::default() };
    assert_eq!(classes.map(|class| named("validation").covers(&error(class))), [true, false, false, false]);
    assert_eq!(classes.map(|class| named("timeout").covers(&error(class))), [true; 4]);
    assert_eq!(classes.map(|class| named("exit").covers(&error(class))), [false; 4]);
}

#[test]
fn a_long_detail_keeps_its_end_at_a_whole_character() {
    let detail = "ü".repeat(candor_proto::limits::ERROR_DETAIL_BYTES_MAX);
    let error = TaskError::new(ErrorClass::System, "disk", "full").with_detail(&format!("{detail}!"));
    let kept = error.detail.expect("it has a detail");
    assert!(kept.len() <= candor_proto::limits::ERROR_DETAIL_BYTES_MAX && kept.ends_with("ü!"));
}

#[test]
fn a_percentage_tolerates_the_whole_items_in_it() {
    for items in [0_u32, 1, 3, 7, 10, 64, 99, 100, 101, 1_000, 9_999, 1_000_000] {
        for hundredths in 0..=10_000_u32 {
            let percent: f64 = format!("{}.{:02}", hundredths / 100, hundredths % 100).parse().expect("a number");
            let exact = u64::from(items) * u64::from(hundredths) / 10_000;
            let tolerated = FailPolicy::ToleratePercent(percent).tolerated(items);
            assert_eq!(u64::from(tolerated), exact, "{percent} % of {items}");
        }
    }
    for (percent, tolerated) in [(-1.0, 0), (250.0, 8), (f64::NAN, 0), (f64::INFINITY, 8)] {
        assert_eq!(FailPolicy::ToleratePercent(percent).tolerated(8), tolerated, "{percent}");
    }
}

fn retry() -> impl Strategy<Value = Retry> {
    let milliseconds = || prop_oneof![0..100_000_u64, any::<u64>()];
    (milliseconds(), milliseconds(), any::<bool>()).prop_map(|(delay_ms, max_delay_ms, constant)| Retry {
        max_attempts: 5,
        backoff: if constant { Backoff::Constant } else { Backoff::Exponential },
        delay_ms,
        max_delay_ms,
        on: Vec::new(),
    })
}

proptest! {
    #[test]
    fn a_delay_stays_within_its_bounds(retry in retry(), next in any::<u32>(), seed in any::<u64>()) {
        let delay = retry.delay_ms(next, seed);
        match retry.backoff {
            Backoff::Constant => prop_assert_eq!(delay, retry.delay_ms),
            Backoff::Exponential => {
                let doubled = (2..next).take(64).fold(retry.delay_ms, |delay, _| delay.saturating_mul(2));
                prop_assert!(delay <= doubled.min(retry.max_delay_ms.max(retry.delay_ms)), "{} ms", delay);
            }
        }
        prop_assert_eq!(delay, retry.delay_ms(next, seed), "the same seed gives the same delay");
    }

    #[test]
    fn tolerated_failures_never_exceed_the_items(items in any::<u32>(), count in any::<u32>(), percent in any::<f64>()) {
        prop_assert_eq!(FailPolicy::One.tolerated(items), 0);
        prop_assert_eq!(FailPolicy::All.tolerated(items), 0);
        prop_assert_eq!(FailPolicy::Tolerate(count).tolerated(items), count.min(items));
        prop_assert!(FailPolicy::ToleratePercent(percent).tolerated(items) <= items);
        prop_assert_eq!(FailPolicy::ToleratePercent(100.0).tolerated(items), items);
    }

    #[test]
    fn jitter_reaches_the_whole_range(delay_ms in 1_000..100_000_u64) {
        let retry = Retry { delay_ms, max_delay_ms: delay_ms, ..Retry::default() };
        let delays: Vec<u64> = (0..200).map(|seed| retry.delay_ms(2, seed)).collect();
        prop_assert!(delays.iter().any(|delay| *delay < delay_ms / 4));
        prop_assert!(delays.iter().any(|delay| *delay > delay_ms - delay_ms / 4));
    }

    #[test]
    fn a_policy_is_the_same_through_both_encodings(count in any::<u32>(), percent in 0.0..=100.0_f64) {
        for policy in [FailPolicy::One, FailPolicy::All, FailPolicy::Tolerate(count), FailPolicy::ToleratePercent(percent)] {
            for encoding in [Encoding::Json, Encoding::MessagePack] {
                let written = codec::write(&policy, encoding, "policy").expect("it can be written");
                prop_assert_eq!(codec::read::<FailPolicy>(&written, encoding, "policy").expect("it can be read"), policy);
            }
        }
    }
}
