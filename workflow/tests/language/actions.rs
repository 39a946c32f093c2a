//! The catalogue: declarations of this build, installed ones, and their pages.

use std::collections::BTreeSet;
use std::path::Path;

use candor_workflow::catalogue::{Catalogue, pages};

use crate::stage::catalogue;

const DECLARATION: &str =
    r#"{ "name": "acme.check", "summary": "Checks.", "with": { "type": "object" }, "program": "check.py" }"#;

#[test]
fn every_declaration_in_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalogue/actions");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().trim_end_matches(".json").to_owned())
        .collect();
    let names: BTreeSet<String> = catalogue().names().map(ToOwned::to_owned).collect();
    assert_eq!(files, names);
}

#[test]
fn a_wrong_name_finds_the_nearest_action() {
    assert_eq!(catalogue().nearest("csv.raed"), Some("csv.read"));
    assert_eq!(catalogue().nearest("nothing.like.it"), None);
}

#[test]
fn an_executable_is_installed_by_its_declaration() {
    let mut catalogue = catalogue();
    catalogue.install("actions/acme.check.action.json", DECLARATION).unwrap();
    assert_eq!(catalogue.get("acme.check").unwrap().program.as_deref(), Some("check.py"));
}

#[test]
fn a_broken_declaration_says_what_is_wrong() {
    let mut catalogue = Catalogue::built_in().unwrap();
    for (file, text, wanted) in [
        ("acme.check.action.json", "{", "no declaration"),
        ("other.action.json", DECLARATION, "its file is not"),
        ("acme.check.action.json", &DECLARATION.replace("check.py", "../check.py"), "no name of a file"),
        ("acme.check.action.json", &DECLARATION.replace(r#", "program": "check.py""#, ""), "names no `program`"),
        ("acme.check.action.json", &DECLARATION.replace(r#""object""#, r#""objekt""#), "no JSON Schema"),
        ("acme.check.action.json", &DECLARATION.replace("summary", "sumary"), "no declaration"),
        ("shell.action.json", &DECLARATION.replace("acme.check", "shell"), "already"),
        ("Acme.action.json", &DECLARATION.replace("acme.check", "Acme"), "no name of an action"),
    ] {
        let problem = catalogue.install(file, text).unwrap_err();
        assert!(problem.message.contains(wanted), "{problem}");
        assert!(!problem.advice.is_empty());
    }
}

#[test]
fn every_action_has_a_page() {
    let catalogue = catalogue();
    let pages = pages(&catalogue);
    assert_eq!(pages.len(), catalogue.names().count() + 1);
    assert!(pages["csv.read.md"].contains("| `path`* |"));
    assert!(pages["README.md"].contains("[`shell`](shell.md)"));
}
