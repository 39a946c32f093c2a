//! Spans of time and sizes, as people write them and as Candor keeps them.

/// Longest span of time that a workflow may name, in milliseconds: ten years, far from any overflow.
const DURATION_MS_MAX: f64 = 10.0 * 366.0 * 86_400_000.0;

const UNITS_MS: &[(&str, f64)] =
    &[("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0), ("h", 3_600_000.0), ("d", 86_400_000.0), ("w", 604_800_000.0)];

const SIZES: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// A span of time in milliseconds: `250ms`, `1h30m`, `7d`, or ISO 8601 such as `PT1H30M`.
///
/// The error says what is wrong, as a fragment.
pub(crate) fn duration_ms(text: &str) -> Result<u64, String> {
    let total = if text.starts_with(['P', 'p']) { iso(text)? } else { units(text)? };
    if total > DURATION_MS_MAX {
        return Err("is longer than ten years".to_owned());
    }
    if (total - total.round()).abs() > 1e-6 {
        return Err("is finer than a millisecond".to_owned());
    }
    // Bounded above and never negative: the digits carry no sign.
    Ok(total.round() as u64)
}

/// The canonical text of a span of time: seconds, such as `1800s` or `0.25s`.
pub(crate) fn duration_text(ms: u64) -> String {
    let (seconds, rest) = (ms / 1_000, ms % 1_000);
    if rest == 0 {
        return format!("{seconds}s");
    }
    format!("{seconds}.{}s", format!("{rest:03}").trim_end_matches('0'))
}

/// A size in bytes: a number, or one with `KiB`, `MiB`, `GiB`, `TiB`.
pub(crate) fn size_bytes(text: &str) -> Result<u64, String> {
    let (amount, unit) = split(text).ok_or_else(|| "is no size".to_owned())?;
    let unit = unit.trim();
    let Some((_, factor)) = SIZES.iter().find(|(name, _)| *name == unit || (unit.is_empty() && *name == "B")) else {
        return Err(format!(
            "has the unit `{}`, which is none of `KiB`, `MiB`, `GiB`",
            crate::diagnostic::quoted(unit)
        ));
    };
    let bytes = amount * (*factor as f64);
    if bytes > 2f64.powi(60) || bytes.fract() != 0.0 {
        return Err("is no whole number of bytes below an exbibyte".to_owned());
    }
    Ok(bytes as u64)
}

/// The leading number (digits, `_`, one `.`) and what follows.
fn split(text: &str) -> Option<(f64, &str)> {
    let end =
        text.find(|character: char| !(character.is_ascii_digit() || "._".contains(character))).unwrap_or(text.len());
    if !underscores_between_digits(&text[..end]) {
        return None;
    }
    let digits = text[..end].replace('_', "");
    let shaped = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.ends_with(|last: char| last.is_ascii_digit());
    shaped.then(|| digits.parse().ok()).flatten().map(|amount| (amount, &text[end..]))
}

/// Whether every `_` stands between two digits.
fn underscores_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    bytes.iter().enumerate().all(|(at, byte)| *byte != b'_' || (digit(at.checked_sub(1)) && digit(Some(at + 1))))
}

fn units(text: &str) -> Result<f64, String> {
    let mut rest = text;
    let mut total = 0.0;
    let mut last = f64::INFINITY;
    while !rest.is_empty() || total == 0.0 && last.is_infinite() {
        let (amount, after) = split(rest).ok_or_else(|| "is no span of time".to_owned())?;
        let end = after.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = &after[..end];
        let Some((_, factor)) = UNITS_MS.iter().find(|(name, _)| *name == unit) else {
            return Err(match (unit, after) {
                ("", "") => "has no unit".to_owned(),
                ("", _) => "is no span of time".to_owned(),
                (_, _) => format!("has the unknown unit `{unit}` (known are ms, s, m, h, d, w)"),
            });
        };
        if *factor >= last {
            return Err("has its units out of order".to_owned());
        }
        (last, rest) = (*factor, &after[end..]);
        total += amount * factor;
    }
    Ok(total)
}

fn iso(text: &str) -> Result<f64, String> {
    let upper = text.to_ascii_uppercase();
    let body = upper.strip_prefix('P').unwrap_or(&upper);
    let (days, time) = match body.split_once('T') {
        Some((_, "")) => return Err("names no time after its `T`".to_owned()),
        Some((days, time)) => (days, time),
        None => (body, ""),
    };
    if days.is_empty() && time.is_empty() {
        return Err("names no time".to_owned());
    }
    if days.contains(['Y', 'M']) {
        return Err("counts years or months, which have no fixed length".to_owned());
    }
    Ok(part(days, &[("W", 604_800_000.0), ("D", 86_400_000.0)])?
        + part(time, &[("H", 3_600_000.0), ("M", 60_000.0), ("S", 1_000.0)])?)
}

fn part(text: &str, units: &[(&str, f64)]) -> Result<f64, String> {
    let mut rest = text;
    let mut total = 0.0;
    for (unit, factor) in units {
        if let Some((amount, after)) = split(rest).filter(|(_, after)| after.starts_with(unit)) {
            total += amount * factor;
            rest = &after[unit.len()..];
        }
    }
    if rest.is_empty() { Ok(total) } else { Err("is no span of time by ISO 8601".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_read_in_both_styles() {
        for (text, ms) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("1.5h", 5_400_000),
            ("0s", 0),
            ("PT1H30M", 5_400_000),
            ("P7D", 604_800_000),
            ("PT0.25S", 250),
            ("1_000s", 1_000_000),
        ] {
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn a_span_of_time_without_a_unit_or_sense_is_refused() {
        for text in [
            "30",
            "",
            "s",
            "1__0s",
            "_1s",
            "1_s",
            "5 minutes",
            "30m1h",
            "1h1h",
            "30 s",
            "-5s",
            "1x",
            "P1M",
            "PT",
            "P",
            "0.0001s",
            "99999d",
            "1e3s",
            "P1X",
            "PT1D",
        ] {
            assert!(duration_ms(text).is_err(), "{text}");
        }
        assert_eq!(duration_ms("30").unwrap_err(), "has no unit");
    }

    #[test]
    fn the_canonical_text_is_in_seconds() {
        assert_eq!(duration_text(1_800_000), "1800s");
        assert_eq!(duration_text(250), "0.25s");
        assert_eq!(duration_text(1_005), "1.005s");
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(size_bytes("512MiB"), Ok(512 << 20));
        assert_eq!(size_bytes("1_024"), Ok(1024));
        assert_eq!(size_bytes("1.5KiB"), Ok(1536));
        for text in ["512MB", "1k", "", "MiB", "0.3", "-1"] {
            assert!(size_bytes(text).is_err(), "{text}");
        }
    }
}
