//! From a text to a value.

use std::path::PathBuf;

use super::Kind;
use super::problem::nearest;

/// A value of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    Flag(bool),
    Number(u64),
    Millis(u64),
    Bytes(u64),
    Choice(&'static str),
    List(Vec<String>),
}

const DURATIONS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// What several texts of one origin mean; only a list may have more than one. The error says what is wrong
/// with the value, as the end of a sentence about the setting.
pub(super) fn parse(kind: Kind, texts: &[String]) -> Result<Value, String> {
    let one = || match texts {
        [text] => Ok(text.as_str()),
        _ => Err(format!("is given {} times, and takes one value", texts.len())),
    };
    match kind {
        Kind::Text | Kind::Secret => Ok(Value::Text(one()?.to_owned())),
        Kind::Path => Ok(Value::Path(PathBuf::from(one()?))),
        Kind::Flag => match one()? {
            "true" => Ok(Value::Flag(true)),
            "false" => Ok(Value::Flag(false)),
            other => Err(format!("must be `true` or `false`, not `{other}`")),
        },
        Kind::Number { min, max } => number(one()?, min, max).map(Value::Number),
        Kind::Duration => {
            with_unit(one()?, &DURATIONS, "a time with its unit, such as `500ms`, `15s`, `2m`, `1h` or `1d`")
                .map(Value::Millis)
        }
        Kind::Size => with_unit(one()?, &SIZES, "a size with its unit, such as `512B`, `64KiB`, `16MiB` or `1GiB`")
            .map(Value::Bytes),
        Kind::Choice(words) => choice(one()?, words).map(Value::Choice),
        Kind::List => Ok(Value::List(
            texts
                .iter()
                .flat_map(|text| text.split(','))
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect(),
        )),
    }
}

fn number(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(number) if plain && (min..=max).contains(&number) => Ok(number),
        _ if max == u64::MAX => Err(format!("must be a whole number of at least {min}, not `{text}`")),
        _ => Err(format!("must be a whole number from {min} to {max}, not `{text}`")),
    }
}

/// Whole numbers and one unit: what a person writes, and nothing that two people read differently.
fn with_unit(text: &str, units: &[(&str, u64)], expected: &str) -> Result<u64, String> {
    let wrong = || format!("must be {expected}, not `{text}`");
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit = unit.trim_start();
    // Nothing needs no unit.
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() && digits == "0" => 1,
        None => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count.checked_mul(factor).ok_or_else(|| format!("is too large: `{text}`"))
}

fn choice(text: &str, words: &'static [&'static str]) -> Result<&'static str, String> {
    words.iter().copied().find(|word| *word == text).ok_or_else(|| {
        let listed: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let meant = nearest(text, words.iter().copied()).map(|word| format!("; did you mean `{word}`?"));
        format!("must be one of {}, not `{text}`{}", listed.join(", "), meant.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(kind: Kind, text: &str) -> Result<Value, String> {
        parse(kind, &[text.to_owned()])
    }

    #[test]
    fn times_have_units() {
        let cases = [("500ms", 500), ("15s", 15_000), ("2m", 120_000), ("1h", 3_600_000), ("1d", 86_400_000), ("0", 0)];
        for (text, millis) in cases {
            assert_eq!(read(Kind::Duration, text), Ok(Value::Millis(millis)), "{text}");
        }
        for text in ["", "15", "s", "1.5s", "-1s", "1 fortnight", "1s2m", "99999999999999999999s", "213503982335d"] {
            assert!(read(Kind::Duration, text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(read(Kind::Size, "64KiB"), Ok(Value::Bytes(65_536)));
        assert_eq!(read(Kind::Size, "16 MiB"), Ok(Value::Bytes(16 << 20)));
        assert_eq!(read(Kind::Size, "2GB"), Ok(Value::Bytes(2_000_000_000)));
        for text in ["64", "64K", "64kb", "16777216TiB", "MiB"] {
            assert!(read(Kind::Size, text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_keep_their_bounds() {
        let kind = Kind::Number { min: 1, max: 64 };
        assert_eq!(read(kind, "64"), Ok(Value::Number(64)));
        for text in ["0", "65", "+3", "3.0", "", "four", "0x10"] {
            let wrong = read(kind, text).expect_err("it is no such number");
            assert_eq!(wrong, format!("must be a whole number from 1 to 64, not `{text}`"));
        }
    }

    #[test]
    fn a_choice_names_its_words_and_the_nearest() {
        let kind = Kind::Choice(&["text", "json"]);
        assert_eq!(read(kind, "json"), Ok(Value::Choice("json")));
        let wrong = read(kind, "jsn").expect_err("it is none of them");
        assert_eq!(wrong, "must be one of `text`, `json`, not `jsn`; did you mean `json`?");
    }

    #[test]
    fn a_list_may_come_in_pieces() {
        let pieces = ["a, b".to_owned(), "c,".to_owned()];
        assert_eq!(parse(Kind::List, &pieces), Ok(Value::List(vec!["a".into(), "b".into(), "c".into()])));
        assert!(parse(Kind::Text, &pieces).is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_refused(text in ".{0,30}") {
            for kind in [Kind::Duration, Kind::Size, Kind::Flag, Kind::List, Kind::Number { min: 0, max: u64::MAX }] {
                drop(read(kind, &text));
            }
        }
    }
}
