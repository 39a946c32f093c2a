//! Times as people and other programs write them. Pure arithmetic; nobody reads a clock here.

use crate::Millis;

/// A time as RFC 3339 in UTC with milliseconds: `2026-11-21T09:30:00.000Z`.
///
/// Days become a date by the algorithm `civil_from_days` (H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", 2013).
pub fn rfc3339(at: Millis) -> String {
    let (seconds, ms) = (at / 1_000, at % 1_000);
    let (hours, minutes, rest) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{}T{hours:02}:{minutes:02}:{rest:02}.{ms:03}Z", date(at))
}

/// The UTC day of a time: `2026-11-21`.
pub fn date(at: Millis) -> String {
    let days = at / 86_400_000 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

pub(crate) fn serialize<S: serde::Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_have_their_dates() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339(1_795_251_845_678), "2026-11-21T09:04:05.678Z");
        assert_eq!(date(4_107_542_399_999), "2100-02-28");
    }
}
