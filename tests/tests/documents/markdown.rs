//! Just enough of Markdown: blocks of code, headings and links.

use candor_tests::{project, tree};

/// A block of code between fences.
pub(crate) struct Block {
    /// What stands behind the opening fence.
    pub(crate) info: String,
    /// The line on which the block begins, from 1.
    pub(crate) line: usize,
    /// What it holds.
    pub(crate) text: String,
}

/// The fenced blocks of a document.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(document.lines()) {
        match (line.strip_prefix("```"), open) {
            (Some(info), false) => {
                found.push(Block { info: info.trim().to_owned(), line: number, text: String::new() });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = found.last_mut().expect("a block is open");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!open, "a block of code is not closed");
    found
}

/// The document without its blocks of code, line for line.
pub(crate) fn prose(document: &str) -> String {
    let (mut text, mut open) = (String::new(), false);
    for line in document.lines() {
        let fence = line.starts_with("```");
        if !fence && !open {
            text.push_str(line);
        }
        open ^= fence;
        text.push('\n');
    }
    text
}

/// Headings with their level.
fn headings(document: &str) -> Vec<(usize, String)> {
    let prose = prose(document);
    let heading = |line: &str| {
        let level = line.chars().take_while(|character| *character == '#').count();
        line[level..].strip_prefix(' ').filter(|_| level > 0).map(|words| (level, words.trim().to_owned()))
    };
    prose.lines().filter_map(heading).collect()
}

/// The text of the part below a heading, up to the next heading of its level or above.
pub(crate) fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let begin = document.find(&format!("{heading}\n")).unwrap_or_else(|| panic!("there is no part `{heading}`"));
    let rest = &document[begin + heading.len()..];
    let level = heading.chars().take_while(|character| *character == '#').count();
    let end = (1..=level).filter_map(|level| rest.find(&format!("\n{} ", "#".repeat(level)))).min();
    &rest[..end.unwrap_or(rest.len())]
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'));
    kept.map(|character| if character == ' ' { '-' } else { character }).collect()
}

fn links(document: &str) -> Vec<String> {
    let prose = prose(document);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).map(str::to_owned).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for file in tree::files(".md") {
        for link in links(&file.text) {
            let (path, part) = link.split_once('#').unwrap_or((&link, ""));
            let own = project().join(&file.path);
            let target = if path.is_empty() { own } else { own.parent().expect("a file lies in a folder").join(path) };
            assert!(target.exists(), "{}: there is no {link}", file.path);
            if !part.is_empty() {
                let text = std::fs::read_to_string(&target).expect("a document can be read");
                let known: Vec<String> = headings(&text).iter().map(|(_, words)| anchor(words)).collect();
                assert!(known.iter().any(|anchor| anchor == part), "{}: {link} has no such heading", file.path);
            }
        }
    }
}

#[test]
fn every_document_has_one_title() {
    for file in tree::files(".md") {
        let titles = headings(&file.text).iter().filter(|(level, _)| *level == 1).count();
        assert_eq!(titles, 1, "{}", file.path);
    }
}
