//! The secrets that a worker has read, for whichever attempt: what one of them got another may come upon.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Masks;

/// A shorter secret is masked only where it was given: as a text of everybody's it would stand in too much by chance.
const BYTES_MIN: usize = 8;

/// What a worker has read. Cloned, it is the same.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<BTreeSet<String>>>);

impl Known {
    /// Takes note of what an attempt got; its masks hide from now on what others got too.
    pub fn join(&self, masks: Masks) -> Masks {
        let long = masks.own().filter(|secret| secret.len() >= BYTES_MIN).cloned();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(long);
        masks.within(self)
    }

    pub(super) fn values(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_attempt_got_is_masked_in_others_unless_it_is_short() {
        let known = Known::default();
        let earlier = known.join(Masks::default());
        let later = known.join(Masks::new(["longenough".to_owned(), "short".to_owned()]));
        assert_eq!(later.text("longenough short"), "*** ***");
        assert_eq!(earlier.text("longenough short"), "longenough short");
        assert_eq!(earlier.fresh().text("longenough short"), "*** short");
    }
}
