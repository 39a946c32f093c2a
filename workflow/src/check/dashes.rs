//! Names with a dash, which after a dot would mean minus: `inputs.max-rows`.

use super::Checker;
use crate::diagnostic::{Code, quoted};
use crate::place::Within;

/// A name with a dash that was written after a dot.
struct Dashed<'t> {
    /// What it was read from: `inputs` or `outputs`.
    root: &'static str,
    name: &'t str,
    /// Where the root begins, in bytes of the text.
    offset: usize,
}

impl Checker<'_, '_> {
    /// Says of an expression that it reads a declared name with a dash after a dot; `false` where it does not.
    pub(super) fn dashed_reference(&mut self, within: &Within<'_>, offset: usize, text: &str) -> bool {
        let Some(Dashed { root, name, offset: at }) = self.dashed(text) else { return false };
        let name = quoted(name);
        let span = within.span(offset + at, root.len() + 1 + name.len());
        let message = format!("`{root}.{name}` is read as a subtraction, because the name contains `-`.");
        let advice = format!("Write `{root}['{name}']`: a dash after a dot means minus.");
        self.context.findings.error(Code::IdWithDash, span, message, advice);
        true
    }

    /// The first declared name with a dash in a text. Where `inputs.max` is declared as well, `inputs.max-rows` may
    /// be meant as it is read.
    fn dashed<'t>(&self, text: &'t str) -> Option<Dashed<'t>> {
        ["inputs", "outputs"].into_iter().find_map(|root| {
            text.match_indices(root).find_map(|(offset, _)| {
                let rest = text.get(offset + root.len()..)?.strip_prefix('.')?;
                let end = rest.find(|character: char| !(character.is_ascii_alphanumeric() || "_-".contains(character)));
                let run = rest.get(..end.unwrap_or(rest.len()))?;
                let first = run.split('-').next()?;
                let declared = |name: &str| match root {
                    "inputs" => self.inputs.contains_key(name),
                    _ => self.dashed_outputs.contains(name),
                };
                // `inputs.max-rows-1` may well mean `max-rows` less one: the longest name that is there.
                let shorter = run.match_indices('-').rev().filter_map(|(at, _)| run.get(..at));
                let name = std::iter::once(run).chain(shorter).find(|name| name.contains('-') && declared(name))?;
                (!declared(first)).then_some(Dashed { root, name, offset })
            })
        })
    }
}
