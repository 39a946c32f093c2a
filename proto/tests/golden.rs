//! Golden samples: what every part of the language looks like in bytes, and that it still does.
//!
//! `CANDOR_GOLDEN=write cargo test -p candor-proto --test golden` writes the files anew from the samples;
//! a difference is then reviewed as what it is, a change of what is on the wire and in the logs.

#![expect(clippy::expect_used, reason = "a test ends by panicking")]

#[path = "samples/answer.rs"]
mod answer;
#[path = "samples/events.rs"]
mod events;
#[path = "samples/ids.rs"]
mod ids;
#[path = "samples/logs.rs"]
mod logs;
#[path = "samples/messages.rs"]
mod messages;
#[path = "samples/plan.rs"]
mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use candor_proto::codec::{self, Encoding, KINDS};
use candor_proto::event::{Event, LOG_FORMAT, Recorded};
use candor_proto::{Job, Node, Plan, StatementRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

const ENCODINGS: [(Encoding, &str); 2] = [(Encoding::Json, "json"), (Encoding::MessagePack, "msgpack")];

type Files = BTreeMap<String, Vec<u8>>;

#[expect(clippy::disallowed_methods, reason = "the one switch of these tests; no code of ours is configured by it")]
fn writing() -> bool {
    match std::env::var("CANDOR_GOLDEN").as_deref() {
        Ok("write") => true,
        Ok(other) => panic!("CANDOR_GOLDEN may only be `write`, and is `{other}`"),
        Err(_) => false,
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn found(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = entries.map(|entry| {
        let entry = entry.expect("the folder can be listed");
        let bytes = fs::read(entry.path()).unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
        (entry.file_name().into_string().expect("a golden file has a plain name"), bytes)
    });
    files.collect()
}

/// The folder holds exactly these files with exactly these bytes; or, when writing, does from now on.
fn settle(name: &str, wanted: &Files) {
    let folder = folder(name);
    if writing() {
        fs::create_dir_all(&folder).expect("the folder can be made");
        for superfluous in found(&folder).keys().filter(|file| !wanted.contains_key(*file)) {
            fs::remove_file(folder.join(superfluous)).expect("a superfluous file can be removed");
        }
        for (file, bytes) in wanted {
            fs::write(folder.join(file), bytes).expect("a golden file can be written");
        }
    }
    let found = found(&folder);
    let names = |files: &Files| files.keys().cloned().collect::<BTreeSet<_>>();
    let (there, expected) = (names(&found), names(wanted));
    let (missing, superfluous) = (expected.difference(&there), there.difference(&expected));
    assert_eq!(there, expected, "missing: {missing:?}, superfluous: {superfluous:?} in {}", folder.display());
    for (file, bytes) in wanted {
        assert_eq!(shown(&found[file]), shown(bytes), "golden/{name}/{file} is not what its sample gives");
    }
}

#[test]
fn there_are_no_golden_folders_but_these() {
    let listed = |path: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder(path)).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("it can be listed").file_name().into_string());
        names.map(|name| name.expect("a golden file has a plain name")).collect()
    };
    let wanted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(listed("."), wanted(&[".gitattributes", "answer", "events", "logs", "messages", "plan"]));
    assert_eq!(listed("answer"), wanted(&["gap", "ledger", "statement", "whole"]));
    assert_eq!(listed("logs"), wanted(&["1"]));
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A pair of files for each sample; each decodes to its sample, and that encodes to the same bytes.
fn pairs<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, samples: &[(&str, T)]) {
    let mut files = Files::new();
    for (sample, value) in samples {
        for (encoding, ending) in ENCODINGS {
            let bytes = codec::write(value, encoding, sample).expect("a sample can be written");
            assert!(files.insert(format!("{sample}.{ending}"), bytes).is_none(), "two samples are called {sample}");
        }
    }
    settle(name, &files);
    for (sample, value) in samples {
        for (encoding, ending) in ENCODINGS {
            let bytes = fs::read(folder(name).join(format!("{sample}.{ending}"))).expect("it was settled");
            let read: T = codec::read(&bytes, encoding, sample).unwrap_or_else(|error| panic!("{sample}: {error}"));
            assert_eq!(read, *value, "{sample}.{ending}");
            let again = codec::write(&read, encoding, sample).expect("what was read can be written");
            assert_eq!(shown(&again), shown(&bytes), "{sample}.{ending}");
        }
    }
}

