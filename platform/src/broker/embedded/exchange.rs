//! How exchanges pass messages on, and how declared arguments compare.

use candor_proto::route::{Argument, ExchangeKind, Queue};

use crate::error::Error;

/// An exchange with its bindings.
pub(super) struct Exchange {
    pub(super) kind: ExchangeKind,
    bindings: Vec<(Pattern, String)>,
}

impl Exchange {
    pub(super) fn new(kind: ExchangeKind) -> Self {
        Self { kind, bindings: Vec::new() }
    }

    pub(super) fn bind(&mut self, key: &str, queue: &str) {
        let pattern = Pattern::new(key);
        if !self.bindings.iter().any(|(known, target)| *known == pattern && target == queue) {
            self.bindings.push((pattern, queue.to_owned()));
        }
    }

    pub(super) fn unbind(&mut self, queue: &str) {
        self.bindings.retain(|(_, target)| target != queue);
    }

    /// The queues that a key reaches, each once.
    pub(super) fn reaches(&self, key: &str) -> Vec<&str> {
        let mut queues: Vec<&str> = Vec::new();
        for (pattern, queue) in &self.bindings {
            let fits = match self.kind {
                ExchangeKind::Fanout => true,
                ExchangeKind::Topic => pattern.fits(key),
            };
            if fits && !queues.contains(&queue.as_str()) {
                queues.push(queue);
            }
        }
        queues
    }
}

/// A binding's key: words between dots, `*` for one word, `#` for any number of them.
#[derive(Debug, PartialEq, Eq)]
struct Pattern(Vec<String>);

impl Pattern {
    fn new(key: &str) -> Self {
        // Neighbouring `#` mean the same as one, and one keeps the search short.
        let mut words: Vec<String> = key.split('.').map(str::to_owned).collect();
        words.dedup_by(|later, earlier| later == "#" && earlier == "#");
        Self(words)
    }

    /// As with wildcards in file names: at a dead end only the last `#` needs to take one more word.
    fn fits(&self, key: &str) -> bool {
        let pattern = &self.0;
        let words: Vec<&str> = if key.is_empty() { Vec::new() } else { key.split('.').collect() };
        let (mut at, mut word) = (0, 0);
        let mut hash: Option<(usize, usize)> = None;
        while word < words.len() {
            match pattern.get(at).map(String::as_str) {
                Some("#") => {
                    hash = Some((at, word));
                    at += 1;
                }
                Some(expected) if expected == "*" || expected == words[word] => {
                    at += 1;
                    word += 1;
                }
                Some(_) | None => match hash {
                    Some((place, taken)) => {
                        hash = Some((place, taken + 1));
                        at = place + 1;
                        word = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[at.min(pattern.len())..].iter().all(|rest| rest == "#" || (rest.is_empty() && words.is_empty()))
    }
}

/// The text given for an argument.
pub(super) fn argument_text(queue: &Queue, argument: &str) -> Option<String> {
    queue.arguments.iter().find_map(|(name, value)| match value {
        Argument::Text(text) if *name == argument => Some(text.clone()),
        Argument::Text(_) | Argument::Number(_) | Argument::Flag(_) => None,
    })
}

/// Refuses a declaration whose arguments differ from those of the queue that exists.
pub(super) fn equivalent(found: &Queue, wanted: &Queue) -> Result<(), Error> {
    let differs = |argument: &str, is: String, should: String| Error::Inequivalent {
        name: wanted.name.clone(),
        argument: argument.to_owned(),
        found: is,
        wanted: should,
    };
    if found.lifetime != wanted.lifetime {
        return Err(differs("lifetime", format!("{:?}", found.lifetime), format!("{:?}", wanted.lifetime)));
    }
    let names = found.arguments.iter().chain(&wanted.arguments).map(|(name, _)| *name);
    for name in names {
        let (is, should) = (argument(found, name), argument(wanted, name));
        if is != should {
            return Err(differs(name, spoken(is), spoken(should)));
        }
    }
    Ok(())
}

fn argument<'a>(queue: &'a Queue, name: &str) -> Option<&'a Argument> {
    queue.arguments.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn spoken(value: Option<&Argument>) -> String {
    match value {
        None => "none".to_owned(),
        Some(Argument::Text(text)) => format!("`{text}`"),
        Some(Argument::Number(number)) => number.to_string(),
        Some(Argument::Flag(flag)) => flag.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_one_word_and_a_hash_any_number() {
        let fits = |pattern: &str, key: &str| Pattern::new(pattern).fits(key);
        assert!(fits("job.*.task", "job.1.task"));
        assert!(!fits("job.*.task", "job.task"));
        assert!(!fits("job.*.task", "job.1.2.task"));
        assert!(fits("job.#", "job"));
        assert!(fits("job.#", "job.1.task"));
        assert!(fits("#.task", "a.b.task"));
        assert!(fits("#", ""));
        assert!(fits("#.*.#", "a"));
        assert!(!fits("#.*.#", ""));
        assert!(fits("", ""));
        assert!(!fits("", "a"));
        assert!(fits("a..b", "a..b"));
        assert!(!fits("job", "job.1"));
    }

    /// The definition, word by word.
    fn defined(pattern: &[&str], words: &[&str]) -> bool {
        match pattern.split_first() {
            None => words.is_empty(),
            Some((&"#", rest)) => (0..=words.len()).any(|taken| defined(rest, &words[taken..])),
            Some((&"*", rest)) => !words.is_empty() && defined(rest, &words[1..]),
            Some((word, rest)) => words.first() == Some(word) && defined(rest, &words[1..]),
        }
    }

    proptest! {
        #[test]
        fn patterns_fit_what_their_definition_says(
            pattern in proptest::collection::vec(prop_oneof![Just("#"), Just("*"), Just("a"), Just("b")], 1..6),
            words in proptest::collection::vec(prop_oneof![Just("a"), Just("b")], 0..7),
        ) {
            prop_assert_eq!(Pattern::new(&pattern.join(".")).fits(&words.join(".")), defined(&pattern, &words));
        }
    }
}
