//! `docs/cli.md` against what the program says of itself.

use std::collections::BTreeSet;

use candor_tests::{project, run, tree};

use crate::markdown;

/// Variables that no flag has.
const WITHOUT_FLAG: [&str; 3] = ["CANDOR_LOG", "CANDOR_LOG_FORMAT", "CANDOR_SECRET_NAME"];

fn help(command: &[&str]) -> String {
    let output = run(&project(), &[command, &["--help"]].concat());
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).expect("help is text")
}

/// The commands that the program lists.
fn commands() -> Vec<String> {
    let help = help(&[]);
    let list = help.split("Commands:\n").nth(1).expect("help lists commands").split("\n\n").next().unwrap_or_default();
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Long flags that a text names.
fn flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '-');
    let long = words.filter(|word| word.len() > 3 && word.starts_with("--") && !word.starts_with("---"));
    long.filter(|word| *word != "--help" && *word != "--version").map(str::to_owned).collect()
}

/// Variables of ours that a text names.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| word.starts_with("CANDOR_")).map(str::to_owned).collect()
}

#[test]
fn every_command_and_flag_is_described_and_no_other() {
    let page = tree::text("docs/cli.md");
    for command in commands() {
        let described = markdown::section(&page, &format!("### `candor {command}`"));
        let table: String = described.lines().filter(|line| line.starts_with("| `-")).collect();
        let help = help(&[&command]);
        let options = help.split("Options:\n").nth(1).unwrap_or_default();
        assert_eq!(flags(&table), flags(options), "flags of `candor {command}`: left docs/cli.md, right --help");
        let missing: Vec<String> = variables(options).difference(&variables(&page)).cloned().collect();
        assert!(missing.is_empty(), "docs/cli.md does not name {missing:?} of `candor {command}`");
    }
}

#[test]
fn every_variable_that_is_described_exists() {
    let page = tree::text("docs/cli.md");
    let mut known: BTreeSet<String> = WITHOUT_FLAG.map(str::to_owned).into();
    for command in commands() {
        known.extend(variables(&help(&[&command])));
    }
    let described = variables(markdown::section(&page, "## Environment"));
    assert_eq!(described, known, "left docs/cli.md, right the program");
}

#[test]
fn every_part_of_the_page_about_a_command_has_a_command() {
    let page = tree::text("docs/cli.md");
    let described = page.lines().filter_map(|line| line.strip_prefix("### `candor "));
    let described: BTreeSet<String> = described.map(|rest| rest.trim_end_matches('`').to_owned()).collect();
    assert_eq!(described, commands().into_iter().collect());
}
