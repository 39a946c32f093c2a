//! What an unquoted scalar stands for: the core schema of YAML 1.2, with strict booleans and `_` in numbers.

use serde_json::Number;

use crate::node::ScalarValue;

/// What a plain scalar stands for. `yes`, `NO` and `on` are text.
pub(crate) fn resolve(text: &str) -> ScalarValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarValue::Null,
        "true" | "True" | "TRUE" => return ScalarValue::Bool(true),
        "false" | "False" | "FALSE" => return ScalarValue::Bool(false),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return ScalarValue::Text;
    }
    if has_leading_zero(text) {
        return ScalarValue::Kept;
    }
    match number(text) {
        Some(number) => ScalarValue::Number(number),
        None if is_long_integer(text) => ScalarValue::Kept,
        None => ScalarValue::Text,
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

/// `01234`, `007`, `-08.5`: as a number it would lose its zeros.
fn has_leading_zero(text: &str) -> bool {
    let bare = unsigned(text);
    let whole = bare.split('.').next().unwrap_or(bare);
    bare.len() > 1
        && whole.len() > 1
        && whole.starts_with('0')
        && bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_' || byte == b'.')
        && bare.bytes().filter(|byte| *byte == b'.').count() <= 1
}

fn is_long_integer(text: &str) -> bool {
    let bare = unsigned(text);
    let digits = bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    !bare.is_empty() && digits && without_underscores(bare).is_some()
}

/// A number as people write it: `1_000`, `0x1F`, `2.5e-3`.
pub(crate) fn number(text: &str) -> Option<Number> {
    let text = without_underscores(text)?;
    if let Some(integer) = integer_of(&text) {
        return Some(integer);
    }
    let bare = unsigned(&text);
    let (mantissa, exponent) = bare.split_once(['e', 'E']).unwrap_or((bare, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = bare.contains(['.', 'e', 'E']);
    let shaped = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent = unsigned(exponent);
    if !plain || !shaped || exponent.is_empty() || !digits(exponent) || mantissa == "." {
        return None;
    }
    Number::from_f64(text.trim_start_matches('+').parse().ok()?)
}

/// A whole number, leading zeros allowed.
pub(crate) fn integer(text: &str) -> Option<Number> {
    integer_of(&without_underscores(text)?)
}

fn integer_of(text: &str) -> Option<Number> {
    let bare = unsigned(text);
    let (radix, digits) = match bare.get(..2) {
        Some("0x") => (16, &bare[2..]),
        Some("0o") => (8, &bare[2..]),
        Some(_) | None => (10, bare),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    if text.starts_with('-') {
        i64::from_str_radix(&format!("-{digits}"), radix).ok().map(Number::from)
    } else {
        u64::from_str_radix(digits, radix).ok().map(Number::from)
    }
}

/// `_` may stand between two digits only.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let beside = |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_hexdigit);
        if *byte == b'_' && !(beside(at.checked_sub(1)) && beside(Some(at + 1))) {
            return None;
        }
    }
    Some(text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_true_and_false_are_truth_values() {
        for word in ["yes", "NO", "on", "Off", "y", "n"] {
            assert_eq!(resolve(word), ScalarValue::Text, "{word}");
        }
        assert_eq!(resolve("true"), ScalarValue::Bool(true));
    }

    #[test]
    fn numbers_that_would_lose_something_stay_text() {
        for word in ["01234", "-007", "00.5", "123456789012345678901234567890"] {
            assert_eq!(resolve(word), ScalarValue::Kept, "{word}");
        }
        for word in ["0.5", "0", "-0", "1.10", "1_000", "0x1F", "-12", "1e3", ".5"] {
            assert!(matches!(resolve(word), ScalarValue::Number(_)), "{word}");
        }
        for word in
            ["1.2.3", "1__0", "_1", "1_", "-", "+", ".", "1e", "0x", "12:30", "7up", "2024-01-01", "1.5.", "--1"]
        {
            assert_eq!(resolve(word), ScalarValue::Text, "{word}");
        }
    }

    #[test]
    fn underscores_are_dropped_between_digits() {
        assert_eq!(number("1_000_000"), Some(Number::from(1_000_000_u64)));
        assert_eq!(number("-9223372036854775808"), Some(Number::from(i64::MIN)));
        assert_eq!(integer("0042"), Some(Number::from(42_u64)));
    }
}
