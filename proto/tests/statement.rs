//! Statements say what is recorded and nothing else; the answer's digest says what the work came to.

#![expect(clippy::expect_used, reason = "a test ends by panicking")]

use std::sync::Arc;

use candor_proto::answer::{self, LedgerItems};
use candor_proto::event::{Accepted, Event, LOG_FORMAT, Recorded, Success};
use candor_proto::message::Usage;
use candor_proto::plan::{Assemble, FanOut, Over, Priority};
use candor_proto::statement::{Piece, connective, written_form};
use candor_proto::{
    AttemptId, Confidence, Evidence, Fate, Gap, GapReason, Job, JobId, JobResult, LedgerEntry, Node, Plan, Score,
    Sha256, Span, Statement, Task, TaskState, canonical,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const SURE: Confidence = Confidence::CHECKED;

/// A job of which only the outputs matter, and what they must not depend on.
struct Story {
    id: u128,
    start: u64,
    evidence: Vec<Evidence>,
}

impl Default for Story {
    fn default() -> Self {
        Self { id: 1, start: 1_000, evidence: vec![Evidence::checked("exit_code")] }
    }
}

fn plan() -> Plan {
    let over = Over::ForEach(json!([1, 2, 3, 4]));
    let fan_out = Some(FanOut { over, max_parallel: None, fail: Default::default() });
    Plan {
        name: "story".into(),
        tasks: vec![
            Task { id: "read".into(), uses: "shell".into(), ..Task::default() },
            Task { id: "each".into(), uses: "shell".into(), fan_out, ..Task::default() },
            Task { id: "late".into(), uses: "shell".into(), ..Task::default() },
        ],
        assemble: Assemble { summary: None, statements: vec!["Es sind « ${{ … }} » Zeilen.".into()] },
        ..Plan::default()
    }
}

/// The job in which `read` has these outputs and the items of `each` those; `late` has none yet.
fn job(story: &Story, read: Value, items: &[Option<Value>]) -> Job {
    let mut job = Job::new(JobId::from_uuid(Uuid::from_u128(story.id)));
    let plan = plan();
    let mut events = vec![
        Event::Accepted(Arc::new(Accepted {
            format: LOG_FORMAT,
            plan_hash: plan.hash(),
            plan: Arc::new(plan),
            inputs: Map::new(),
            priority: Priority::Normal,
            tenant: None,
            submitted_at: story.start,
            request_digest: Sha256::of(b"request"),
            reply_to: None,
            parent: None,
        })),
        Event::Readied { task: 0 },
        Event::FannedOut { task: 1, items: u32::try_from(items.len()).expect("a few items"), keys: None },
    ];
    let mut run = |node: Node, outputs: Option<Value>| {
        let attempt = AttemptId::from_uuid(Uuid::from_u128(story.id * 1_000 + events.len() as u128));
        events.push(Event::Released { node, attempt, input_digest: Sha256::of(b"input") });
        if let Some(outputs) = outputs {
            events.push(Event::Succeeded(Box::new(Success {
                node,
                attempt,
                outputs: Arc::new(outputs),
                evidence: story.evidence.clone(),
                warnings: Vec::new(),
                low_confidence: false,
                usage: Usage { started_at: story.start, ended_at: story.start + 5, cpu_ms: 5, max_rss_bytes: 5 },
            })));
        }
    };
    run(Node::task(0), Some(read));
    for (item, outputs) in (0..).zip(items) {
        run(Node::item(1, item), outputs.clone());
    }
    if items.iter().all(Option::is_some) {
        events.push(Event::Joined { task: 1, state: TaskState::Succeeded });
    }
    for (event, seq) in events.into_iter().zip(1..) {
        job.evolve(&Recorded { seq, at: story.start + seq, event });
    }
    job
}

fn reading(outputs: Value) -> Job {
    job(
        &Story::default(),
        outputs,
        &[Some(json!({"stdout": "a"})), None, Some(json!({})), Some(json!({"stdout": "d"}))],
    )
}

fn about(job: &Job, pointer: &str) -> Option<String> {
    Statement::about(job, 1, 0, pointer, SURE).map(|said| said.text().to_owned())
}

/// Every span's digest is that of the recorded value at its place, and every place has one.
fn check_spans(job: &Job, said: &Statement) {
    let plan = job.plan().expect("the job has a plan");
    for Span { task, pointer, range, sha256 } in said.spans() {
        let place = job.graph().place(task).expect("the task is of the plan");
        assert_eq!(&plan.tasks[place as usize].id, task);
        let value = job.output(place, pointer).expect("the value is recorded");
        assert_eq!(*sha256, Sha256::of(written_form(&value).as_bytes()), "{task}{pointer}");
        assert_eq!(*range, None);
    }
    assert!(!said.spans().is_empty());
}

#[test]
fn a_scalar_is_said_as_it_is() {
    let job = reading(json!({"count": 5, "share": 0.5, "big": u64::MAX, "ok": true, "none": null, "stdout": "grün\n"}));
    for (pointer, text) in [
        ("/count", "read.count is 5"),
        ("/share", "read.share is 0.5"),
        ("/big", "read.big is 18446744073709551615"),
        ("/ok", "read.ok is true"),
        ("/none", "read.none is null"),
        ("/stdout", "read.stdout is grün\n"),
    ] {
        let said = Statement::about(&job, 3, 0, pointer, SURE).expect("it is recorded");
        assert_eq!((said.id(), said.text(), said.confidence()), ("S3", text, SURE));
        check_spans(&job, &said);
    }
    let said = Statement::about(&job, 1, 0, "/stdout", SURE).expect("it is recorded");
    assert_eq!(said.spans()[0].sha256, Sha256::of("grün\n".as_bytes()), "of a text its UTF-8");
}

#[test]
fn a_file_a_table_and_a_list_are_said_by_name_size_and_digest() {
    let (sha256, name) = (Sha256::of(b"x"), "out/figures.csv");
    let file = json!({"name": name, "sha256": sha256, "bytes": 12, "media_type": "text/csv"});
    let mut table = file.clone();
    table["count"] = json!(7);
    table["columns"] = json!([]);
    let list = json!([1, "zwei", {"drei": 3}]);
    let job = reading(json!({"file": file, "table": table, "list": list, "map": {"b": 1, "a": [2]}}));
    let listed = Sha256::of_value(&list);
    for (pointer, text) in [
        ("/file", format!("read.file is the file {name}, 12 bytes, SHA-256 {sha256}")),
        ("/table", format!("read.table is the table {name}, 7 rows, SHA-256 {sha256}")),
        ("/list", format!("read.list has 3 items, SHA-256 {listed}")),
        ("/map", r#"read.map is {"a":[2],"b":1}"#.to_owned()),
    ] {
        let said = Statement::about(&job, 1, 0, pointer, SURE).expect("it is recorded");
        assert_eq!(said.text(), text);
        check_spans(&job, &said);
    }
}

#[test]
fn keys_are_escaped_in_pointers_and_plain_in_words() {
    let outputs = json!({"a/b": 1, "m~n": 2, "~1": 3, "": 4, "ключ": 5, "x": {"y/z~": 6}, "~01": 7, " ": 8});
    let job = reading(outputs);
    for (pointer, text) in [
        ("/a~1b", "read.a/b is 1"),
        ("/m~0n", "read.m~n is 2"),
        ("/~01", "read.~1 is 3"),
        ("/", "read. is 4"),
        ("/ключ", "read.ключ is 5"),
        ("/x/y~1z~0", "read.x.y/z~ is 6"),
        ("/~001", "read.~01 is 7"),
        ("/ ", "read.  is 8"),
    ] {
        assert_eq!(about(&job, pointer).as_deref(), Some(text), "{pointer}");
    }
}

#[test]
fn nothing_is_said_of_what_is_not_recorded() {
    let job = reading(json!({"count": 5, "list": [1]}));
    for pointer in ["/missing", "count", "/count/deeper", "/list/1", "/list/00", "/list/-", "/a~2b"] {
        assert_eq!(about(&job, pointer), None, "{pointer}");
    }
    assert_eq!(Statement::about(&job, 1, 2, "/stdout", SURE), None, "a task that has not run");
    assert_eq!(Statement::about(&job, 1, 99, "/stdout", SURE), None, "no task of the plan");
    let empty = Job::new(job.id());
    assert_eq!(Statement::about(&empty, 1, 0, "/count", SURE), None, "a job without a plan");
}

#[test]
fn of_a_fan_out_the_first_part_of_a_pointer_is_the_item() {
    let silent = Some(json!({}));
    let items = [Some(json!({"stdout": "a"})), silent.clone(), silent, Some(json!({"stdout": "d"}))];
    let job = job(&Story::default(), json!({}), &items);
    let said = Statement::about(&job, 1, 1, "/3/stdout", SURE).expect("it is recorded");
    assert_eq!(said.text(), "each.3.stdout is d");
    check_spans(&job, &said);
    for pointer in
        ["/1/stdout", "/2/stdout", "/4/stdout", "/03/stdout", "/+3/stdout", "/-1/stdout", "3/stdout", "/x", "/"]
    {
        assert_eq!(Statement::about(&job, 1, 1, pointer, SURE), None, "{pointer}");
    }
    let whole = Statement::about(&job, 1, 1, "", SURE).expect("the items are a list");
    let list = json!([{"stdout": "a"}, {}, {}, {"stdout": "d"}]);
    assert_eq!(whole.text(), format!("each has 4 items, SHA-256 {}", Sha256::of_value(&list)));
    check_spans(&job, &whole);
    let item = Statement::about(&job, 1, 1, "/0", SURE).expect("it is recorded");
    assert_eq!(item.text(), r#"each.0 is {"stdout":"a"}"#);
}

#[test]
fn words_of_the_author_are_read_from_the_jobs_own_plan() {
    let job = reading(json!({"count": 5}));
    let own = plan();
    let words = |start, end| connective::of_plan(&own, 0, start, end);
    let sentence = &own.assemble.statements[0];
    let (start, end) = (sentence.find("${{").expect("it begins"), sentence.find("}}").expect("it ends") + 2);
    let (before, after) = (words(0, start), words(end, sentence.len()));
    let pieces = [
        Piece::Fixed(before.expect("it is there")),
        Piece::Value { task: 0, pointer: "/count" },
        Piece::Fixed(after.expect("it is there")),
    ];
    let said = Statement::assemble(&job, 1, &pieces, SURE).expect("it is recorded");
    assert_eq!(said.text(), "Es sind « 5 » Zeilen.");
    check_spans(&job, &said);
    assert_eq!(words(0, 9), None, "the middle of a character");
    assert_eq!(words(0, 99), None, "behind its end");
    assert_eq!(connective::of_plan(&own, 1, 0, 0), None, "no such statement");
    assert_eq!(connective::task_name(&own, 3), None, "no such task");
}

#[test]
fn another_plan_lends_no_words() {
    let job = reading(json!({"count": 5}));
    let mut foreign = plan();
    foreign.assemble.statements = vec!["All is well.".into(), "Nothing is wrong.".into()];
    foreign.tasks[0].id = "everything".into();
    foreign.tasks.push(foreign.tasks[0].clone());
    let said = |words| {
        let pieces = [Piece::Fixed(words), Piece::Value { task: 0, pointer: "/count" }];
        Statement::assemble(&job, 1, &pieces, SURE).map(|said| said.text().to_owned())
    };
    let words = |statement| connective::of_plan(&foreign, statement, 0, 7).expect("it is there");
    assert_eq!(said(words(0)).as_deref(), Some("Es sind5"));
    assert_eq!(said(words(1)), None);
    assert_eq!(said(connective::task_name(&foreign, 0).expect("it is there")).as_deref(), Some("read5"));
    assert_eq!(said(connective::task_name(&foreign, 3).expect("it is there")), None);
}

#[test]
fn words_alone_are_no_statement() {
    let job = reading(json!({"count": 5}));
    assert_eq!(Statement::assemble(&job, 1, &[], SURE), None);
    assert_eq!(Statement::assemble(&job, 1, &[Piece::Fixed(connective::HAS)], SURE), None);
    let count = |pointer| [Piece::Count { task: 0, pointer }];
    assert_eq!(Statement::assemble(&job, 1, &count("/count"), SURE), None, "a number has no items");
}

#[test]
fn a_record_says_what_its_statement_says() {
    let job = reading(json!({"count": 5}));
    let said = Statement::about(&job, 2, 0, "/count", SURE).expect("it is recorded");
    assert_eq!(serde_json::to_value(&said).ok(), serde_json::to_value(said.record()).ok());
}

fn ledger() -> Vec<LedgerEntry> {
    let items = Some(LedgerItems { total: 4, with_result: 3, missing: 1 });
    vec![
        LedgerEntry { task: "read".into(), fate: Fate::Used, reason: "summary".into(), items: None },
        LedgerEntry { task: "each".into(), fate: Fate::Excluded, reason: "not_in_summary".into(), items },
        LedgerEntry { task: "late".into(), fate: Fate::Missing, reason: "stopped".into(), items: None },
    ]
}

fn digest_of(job: &Job, sure: Confidence) -> Sha256 {
    let statements: Vec<Statement> = ["/count", "/list"]
        .into_iter()
        .zip(1..)
        .map(|(pointer, number)| Statement::about(job, number, 0, pointer, sure).expect("it is recorded"))
        .collect();
    let accepted = job.accepted().expect("the job has a plan");
    let gaps = [Gap::one("late".into(), GapReason::Stopped)];
    let outputs = Map::from_iter([("count".to_owned(), json!(5))]);
    let result = JobResult::CompleteWithGaps;
    answer::digest(&accepted.plan_hash, &accepted.inputs, &statements, &gaps, &ledger(), &outputs, result)
}

#[test]
fn the_digest_of_an_answer_is_pinned_and_knows_no_ids_attempts_times_or_confidences() {
    let outputs = || json!({"count": 5, "list": [1, 2]});
    let first = digest_of(&job(&Story::default(), outputs(), &[]), SURE);
    assert_eq!(first.to_string(), "c573195d5cbf6bc31baee4bb87109a513a84b7a7740aa687e272ee9c697f3559");
    let doubt = Evidence::limit(candor_proto::Class::Asserted, "said", Score::ZERO);
    let elsewhere = Story { id: 77, start: 9_999_999, evidence: vec![doubt] };
    let unsure = Confidence::from_evidence(&elsewhere.evidence);
    assert_eq!(digest_of(&job(&elsewhere, outputs(), &[]), unsure), first);
    let other = job(&Story::default(), json!({"count": 6, "list": [1, 2]}), &[]);
    assert_ne!(digest_of(&other, SURE), first);
}

#[test]
fn every_part_of_an_answer_moves_its_digest() {
    let job = reading(json!({"count": 5}));
    let accepted = job.accepted().expect("the job has a plan");
    let said = vec![Statement::about(&job, 1, 0, "/count", SURE).expect("it is recorded")];
    let (inputs, outputs) = (Map::new(), Map::new());
    let some = Map::from_iter([("count".to_owned(), json!(5))]);
    let gaps = [Gap::one("late".into(), GapReason::Stopped)];
    let done = JobResult::Complete;
    let digests = [
        answer::digest(&accepted.plan_hash, &inputs, &said, &[], &[], &outputs, done),
        answer::digest(&Sha256::of(b""), &inputs, &said, &[], &[], &outputs, done),
        answer::digest(&accepted.plan_hash, &some, &said, &[], &[], &outputs, done),
        answer::digest(&accepted.plan_hash, &inputs, &[], &[], &[], &outputs, done),
        answer::digest(&accepted.plan_hash, &inputs, &said, &gaps, &[], &outputs, done),
        answer::digest(&accepted.plan_hash, &inputs, &said, &[], &ledger(), &outputs, done),
        answer::digest(&accepted.plan_hash, &inputs, &said, &[], &[], &some, done),
        answer::digest(&accepted.plan_hash, &inputs, &said, &[], &[], &outputs, JobResult::Failed),
    ];
    let different: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
}

#[test]
fn a_task_that_runs_has_no_outputs_to_speak_of() {
    let job = reading(json!({}));
    assert_eq!(job.node(Node::item(1, 1)).map(|item| item.state), Some(TaskState::Running));
    assert_eq!(job.output(1, "/1"), None);
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[~/01a]{0,5}", "\\PC{0,5}"]
}

proptest! {
    #[test]
    fn any_key_can_be_pointed_at_and_its_bytes_are_found(keys in prop::collection::vec(key(), 1..4), leaf in "\\PC{0,9}") {
        let value = keys.iter().rev().fold(json!(leaf), |inner, key| json!({key.as_str(): inner}));
        let job = job(&Story::default(), value, &[]);
        let pointer: String = keys.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect();
        let said = Statement::about(&job, 1, 0, &pointer, SURE).expect("it is recorded");
        prop_assert_eq!(said.text(), format!("read.{} is {}", keys.join("."), leaf));
        check_spans(&job, &said);
    }

    #[test]
    fn any_pointer_may_be_asked_for(pointer in any::<String>(), near in "[/~0-9a-]{0,8}", task in 0..4_u32) {
        let job = reading(json!({"a": {"0": [1, 2]}, "": 3}));
        for pointer in [pointer, near] {
            if let Some(said) = Statement::about(&job, 1, task, &pointer, SURE) {
                check_spans(&job, &said);
            }
        }
    }

    #[test]
    fn a_text_is_digested_as_itself_and_anything_else_in_canonical_form(text in any::<String>(), number in any::<i64>()) {
        prop_assert_eq!(written_form(&json!(text)), text);
        prop_assert_eq!(written_form(&json!([number])), canonical::canonical_text(&json!([number])));
    }
}
