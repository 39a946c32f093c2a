//! Whatever is done to a log, the answer made from it says nothing that no recorded output holds.

use std::sync::Arc;

use candor_proto::event::{Accepted, StopReason};
use candor_proto::job::JobResult;
use candor_proto::statement::written_form;
use candor_proto::{Answer, Event, Fate, Job, JobState, Node, Plan, Recorded, Sha256, Span, Statement, TaskState};
use candor_workflow::catalogue::Catalogue;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::orders::carry_out;
use crate::sketch::stories;
use crate::stage::{attempt, job_id};

/// Stories, and how often each of their logs is tampered with: 100,000 logs in all.
const STORIES: u32 = 500;
const TAMPERINGS: u32 = 200;

/// One thing is done to a log that its writer did not do.
fn tamper(log: &mut Vec<Recorded>, dice: &mut Dice) {
    if log.is_empty() {
        return;
    }
    let place = dice.below(log.len());
    match dice.below(20) {
        0 => drop(log.remove(place)),
        1 => {
            let other = dice.below(log.len());
            log.swap(place, other);
        }
        2 => {
            let copy = log[place].clone();
            log.insert(dice.below(log.len() + 1), copy);
        }
        3 => log.truncate(place),
        4 => {
            let event = stranger(dice);
            log.insert(place, Recorded { seq: 0, at: dice.next() % 10, event });
        }
        5..=10 => {
            if let Some(Event::Accepted(accepted)) = log.iter_mut().map(|recorded| &mut recorded.event).next() {
                rewrite(accepted, dice);
            }
        }
        11..=13 => bend(&mut log[place].event, dice),
        _ => {
            let mut successes = log.iter_mut().filter_map(|recorded| match &mut recorded.event {
                Event::Succeeded(success) => Some(success),
                _ => None,
            });
            if let Some(success) = successes.nth(dice.below(3)) {
                success.outputs = Arc::new(value(dice));
            }
        }
    }
}

fn node(dice: &mut Dice) -> Node {
    let task = u32::try_from(dice.below(4)).unwrap();
    if dice.chance(1, 2) { Node::task(task) } else { Node::item(task, u32::try_from(dice.below(4)).unwrap()) }
}

