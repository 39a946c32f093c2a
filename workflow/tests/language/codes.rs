//! Every code has a page. That every page has a code is tested where the codes of commands are known too.

use std::collections::BTreeSet;
use std::path::Path;

use candor_workflow::Code;

#[test]
fn every_code_has_a_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| code.word().to_owned()).collect();
    assert_eq!(codes.len(), Code::ALL.len(), "two codes have one word");
    let mut pages = BTreeSet::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(code) = name.strip_suffix(".md").filter(|code| *code != "README") else { continue };
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        assert!(text.starts_with(&format!("# {code}\n")), "{name}");
        for part in ["## Likely cause", "## What to do", "## Example"] {
            assert!(text.contains(part), "{name} has no `{part}`");
        }
        pages.insert(code.to_owned());
    }
    let missing: Vec<&String> = codes.difference(&pages).collect();
    assert!(missing.is_empty(), "codes without a page: {missing:?}");
    let overview = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for code in codes {
        assert!(overview.contains(&format!("({code}.md)")), "{code} is not in the overview");
    }
}
