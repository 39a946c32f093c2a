//! Secrets travel as placeholders: `@@candor-secret:NAME@@`.
//!
//! An expression `secrets.NAME` evaluates to the placeholder, and the worker puts the value in last, so that no
//! plan, log, hash or message holds it. A text from anywhere else that looks like a placeholder is refused
//! when expressions are evaluated (`secret_marker`): otherwise the output of one task could make the worker
//! put a secret into the inputs of the next.

/// How a placeholder begins.
pub const MARKER: &str = "@@candor-secret:";

/// How it ends.
const END: &str = "@@";

/// Length of a name at most, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// Whether this can be the name of a secret: letters, digits and `_`, as in an environment variable.
pub fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    name.len() <= NAME_BYTES_MAX
        && characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The text that stands for a secret.
pub fn placeholder(name: &str) -> String {
    format!("{MARKER}{name}{END}")
}

/// The names of the secrets that a text asks for, in order.
pub fn secret_names(text: &str) -> Vec<&str> {
    pieces(text).filter_map(|piece| piece.1).collect()
}

/// The text with the value of each secret in its place.
///
/// # Errors
///
/// The name of the first secret that `lookup` does not know.
pub fn fill_secrets(text: &str, mut lookup: impl FnMut(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    for (plain, name) in pieces(text) {
        filled.push_str(plain);
        if let Some(name) = name {
            filled.push_str(&lookup(name).ok_or_else(|| name.to_owned())?);
        }
    }
    Ok(filled)
}

/// Plain text and the placeholder after it, until the end.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|tail| tail.find(MARKER)) {
            let start = from + found;
            let tail = text.get(start + MARKER.len()..).unwrap_or_default();
            let name = tail.split_once(END).map(|(name, _)| name).filter(|name| is_name(name));
            if let Some(name) = name {
                rest = tail.get(name.len() + END.len()..);
                return Some((text.get(..start).unwrap_or_default(), Some(name)));
            }
            from = start + MARKER.len();
        }
        rest = None;
        Some((text, None))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_and_filled() {
        let text = format!("a{}b{}", placeholder("ONE"), placeholder("TWO_2"));
        assert_eq!(secret_names(&text), ["ONE", "TWO_2"]);
        assert_eq!(fill_secrets(&text, |name| Some(format!("<{name}>"))), Ok("a<ONE>b<TWO_2>".into()));
        assert_eq!(fill_secrets(&text, |name| (name == "ONE").then(String::new)), Err("TWO_2".into()));
    }

    #[test]
    fn what_only_looks_like_a_placeholder_stays() {
        for text in ["@@candor-secret:", "@@candor-secret:a b@@", "@@candor-secret:1@@", "plain", ""] {
            assert_eq!(secret_names(text), Vec::<&str>::new(), "{text}");
            assert_eq!(fill_secrets(text, |_| None).as_deref(), Ok(text));
        }
        assert_eq!(secret_names("@@candor-secret:@@candor-secret:A@@"), ["A"]);
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_is_not_filled_again() {
        let text = placeholder("A");
        assert_eq!(fill_secrets(&text, |_| Some(placeholder("B"))), Ok(placeholder("B")));
    }
}