fn value(dice: &mut Dice) -> Value {
    let file = json!({"name": "f", "bytes": 3, "media_type": "text/plain", "sha256": Sha256::of(b"f")});
    let table = json!({
        "name": "t", "bytes": 3, "media_type": "x", "sha256": Sha256::of(b"t"), "count": 2, "columns": [],
    });
    let broken = json!({"name": 1, "bytes": "x", "media_type": [], "sha256": "none"});
    match dice.below(9) {
        0 => json!({"n": dice.below(100), "list": [1, 2]}),
        1 => json!({"f": file}),
        2 => json!({"t": table}),
        3 => json!({"b": broken}),
        4 => json!([1, 2, 3]),
        5 => Value::Null,
        6 => json!("text"),
        7 => json!({"a/b": {"~c": 1.5}, "": true, "n": null}),
        _ => json!({"deep": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": 1}}}}}}}}}}),
    }
}

/// An event from nowhere.
fn stranger(dice: &mut Dice) -> Event {
    let task = u32::try_from(dice.below(4)).unwrap();
    let states = [TaskState::Succeeded, TaskState::Failed, TaskState::Running, TaskState::Pending];
    match dice.below(11) {
        0 => Event::Readied { task },
        1 => Event::FannedOut { task, items: [0, 1, 3, u32::MAX][dice.below(4)], keys: Some(Arc::default()) },
        2 => Event::Skipped { task },
        3 => Event::Stopped { task, reason: StopReason::Dependency, cause: u32::try_from(dice.below(9)).unwrap() },
        4 => Event::Joined { task, state: states[dice.below(4)] },
        5 => Event::Halted { task, reason: StopReason::Cancelled },
        6 => Event::Due { node: node(dice) },
        7 => Event::BudgetSpent,
        8 => Event::OutcomeUnknown { node: node(dice), attempt: attempt(dice) },
        9 => Event::Released { node: node(dice), attempt: attempt(dice), input_digest: Sha256::of(b"") },
        _ => Event::Ended { state: JobState::Completed, result: JobResult::Complete },
    }
}

/// Changes an event where it stands.
fn bend(event: &mut Event, dice: &mut Dice) {
    match event {
        Event::Succeeded(success) => match dice.below(3) {
            0 => success.outputs = Arc::new(value(dice)),
            1 => success.node = node(dice),
            _ => success.attempt = attempt(dice),
        },
        Event::Failed(failure) => match dice.below(3) {
            0 => failure.node = node(dice),
            1 => failure.attempt = None,
            _ => failure.retry_at = Some(dice.next()),
        },
        Event::Released { node: of, attempt: id, .. } => {
            if dice.chance(1, 2) {
                *of = node(dice);
            } else {
                *id = attempt(dice);
            }
        }
        Event::FannedOut { items, keys, .. } => {
            if dice.chance(1, 2) {
                *items = items.wrapping_add(1);
            } else {
                *keys = Some(Arc::new(vec!["same".into(), "same".into()]));
            }
        }
        Event::Joined { task, state } => {
            if dice.chance(1, 2) {
                *state = TaskState::Succeeded;
            } else {
                *task += 1;
            }
        }
        Event::Stopped { cause, .. } => *cause = cause.wrapping_sub(1),
        Event::Ended { result, .. } => *result = JobResult::Complete,
        Event::Accepted(accepted) => rewrite(accepted, dice),
        other => *other = stranger(dice),
    }
}

/// Changes the plan that the log begins with.
fn rewrite(accepted: &mut Arc<Accepted>, dice: &mut Dice) {
    let mut changed = Accepted::clone(accepted);
    let mut plan = Plan::clone(&changed.plan);
    let count = plan.tasks.len();
    let place = dice.below(count.max(1));
    let Some(task) = plan.tasks.get_mut(place) else { return };
    match dice.below(12) {
        0 => task.id = "renamed".into(),
        1 => task.id = format!("t{}", dice.below(3)),
        2 => task.needs.all = vec![format!("t{}", dice.below(3))],
        3 => drop(plan.tasks.remove(place)),
        4 => task.fan_out = None,
        5 => plan.assemble.summary = Some(vec!["t0".into(), "t0".into(), "t1".into(), "nobody".into()]),
        _ => {
            let sentences = [
                "It is ${{ tasks.t0.outputs.n }} or ${{ tasks.t1.outputs.n }}, said ${{ tasks.t0.outputs.n }}.",
                "All: ${{ tasks.t0.outputs }}",
                "${{ tasks.t0.outputs[0].n }}${{ tasks.t0.outputs[0].n }}",
                "${{ tasks.t0.outputs",
                "${{ tasks.t0.outputs['a/b']['~c'] }} é ${{ inputs.yes }}",
                "Nothing but words.",
            ];
            plan.assemble.statements = vec![sentences[dice.below(sentences.len())].into()];
        }
    }
    changed.plan = Arc::new(plan);
    *accepted = Arc::new(changed);
}

/// What the log itself holds at a span's place: no fold, only the successes as they were written.
fn recorded(log: &[Recorded], job: &Job, span: &Span) -> bool {
    let Some(task) = job.graph().place(&span.task) else { return false };
    let of = |node: Node| {
        log.iter().filter_map(move |recorded| match &recorded.event {
            Event::Succeeded(success) if success.node == node => Some(&*success.outputs),
            _ => None,
        })
    };
    let fits = |value: &Value| Sha256::of(written_form(value).as_bytes()) == span.sha256;
    if of(Node::task(task)).filter_map(|outputs| outputs.pointer(&span.pointer)).any(fits) {
        return true;
    }
    let Some(fan) = &job.tasks()[task as usize].fan else { return false };
    if span.pointer.is_empty() {
        let each = fan.items.iter().zip(0..).all(|(item, place)| {
            item.outputs.as_deref().is_none_or(|outputs| of(Node::item(task, place)).any(|written| written == outputs))
        });
        return each && fits(&fan.outputs());
    }
    let (item, rest) =
        span.pointer[1..].find('/').map_or((&span.pointer[1..], ""), |at| span.pointer[1..].split_at(at));
    let Ok(item) = item.parse() else { return false };
    of(Node::item(task, item)).filter_map(|outputs| outputs.pointer(rest)).any(fits)
}

/// The sentence made once more from the values at its spans, without the code that made it.
fn retold(job: &Job, statement: &Statement) -> bool {
    let values: Option<Vec<Value>> = statement
        .spans()
        .iter()
        .map(|span| job.output(job.graph().place(&span.task)?, &span.pointer).map(std::borrow::Cow::into_owned))
        .collect();
    let Some(values) = values else { return false };
    let said: Vec<String> = values.iter().map(written_form).collect();
    let first = &statement.spans()[0];
    let path = |pointer: &str| {
        let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
        parts.fold(first.task.clone(), |path, part| format!("{path}.{part}"))
    };
    let parent = first.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    let plain = match &values[0] {
        Value::Array(items) => {
            format!("{} has {} items, SHA-256 {}", path(&first.pointer), items.len(), first.sha256)
        }
        _ => format!("{} is {}", path(&first.pointer), said[0]),
    };
    let mut told = vec![plain];
    if let [name, size, sha256] = &said[..] {
        told.push(format!("{} is the file {name}, {size} bytes, SHA-256 {sha256}", path(parent)));
        told.push(format!("{} is the table {name}, {size} rows, SHA-256 {sha256}", path(parent)));
    }
    told.contains(&statement.text().to_owned())
        || job
            .plan()
            .unwrap()
            .assemble
            .statements
            .iter()
            .any(|sentence| by_the_author(sentence, statement.text(), &said))
}

/// Whether a text is the author's sentence with nothing but these values in its gaps.
fn by_the_author(sentence: &str, text: &str, said: &[String]) -> bool {
    let (mut rest, mut ahead) = (text, sentence);
    while let Some(open) = ahead.find("${{") {
        let Some(after) = rest.strip_prefix(&ahead[..open]) else { return false };
        let Some(close) = ahead[open..].find("}}") else { return false };
        ahead = &ahead[open + close + 2..];
        // Longest first: one value may begin with another.
        let mut fitting: Vec<&String> = said.iter().filter(|value| after.starts_with(value.as_str())).collect();
        fitting.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let Some(value) = fitting.into_iter().find(|value| {
            let words = ahead.find("${{").map_or(ahead, |next| &ahead[..next]);
            after[value.len()..].starts_with(words)
        }) else {
            return false;
        };
        rest = &after[value.len()..];
    }
    rest == ahead
}

fn honest(log: &[Recorded], job: &Job, answer: &Answer) {
    for statement in &answer.statements {
        assert!(!statement.spans().is_empty());
        for span in statement.spans() {
            assert!(recorded(log, job, span), "{span:?} of {:?} is recorded nowhere", statement.text());
            let line = &answer.ledger[job.graph().place(&span.task).unwrap() as usize];
            assert_eq!(line.fate, Fate::Used, "{} is said, so it is used", span.task);
        }
        assert!(retold(job, statement), "{:?} is not what its spans say", statement.text());
    }
    assert_eq!(answer.ledger.len(), job.tasks().len());
    for ((record, line), task) in job.tasks().iter().zip(&answer.ledger).zip(&job.plan().unwrap().tasks) {
        assert_eq!(line.task, task.id);
        if record.state == TaskState::Succeeded {
            assert!(matches!(line.fate, Fate::Used | Fate::Excluded), "{} has a result", line.task);
        }
        if let Some(items) = line.items.filter(|_| record.state.ended()) {
            assert_eq!(items.total, items.with_result + items.missing, "{}", line.task);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: STORIES, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_hundred_thousand_tampered_logs_give_no_sentence_without_its_bytes(
        story in stories(3), seed in any::<u64>(),
    ) {
        let (_, _, stage) = carry_out(&story, seed, 3);
        let log = &stage.logs[&job_id(1)];
        let mut dice = Dice::new(seed);
        for _ in 0..TAMPERINGS {
            let mut bent = log.clone();
            for _ in 0..=dice.below(4) {
                tamper(&mut bent, &mut dice);
            }
            let mut job = Job::new(job_id(1));
            for recorded in &bent {
                job.evolve(recorded);
            }
            if let Some(answer) = candor_assembler::answer(&job, &Catalogue::default()) {
                honest(&bent, &job, &answer);
            }
        }
    }
}
