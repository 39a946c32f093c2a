//! What the documents say, held against the program: commands, links, flags, schemas, workflows and the tests they name.

mod command_line;
mod forms;
mod markdown;
mod named;
mod shown;
mod workflows;

use candor_tests::tree;
use candor_workflow::catalogue::{Catalogue, pages};

#[test]
fn the_first_block_of_the_readme_is_its_two_commands() {
    let readme = tree::text("README.md");
    let blocks = markdown::blocks(&readme);
    let first = blocks.first().expect("the README has a block of code");
    assert_eq!(first.info, "sh");
    assert_eq!(first.text, "cargo run -q -- run examples/hello.yaml\ntests/run\n");
}

#[test]
fn the_pages_of_the_actions_are_made_from_the_catalogue() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue can be read");
    let made = pages(&catalogue);
    for (name, text) in &made {
        let found = tree::text(&format!("docs/actions/{name}"));
        assert_eq!(&found, text, "docs/actions/{name} is old: run `candor actions --pages docs/actions`");
    }
    for file in tree::files(".md").iter().filter_map(|file| file.path.strip_prefix("docs/actions/")) {
        assert!(made.contains_key(file), "docs/actions/{file} belongs to no action");
    }
}
