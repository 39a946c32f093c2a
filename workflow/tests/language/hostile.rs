//! Documents that were written to do harm, and documents that mean nothing at all.

use candor_proto::message::Diagnostic;
use candor_workflow::{Files, Mode, Paint, Source, render, wanted};
use proptest::prelude::*;

use crate::stage::{catalogue, compiled, documents, run};

fn first(text: &str) -> Diagnostic {
    let compiled = run(text);
    assert!(compiled.plan.is_none());
    compiled.diagnostics.into_iter().next().unwrap()
}

#[test]
fn aliases_cannot_multiply() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..10 {
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(",")));
    }
    assert_eq!(first(&bomb).code, "too-large");
    assert_eq!(first(&format!("a: &a x\nb: [{}]\n", vec!["*a"; 101].join(","))).code, "too-many-aliases");
    let long = "x".repeat(200_000);
    assert_eq!(first(&format!("a: &a {long}\nb: [{}]\n", vec!["*a"; 90].join(","))).code, "too-large");
    assert_eq!(first("a: &a [*a]\n").code, "syntax");
}

#[test]
fn depth_is_bounded_in_every_style() {
    let deep_block: String = (0..400).map(|level| format!("{}k:\n", "  ".repeat(level))).collect();
    for text in [
        format!("a: {}", "[".repeat(200_000)),
        format!("a: {}", "{a: ".repeat(50_000)),
        "- ".repeat(300_000),
        deep_block,
        "{\"a\":".repeat(100_000),
    ] {
        assert_eq!(first(&text).code, "too-deep", "{}", &text[..40]);
    }
}

#[test]
fn size_is_bounded() {
    let lines = "      echo 0123456789\n".repeat(50_000);
    let found = first(&format!("name: big\ntasks:\n  - id: a\n    run: |\n{lines}"));
    assert_eq!((found.code.as_str(), found.line, found.column), ("too-large", 1, 1));
}

#[test]
fn thousands_of_mistakes_cost_no_minutes() {
    let tasks: String =
        (0..15_000).map(|at| format!("- {{id: task_number_{at}, run: x, needs: [tusk_nomber_{at}]}}\n")).collect();
    assert_eq!(first(&format!("name: x\ntasks:\n{tasks}")).code, "unknown-need");
    let same = "{id: a, run: x},".repeat(20_000);
    assert_eq!(first(&format!("name: x\ntasks: [{same}]")).code, "duplicate-id");
    let keys = "k: 1\n".repeat(100_000);
    assert_eq!(run(&format!("name: x\n{keys}")).diagnostics[1].code, "duplicate-key");
}

#[test]
fn a_chain_of_thousands_of_tasks_needs_no_stack() {
    let tasks: String = (1..15_000).map(|at| format!("- {{id: t{at}, run: x, needs: t{}}}\n", at - 1)).collect();
    assert!(run(&format!("name: x\ntasks:\n- {{id: t0, run: x}}\n{tasks}")).plan.is_some());
    let found = first(&format!("name: x\ntasks:\n- {{id: t0, run: x, needs: t14999}}\n{tasks}"));
    assert_eq!(found.code, "cycle");
    assert!(found.message.len() < 1_000, "{}", found.message);
}

fn everything(text: &str) {
    let files = Files::default();
    for mode in [Mode::Validate, Mode::Execute] {
        let compiled = compiled(text, &files, mode);
        for found in &compiled.diagnostics {
            assert!(found.line >= 1 && found.column >= 1, "{found:?}");
        }
        render("flow.yaml", text, &compiled.diagnostics, Paint::Plain);
    }
    wanted(&Source { name: "flow.yaml", text }, &catalogue());
}

/// Words that documents are made of, so that mutations stay near the language.
const WORDS: &[&str] = &[
    "name",
    "tasks",
    "id",
    "run",
    "with",
    "needs",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "${{",
    "}}",
    "inputs.x",
    "tasks.a.outputs",
    " #",
    "&a ",
    "*a",
    "!t ",
    "|",
    ">",
    "? ",
    "---",
    "%",
    "\t",
    "\u{feff}",
    "é",
    "0",
    "01",
    "1e9",
    "true",
    "null",
    "~",
    ",",
    "\\",
    "\\u",
    "\r\n",
    "csv.read",
    "shell",
    "for_each",
    "when",
    "\0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        everything(&text);
    }

    #[test]
    fn words_of_the_language_in_any_order_never_panic(words in prop::collection::vec(prop::sample::select(WORDS), 0..40)) {
        everything(&words.concat());
        everything(&format!("{{{}", words.concat()));
    }

    #[test]
    fn mutated_documents_never_panic(
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..8, prop::sample::select(WORDS)), 1..6),
    ) {
        let all: Vec<String> = ["valid", "later", "invalid"].iter().flat_map(|folder| documents(folder)).map(|(_, text)| text).collect();
        let mut text: Vec<char> = pick.get(&all).chars().collect();
        for (at, cut, word) in edits {
            let at = at.index(text.len().max(1)).min(text.len());
            let end = (at + cut).min(text.len());
            text.splice(at..end, word.chars());
        }
        everything(&text.into_iter().collect::<String>());
    }
}
