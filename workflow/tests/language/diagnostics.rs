//! Every mistake is named with its place, its code and useful advice, all at once.

use candor_proto::message::Severity;
use candor_workflow::{DIAGNOSTICS_MAX, Files, Mode, Paint, Source, compile, file_fact, render};

use crate::stage::{catalogue, compiled, documents, errors, places, run};

fn files() -> Files {
    let mut files = Files::default();
    files.facts.insert("here.csv".to_owned(), file_fact(b"a,b\n1,2\n".to_vec()));
    files.facts.insert("here/more.csv".to_owned(), file_fact(b"a,b\n".to_vec()));
    files
}

/// A line `# expect LINE CODE WORDS` says that a diagnostic with this code stands in that line and speaks of these words.
#[test]
fn broken_documents_give_the_diagnostics_that_they_expect_and_no_others() {
    let files = files();
    for (name, text) in documents("invalid") {
        let expected: Vec<Vec<&str>> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# expect "))
            .map(|line| line.splitn(3, ' ').collect())
            .collect();
        let compiled = compiled(&text, &files, Mode::Validate);
        assert!(compiled.plan.is_none(), "{name} compiles");
        for parts in &expected {
            let found = compiled.diagnostics.iter().any(|found| {
                found.line.to_string() == parts[0]
                    && found.code == parts[1]
                    && parts.get(2).is_none_or(|words| format!("{} {}", found.message, found.advice).contains(words))
            });
            assert!(found, "{name}: {parts:?} is not among {:#?}", compiled.diagnostics);
        }
        for found in compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error) {
            let known = expected.iter().any(|parts| parts[0] == found.line.to_string() && parts[1] == found.code);
            assert!(known || expected.is_empty(), "{name}: nobody expects {found:?}");
            assert!(!found.advice.is_empty(), "{name}: no advice in {found:?}");
        }
        let shown = render(&name, &text, &compiled.diagnostics, Paint::Plain);
        for found in &compiled.diagnostics {
            assert!(shown.contains(&format!("{name}:{}:{}", found.line, found.column)), "{shown}");
        }
    }
}

#[test]
fn json_errors_stand_at_their_character() {
    let compiled = run(
        "{\n  \"name\": \"x\",\n  \"tasks\": [\n    { \"id\": \"a\", \"run\": \"b\" }\n    { \"id\": \"c\" }\n  ]\n}\n",
    );
    assert_eq!(places(&compiled), [("syntax".to_owned(), 5, 5)]);
    for text in [
        "{\"a\": 01}",
        "{\"a\": tru}",
        "{\"a\" 1}",
        "{\"a\": 1, b: 1}",
        "{\"a\": \"\n\"}",
        "{\"a\": \"\\x\"}",
        "{\"a\": [1,]}",
        "{\"a\": \"\\ud800\"}",
        "{",
        "{} {}",
    ] {
        let compiled = run(text);
        assert_eq!(compiled.diagnostics.len(), 1, "{text}");
        assert_eq!(compiled.diagnostics[0].code, "syntax", "{text}");
    }
}

#[test]
fn braces_alone_make_no_json() {
    let text = "# In one line.\n{name: x, tasks: [{id: a, run: 'true'}]}\n";
    for text in [text, text.split_once('\n').unwrap().1, "{ 'name': x, tasks: [{id: a, run: x}] }"] {
        assert_eq!(places(&run(text)), [], "{text}");
    }
    let named = |name: &str| {
        let text = "{name: x, tasks: [{id: a, run: x}]}";
        compile(&Source { name, text }, &Files::default(), &catalogue(), Mode::Execute)
    };
    assert_eq!(places(&named("a.JSON")), [("syntax".to_owned(), 1, 2)]);
    assert_eq!(places(&named("a.yaml")), []);
    assert_eq!(places(&run("{name: x, name: y, tasks: [{id: a, run: x}]}")), [("duplicate-key".to_owned(), 1, 11)]);
}

#[test]
fn columns_count_characters_and_point_into_block_texts() {
    let text = "name: ü\ntasks:\n  - id: a\n    run: |\n      echo ok\n      echo äöü ${{ inputs.x }}\n  - { id: é, run: \"\\u00fc ${{ inputs.y }}\" }\n";
    let compiled = run(text);
    assert_eq!(
        places(&compiled),
        [("unknown-input".to_owned(), 6, 20), ("invalid-id".to_owned(), 7, 11), ("unknown-input".to_owned(), 7, 31)],
        "{:#?}",
        compiled.diagnostics
    );
}

#[test]
fn a_part_that_cannot_be_executed_warns_in_validate_and_stops_a_run() {
    for (name, text) in documents("later") {
        let validated = compiled(&text, &Files::default(), Mode::Validate);
        assert_eq!(errors(&validated), Vec::<String>::new(), "{name}");
        assert!(validated.plan.is_some(), "{name}");
        let executed = compiled(&text, &Files::default(), Mode::Execute);
        assert!(executed.plan.is_none(), "{name}");
        let mut said: Vec<&str> = executed.facts.unsupported.iter().map(String::as_str).collect();
        said.sort_unstable();
        assert_eq!(
            said,
            [
                "approval",
                "budget.escalations",
                "budget.tokens",
                "budget.usd",
                "cache",
                "concurrency",
                "confidence.signals",
                "effects",
                "escalate",
                "idempotency_key",
                "idempotent",
                "isolate",
                "limits.network",
                "memory",
                "model",
                "notify",
                "on_fail: ask",
                "on_low: escalate",
                "risk",
                "sources",
                "uses: agent.automation",
                "uses: agent.diagnostic",
                "uses: http",
                "uses: llm",
                "workflow",
            ]
        );
        for part in said {
            assert!(
                executed.diagnostics.iter().any(|found| found.code == "unsupported" && found.message.contains(part)),
                "{part}"
            );
        }
    }
}

#[test]
fn diagnostics_are_sorted_by_place_and_bounded_in_number() {
    let mut text = "name: many\n".to_owned();
    for index in 0..1_000 {
        text.push_str(&format!("wrong{index}: 1\n"));
    }
    text.push_str("tasks: [{ id: a, run: x }]\n");
    let compiled = run(&text);
    assert_eq!(compiled.diagnostics.len(), DIAGNOSTICS_MAX + 1);
    assert!(compiled.diagnostics.is_sorted_by_key(|found| (found.line, found.column)));
    let last = compiled.diagnostics.last().unwrap();
    assert_eq!((last.code.as_str(), last.message.as_str()), ("more-found", "800 more were found and left out."));
}

#[test]
fn a_text_of_somebody_else_cannot_steer_the_terminal() {
    let text = "name: x\n\"\\e[31mred\": 1\ntasks: [{ id: a, run: x }]\n";
    let compiled = run(text);
    let shown = render("a.yaml", text, &compiled.diagnostics, Paint::Plain);
    assert!(!shown.contains('\u{1b}'), "{shown}");
    assert!(render("a.yaml", text, &compiled.diagnostics, Paint::Colour).contains("\u{1b}[1;31merror"));
}
