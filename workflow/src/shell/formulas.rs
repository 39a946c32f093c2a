//! Words that bash computes as formulas: in a formula a value can run commands, however it is quoted.
//!
//! `let x=…`, `declare -i x=…`, `[[ … -eq … ]]` and the index in `list[…]=…`. What stands in `(( ))` is of
//! `quotes`.

use super::lexer::{Lexer, Refusal};

/// What is known of formulas at one place in a list of commands. Numbers count the expressions read before.
#[derive(Default)]
pub(super) struct Formulas {
    /// An open `[[`, and whether it compares numbers.
    test: Option<(usize, bool)>,
    /// A `let`, or a `declare` with `-i`, to the end of its command.
    computed: Option<usize>,
    /// Whether the command is a `declare`, which `-i` makes compute.
    declares: bool,
    /// An open index, and where it ends; nowhere when it ends with its word.
    index: Option<(usize, Option<usize>)>,
    /// Brackets of the lists `x=( … )` that are open, in which an index may begin a word.
    lists: Vec<usize>,
}

/// Bytes of an index that are searched for its end: an assignment's index is short, and the search may happen at
/// every word.
const INDEX_BYTES_MAX: usize = 512;

impl Formulas {
    /// A list `x=(` begins at this level of brackets.
    pub(super) fn begin_list(&mut self, brackets: usize) {
        self.lists.push(brackets);
    }

    /// A bracket of this level closes.
    pub(super) fn end_list(&mut self, brackets: usize) {
        self.lists.retain(|list| *list < brackets);
    }
}

impl Lexer<'_> {
    /// Notes an index when the word so far is `name[`, or `[` in a list.
    pub(super) fn begin_index(&mut self, formulas: &mut Formulas, word: &str, brackets: usize) {
        let Some(name) = word.strip_suffix('[').filter(|_| formulas.index.is_none()) else { return };
        if is_name(name) || (name.is_empty() && formulas.lists.last() == Some(&brackets)) {
            formulas.index = Some((self.sites.len(), self.index_end()));
        }
    }

    /// Refuses the expressions of an index that ended; with `now`, of one that should end here.
    pub(super) fn end_index(&mut self, formulas: &mut Formulas, now: bool) {
        if let Some((before, _)) = formulas.index.take_if(|(_, end)| now || end.is_some_and(|end| self.at >= end)) {
            self.refuse_since(before, Refusal::Subscript);
        }
    }

    /// The `]` that closes the index that begins here, when an assignment follows: only then may it hold spaces.
    fn index_end(&self) -> Option<usize> {
        let bytes = self.text.as_bytes().get(..self.end.min(self.at + INDEX_BYTES_MAX))?;
        let (mut at, mut open, mut quote) = (self.at, 1_usize, None);
        loop {
            if let Some(place) = self.place_at(at) {
                at = place.whole.end;
                continue;
            }
            let byte = *bytes.get(at)?;
            match (byte, quote) {
                (b'\\', Some(b'"') | None) => at += 1,
                (b'"' | b'\'', None) => quote = Some(byte),
                (_, Some(open)) if byte == open => quote = None,
                (_, Some(_)) => {}
                (b'[', None) => open += 1,
                (b']', None) => open -= 1,
                (b'\n' | b';', None) => return None,
                (_, None) => {}
            }
            if open == 0 {
                let rest = bytes.get(at + 1..)?;
                return (rest.starts_with(b"=") || rest.starts_with(b"+=")).then_some(at);
            }
            at += 1;
        }
    }

    /// What a word means for the formulas around it.
    pub(super) fn formula_word(&mut self, formulas: &mut Formulas, word: &str, at_command: bool) {
        if formulas.index.is_some_and(|(_, end)| end.is_none()) {
            self.end_index(formulas, true);
        }
        match (word, &mut formulas.test) {
            ("[[", None) if at_command => formulas.test = Some((self.sites.len(), false)),
            ("-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-v", Some((_, numbers))) => *numbers = true,
            ("]]", Some((before, numbers))) => {
                let (before, numbers) = (*before, *numbers);
                formulas.test = None;
                if numbers {
                    self.refuse_since(before, Refusal::Arithmetic);
                }
            }
            ("let", _) if at_command => formulas.computed = Some(self.sites.len()),
            ("declare" | "typeset" | "local" | "readonly" | "export", _) if at_command => formulas.declares = true,
            (option, _) if formulas.declares && option.starts_with('-') && option.contains('i') => {
                formulas.computed.get_or_insert(self.sites.len());
            }
            _ => {}
        }
    }

    /// A command ends, and with it what it computes.
    pub(super) fn end_formula(&mut self, formulas: &mut Formulas) {
        formulas.declares = false;
        if let Some(before) = formulas.computed.take() {
            self.refuse_since(before, Refusal::Arithmetic);
        }
    }

    fn refuse_since(&mut self, before: usize, refusal: Refusal) {
        for (place, _) in self.sites.split_off(before.min(self.sites.len())) {
            self.refuse(&place, refusal);
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}
