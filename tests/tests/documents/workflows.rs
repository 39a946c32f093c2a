//! Workflows that stand in documents: each would run as it stands.

use std::fs;
use std::path::Path;

use candor_tests::{project, run, tree};

use crate::markdown;

/// Files that the workflows of the language page name; the page shows the schema itself.
fn lay_files(folder: &Path, page: &str) {
    let shown = markdown::blocks(page);
    let schema = shown.iter().find(|block| block.info == "json" && block.text.contains("\"fields\""));
    fs::write(folder.join("prices.schema.json"), &schema.expect("the page shows a schema").text).expect("written");
    fs::write(folder.join("prices.csv"), "shop,price\nnorth,3.5\nsouth,4\n").expect("written");
    fs::write(folder.join("level.schema.json"), r#"{"type": "object", "required": ["level"]}"#).expect("written");
    fs::copy(project().join("examples/hello.py"), folder.join("hello.py")).expect("copied");
}

#[test]
fn every_whole_workflow_of_the_language_page_can_be_run() {
    let page = tree::text("docs/workflow.md");
    let folder = tempfile::tempdir().expect("a temporary folder");
    lay_files(folder.path(), &page);
    let whole: Vec<markdown::Block> = markdown::blocks(&page)
        .into_iter()
        .filter(|block| block.info == "yaml" && block.text.starts_with("name:"))
        .collect();
    assert!(whole.len() > 10, "only {} workflows were found", whole.len());
    for block in whole {
        fs::write(folder.path().join("workflow.yaml"), &block.text).expect("written");
        let output = run(folder.path(), &["plan", "workflow.yaml"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "docs/workflow.md:{}:\n{said}", block.line);
    }
}

#[test]
fn the_pieces_that_the_tutorial_shows_stand_in_the_example() {
    let tutorial = tree::text("docs/tutorial.md");
    let sources: String = ["sol-import.yaml", "rules/sol.yaml", "sol-import.inputs.json"]
        .map(|name| tree::text(&format!("examples/sol-import/{name}")))
        .concat();
    let pieces = markdown::blocks(&tutorial).into_iter().filter(|block| block.info == "yaml fragment");
    let mut seen = 0;
    for piece in pieces {
        seen += 1;
        let outdented = |text: &str| {
            text.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim()).collect::<Vec<_>>().join("\n")
        };
        let found = outdented(&sources).contains(&outdented(&piece.text));
        assert!(found, "docs/tutorial.md:{}: the example has no such piece", piece.line);
    }
    assert!(seen > 2, "only {seen} pieces were found");
}
