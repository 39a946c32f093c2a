//! Which bracket closes which, found in one walk: searching anew at every `((` would take the square of a script's
//! length.

use crate::expression::Place;

/// The brackets of a script that are closed: `( )` and `[ ]`, each kind by itself.
pub(super) struct Brackets {
    /// Where each opens and closes, by the opening.
    pairs: Vec<(usize, usize)>,
}

impl Brackets {
    /// Counts signs without knowing about quotes, as the lexer must decide before it can know. `places` are skipped.
    pub(super) fn of(text: &str, places: &[Place]) -> Self {
        let bytes = text.as_bytes();
        let (mut round, mut square, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        let mut places = places.iter().peekable();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let Some(place) = places.next_if(|place| place.whole.start <= at) {
                at = at.max(place.whole.end);
                continue;
            }
            match byte {
                b'(' => round.push(at),
                b'[' => square.push(at),
                b')' => pairs.extend(round.pop().map(|open| (open, at))),
                b']' => pairs.extend(square.pop().map(|open| (open, at))),
                // What is escaped may itself be an expression, which the next round goes over.
                b'\\' if places.peek().is_none_or(|place| place.whole.start != at + 1) => at += 1,
                _ => {}
            }
            at += 1;
        }
        pairs.sort_unstable();
        Self { pairs }
    }

    /// Where the bracket that opens here closes.
    pub(super) fn close_of(&self, open: usize) -> Option<usize> {
        let index = self.pairs.binary_search_by_key(&open, |(open, _)| *open).ok()?;
        self.pairs.get(index).map(|(_, close)| *close)
    }
}
