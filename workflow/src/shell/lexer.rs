//! The state of reading a script, and what all contexts have in common.

use super::LiftError;
use super::brackets::Brackets;
use crate::expression::Place;

/// How deep substitutions may nest in each other.
const NESTING_MAX: usize = 64;

/// How a variable has to be written to be one word, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// Outside quotes: the variable brings its own.
    Bare,
    /// Inside double quotes, or in a here-document.
    Double,
}

/// Where a variable cannot stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    SingleQuotes,
    Comment,
    QuotedHereDocument,
    Delimiter,
    Backticks,
    Arithmetic,
    Pattern,
    MixedQuotes,
    Escaped,
    Dollar,
    Subscript,
}

impl Refusal {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::SingleQuotes => (
                "an expression inside single quotes would not be replaced",
                "Close the single quotes before it, or use double quotes.",
            ),
            Self::Comment => ("an expression in a comment has no effect", "Remove it, or write it without `${{ }}`."),
            Self::QuotedHereDocument => (
                "an expression in a here-document with a quoted delimiter would not be replaced",
                "Take the quotes off the delimiter (`<<EOF`), or set `env` and read the variable there.",
            ),
            Self::Delimiter => {
                ("an expression cannot be the delimiter of a here-document", "Use a plain word such as `EOF`.")
            }
            Self::Backticks => {
                ("an expression cannot stand inside backticks", "Write `$(…)` instead of the backticks.")
            }
            Self::Arithmetic => (
                "an expression in arithmetic would be computed as a formula, and could run commands",
                "Compute it inside `${{ }}`, or assign it to a variable and check that it is a number first.",
            ),
            Self::Pattern => (
                "an expression cannot stand in this kind of `${…}`",
                "Assign it to a variable first: `value=${{ … }}`.",
            ),
            Self::MixedQuotes => (
                "shells disagree about quotes inside `${…}` inside quotes",
                "Assign the expression to a variable first: `value=${{ … }}`.",
            ),
            Self::Escaped => (
                "a backslash directly before an expression",
                "Remove the backslash, or write two for a backslash in the text.",
            ),
            Self::Dollar => ("a `$` directly before an expression", "Write `\\$` for a dollar sign in the text."),
            Self::Subscript => (
                "an expression in the index of an array would be computed as a formula, and could run commands",
                "Assign it to a variable and check that it is a number first.",
            ),
        }
    }
}

/// A script that cannot be followed any further.
pub(super) struct Unclear;

/// All expressions of a script, each with its quoting.
pub(super) struct Read {
    pub(super) sites: Vec<(Place, Quoting)>,
    pub(super) errors: Vec<LiftError>,
}

pub(super) struct Lexer<'t> {
    pub(super) text: &'t str,
    /// The next byte.
    pub(super) at: usize,
    /// Where the text ends; earlier than it does while a here-document is read.
    pub(super) end: usize,
    places: Vec<Place>,
    pub(super) brackets: Brackets,
    pub(super) sites: Vec<(Place, Quoting)>,
    errors: Vec<LiftError>,
    depth: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str, places: Vec<Place>) -> Self {
        let brackets = Brackets::of(text, &places);
        Self { text, at: 0, end: text.len(), places, brackets, sites: Vec::new(), errors: Vec::new(), depth: 0 }
    }

    /// Reads the whole script.
    pub(super) fn read(mut self) -> Read {
        // What was unclear is among the errors.
        let _ = self.commands(false);
        self.sites.sort_by_key(|(place, _)| place.whole.start);
        Read { sites: self.sites, errors: self.errors }
    }

    /// The byte `ahead` of the next one.
    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied().filter(|_| self.at + ahead < self.end)
    }

    pub(super) fn looking_at(&self, word: &str) -> bool {
        self.text.get(self.at..self.end).is_some_and(|rest| rest.starts_with(word))
    }

    /// The expression that begins at this byte.
    pub(super) fn place_at(&self, at: usize) -> Option<&Place> {
        let index = self.places.binary_search_by_key(&at, |place| place.whole.start).ok()?;
        self.places.get(index)
    }

    /// Takes the expression that begins here, if one does.
    pub(super) fn expression(&mut self, quoting: Quoting) -> bool {
        let Some(place) = self.place_at(self.at).cloned() else { return false };
        self.at = place.whole.end;
        self.sites.push((place, quoting));
        true
    }

    /// Refuses the expression that begins here, if one does.
    pub(super) fn refused(&mut self, refusal: Refusal) -> bool {
        let Some(place) = self.place_at(self.at).cloned() else { return false };
        self.at = place.whole.end;
        self.refuse(&place, refusal);
        true
    }

    pub(super) fn refuse(&mut self, place: &Place, refusal: Refusal) {
        let (message, advice) = refusal.words();
        self.errors.push(LiftError {
            message: message.to_owned(),
            advice: advice.to_owned(),
            offset: place.whole.start,
            length: place.whole.len(),
        });
    }

    /// Gives up, with the place where the trouble began.
    pub(super) fn unclear<T>(&mut self, offset: usize, message: &str) -> Result<T, Unclear> {
        self.errors.push(LiftError {
            message: message.to_owned(),
            advice: "Without it nobody can tell how the expressions of this script are quoted.".to_owned(),
            offset,
            length: 1,
        });
        Err(Unclear)
    }

    /// One level deeper, so that a hostile script cannot exhaust the stack.
    pub(super) fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<(), Unclear>) -> Result<(), Unclear> {
        if self.depth >= NESTING_MAX {
            return self.unclear(self.at, "substitutions nest too deeply");
        }
        self.depth += 1;
        let outcome = read(self);
        self.depth -= 1;
        outcome
    }

    /// Goes over a backslash and the character after it.
    pub(super) fn escape(&mut self) {
        self.at += 1;
        if !self.refused(Refusal::Escaped) {
            self.character();
        }
    }

    /// Goes over one character.
    pub(super) fn character(&mut self) {
        let length = self.text.get(self.at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        self.at = (self.at + length).min(self.end);
    }

    /// Runs over text in which nothing but its end has a meaning.
    pub(super) fn until(&mut self, ends: impl Fn(u8) -> bool, refusal: Refusal) {
        while self.peek(0).is_some_and(|byte| !ends(byte)) {
            if !self.refused(refusal) {
                self.at += 1;
            }
        }
    }
}