#[test]
fn every_message_has_a_golden_pair_that_reads_and_writes_the_same() {
    let samples = messages::all();
    let mut files = Files::new();
    for (name, message) in &samples {
        for (encoding, ending) in ENCODINGS {
            let bytes = codec::encode(message, encoding).expect("a sample can be encoded");
            assert!(files.insert(format!("{name}.{ending}"), bytes).is_none(), "two samples are called {name}");
        }
    }
    settle("messages", &files);
    for (name, message) in &samples {
        for (encoding, ending) in ENCODINGS {
            let bytes = fs::read(folder("messages").join(format!("{name}.{ending}"))).expect("it was settled");
            let read =
                codec::decode(message.kind(), encoding, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read, *message, "{name}.{ending}");
            let again = codec::encode(&read, encoding).expect("what was read can be encoded");
            assert_eq!(shown(&again), shown(&bytes), "{name}.{ending}");
        }
    }
    for kind in KINDS {
        assert!(samples.iter().any(|(name, _)| name == kind), "there is no sample of {kind}");
    }
}

#[test]
fn every_event_has_a_golden_pair_that_reads_and_writes_the_same() {
    let samples = events::all();
    let words: BTreeSet<&str> = samples.iter().map(|(_, recorded)| word(&recorded.event)).collect();
    assert_eq!(words, BTreeSet::from(WORDS), "every kind of event has a sample");
    for (name, recorded) in &samples {
        let word = word(&recorded.event);
        assert!(name == &word || name.starts_with(&format!("{word}.")), "{name} is a {word}");
    }
    pairs("events", &samples);
}

const WORDS: [&str; 21] = [
    "accepted",
    "asked",
    "refused",
    "readied",
    "fanned_out",
    "skipped",
    "stopped",
    "released",
    "published",
    "due",
    "succeeded",
    "failed",
    "lost",
    "granted",
    "outcome_unknown",
    "halted",
    "joined",
    "directed",
    "budget_spent",
    "ended",
    "answered",
];

/// A new kind of event does not compile here until it has a word, and fails above until it has a sample.
fn word(event: &Event) -> &'static str {
    match event {
        Event::Accepted(_) => "accepted",
        Event::Asked { .. } => "asked",
        Event::Refused(_) => "refused",
        Event::Readied { .. } => "readied",
        Event::FannedOut { .. } => "fanned_out",
        Event::Skipped { .. } => "skipped",
        Event::Stopped { .. } => "stopped",
        Event::Released { .. } => "released",
        Event::Published { .. } => "published",
        Event::Due { .. } => "due",
        Event::Succeeded(_) => "succeeded",
        Event::Failed(_) => "failed",
        Event::Lost { .. } => "lost",
        Event::Granted { .. } => "granted",
        Event::OutcomeUnknown { .. } => "outcome_unknown",
        Event::Halted { .. } => "halted",
        Event::Joined { .. } => "joined",
        Event::Directed { .. } => "directed",
        Event::BudgetSpent => "budget_spent",
        Event::Ended { .. } => "ended",
        Event::Answered => "answered",
    }
}

#[test]
fn plans_have_golden_pairs_and_their_hash_survives_both_encodings() {
    let samples = [("full", plan::full()), ("smallest", plan::smallest())];
    pairs("plan", &samples);
    for (name, plan) in &samples {
        for (encoding, _) in ENCODINGS {
            let bytes = codec::write(plan, encoding, name).expect("a plan can be written");
            let read: Plan = codec::read(&bytes, encoding, name).expect("a plan can be read");
            assert_eq!(read.hash(), plan.hash(), "{name}");
        }
    }
}

