//! The tests that documents name: they exist, and what is said to be built names one.

use candor_tests::{project, tree};

use crate::markdown;

/// Documents that name tests, as `path.rs: name`.
const DOCUMENTS: [&str; 3] = ["ARCHITECTURE.md", "docs/features.md", "docs/guarantees.md"];

/// The tests that a text names: their file and their name.
fn tests(text: &str) -> Vec<(String, String)> {
    let spans = text.split('`').skip(1).step_by(2);
    let named = spans.filter_map(|span| span.split_once(".rs: "));
    named.map(|(path, name)| (format!("{path}.rs"), name.to_owned())).collect()
}

#[test]
fn the_tests_that_documents_name_exist() {
    for document in DOCUMENTS {
        let named = tests(&markdown::prose(&tree::text(document)));
        assert!(!named.is_empty(), "{document} names no tests");
        for (path, name) in named {
            assert!(project().join(&path).is_file(), "{document} names {path}, which is not there");
            let text = tree::text(&path);
            let declared = [format!("fn {name}("), format!("\"{name}\"")];
            assert!(declared.iter().any(|words| text.contains(words)), "{document}: {path} has no test `{name}`");
        }
    }
}

#[test]
fn a_feature_that_is_built_names_a_test() {
    let text = tree::text("docs/features.md");
    let mut rows = 0;
    for line in text.lines().filter(|line| line.starts_with("| S")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, .., state, place, shown] = cells.as_slice() else { panic!("too few cells: {line}") };
        rows += 1;
        match *state {
            "built" | "part" => {
                assert!(!place.is_empty(), "{id} does not say where it is");
                assert!(!tests(shown).is_empty(), "{id} is {state} and names no test");
            }
            "open" => assert!(shown.is_empty(), "{id} is open and names a test"),
            other => panic!("{id} has the state `{other}`"),
        }
    }
    assert!(rows > 180, "only {rows} features were read");
}