#[test]
fn the_parts_of_an_answer_have_golden_pairs() {
    let (_, chain) = logs::all().into_iter().find(|(name, _)| *name == "chain").expect("the chain is there");
    let answer = answer::of(&answer::replay(ids::job(), &chain));
    pairs("answer/gap", &[("gap", answer::gap())]);
    let [plain, items] = <[_; 2]>::try_from(answer::ledger()).expect("the sample has two entries");
    pairs("answer/ledger", &[("entry", plain), ("entry.items", items)]);
    let [said, table] = <[_; 2]>::try_from(answer.statements.clone()).expect("the sample has two statements");
    pairs("answer/statement", &[("scalar", said.record()), ("table", table.record())]);

    // Statements and answers are written, never read: only their bytes and their claims can be compared.
    let mut files = Files::new();
    for (encoding, ending) in ENCODINGS {
        let bytes = codec::write(&answer, encoding, "answer").expect("an answer can be written");
        let read: Value = codec::read(&bytes, encoding, "answer").expect("an answer is a value");
        assert_eq!(read, serde_json::to_value(&answer).expect("an answer is a value"));
        let claims: Vec<StatementRecord> =
            serde_json::from_value(read["statements"].clone()).expect("statements read as claims");
        assert_eq!(claims, [said.record(), table.record()]);
        files.insert(format!("answer.{ending}"), bytes);
    }
    settle("answer/whole", &files);
}

#[test]
fn golden_logs_replay_to_the_end_state_beside_them() {
    assert_eq!(LOG_FORMAT, 1, "a new format gets a folder of its own; the logs of the old ones stay as they are");
    let mut files = Files::new();
    for (name, log) in logs::all() {
        let mut lines = Vec::new();
        for recorded in &log {
            lines.extend(codec::write(recorded, Encoding::Json, name).expect("an event can be written"));
            lines.push(b'\n');
        }
        files.insert(format!("{name}.jsonl"), lines);
        let end = end_state(&answer::replay(ids::job(), &log));
        let described = serde_json::to_string_pretty(&end).expect("a description can be written");
        files.insert(format!("{name}.end.json"), (described + "\n").into_bytes());
    }
    settle("logs/1", &files);
    for (file, bytes) in found(&folder("logs/1")) {
        let Some(name) = file.strip_suffix(".jsonl") else { continue };
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let log: Vec<Recorded> = lines
            .map(|line| codec::read(line, Encoding::Json, name).unwrap_or_else(|error| panic!("{file}: {error}")))
            .collect();
        let described = fs::read(folder("logs/1").join(format!("{name}.end.json"))).expect("it was settled");
        let described: Value = serde_json::from_slice(&described).expect("a description is JSON");
        assert_eq!(end_state(&answer::replay(ids::job(), &log)), described, "{file}");
    }
}

/// Everything that people and deciding ask of a job.
fn end_state(job: &Job) -> Value {
    let names = |tasks: Vec<u32>| tasks.into_iter().map(|task| job.name(Node::task(task))).collect::<Vec<_>>();
    let tasks: Map<String, Value> =
        (0..).zip(job.tasks()).map(|(place, _)| (job.name(Node::task(place)), task_state(job, place))).collect();
    json!({
        "answered": job.answered(),
        "askers": job.askers().iter().map(|asker| &asker.queue).collect::<Vec<_>>(),
        "failing": names(job.failing().collect()),
        "inline_bytes": job.inline_bytes(),
        "open": job.open_total(),
        "releasable": names(job.releasable().collect()),
        "result": job.result(),
        "retries": job.retries().map(|(at, node)| json!([at, job.name(node)])).collect::<Vec<_>>(),
        "seq": job.seq(),
        "state": job.state(),
        "tasks": tasks,
        "undecided": names(job.undecided().collect()),
        "unended": job.unended(),
        "unpublished": job.unpublished().map(|node| job.name(node)).collect::<Vec<_>>(),
    })
}

fn task_state(job: &Job, place: u32) -> Value {
    let task = job.task(place).expect("the place is of this job");
    let mut state = json!({
        "caused_by": task.caused_by.map(|cause| job.name(Node::task(cause))),
        "outputs": job.output(place, ""),
        "state": task.state,
        "stop": task.stop,
    });
    match &task.fan {
        None => {
            state["attempts"] = json!(task.node.attempts);
            state["error"] = json!(task.node.error.as_ref().map(|error| &error.code));
        }
        Some(fan) => {
            let items: Map<String, Value> =
                (0..).zip(&fan.items).map(|(item, record)| (fan.key(item), json!(record.state))).collect();
            state["items"] = json!({
                "failed": fan.failed, "states": items, "stopped": fan.stopped,
                "succeeded": fan.succeeded, "total": fan.total(),
            });
        }
    }
    state
}
