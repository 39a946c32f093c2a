//! When a service starts the job: five parts of a cron line, and the name of a time zone.

use super::fields::Context;
use crate::diagnostic::quoted;
use crate::node::Node;

/// One part of a cron line.
struct Part {
    name: &'static str,
    from: u32,
    to: u32,
    /// Words for its numbers, the first for `from`.
    words: &'static [&'static str],
}

const PARTS: [Part; 5] = [
    Part { name: "minute", from: 0, to: 59, words: &[] },
    Part { name: "hour", from: 0, to: 23, words: &[] },
    Part { name: "day", from: 1, to: 31, words: &[] },
    Part {
        name: "month",
        from: 1,
        to: 12,
        words: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    // 7 is Sunday too.
    Part { name: "weekday", from: 0, to: 7, words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// Longest name of a time zone, in characters; the longest known one has 32.
const ZONE_CHARS_MAX: usize = 64;

pub(super) fn cron(context: &mut Context<'_>, node: &Node) {
    let Some(text) = context.text(node, "`cron`") else { return };
    if context.is_expression(node, "`cron`") {
        return;
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    if parts.len() != PARTS.len() {
        let advice = "Write minute, hour, day, month and weekday: `15 2 * * 1-5`.";
        context.invalid(node.span, "`cron` must have five parts.", advice);
        return;
    }
    for (part, text) in PARTS.iter().zip(parts) {
        for choice in text.split(',') {
            if let Err(reason) = part.check(choice) {
                let message = format!("The {} `{}` in `cron` {reason}.", part.name, quoted(text));
                context.invalid(node.span, message, part.advice());
            }
        }
    }
}

impl Part {
    /// `*`, `5`, `1-5`, `mon`, each with a step such as `/2`.
    fn check(&self, choice: &str) -> Result<(), String> {
        let (range, step) = choice.split_once('/').map_or((choice, None), |(range, step)| (range, Some(step)));
        if let Some(step) = step {
            match number(step) {
                Some(step) if step >= 1 && step <= self.to => {}
                Some(_) | None => return Err(format!("has the step `{}`", quoted(step))),
            }
        }
        if range == "*" {
            return Ok(());
        }
        let (first, last) = range.split_once('-').map_or((range, None), |(first, last)| (first, Some(last)));
        let first = self.value(first)?;
        match last.map(|last| self.value(last)).transpose()? {
            Some(last) if last < first => Err("ends before it begins".to_owned()),
            Some(_) | None => Ok(()),
        }
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        if let Some(place) = word.and_then(|place| u32::try_from(place).ok()) {
            return Ok(self.from + place);
        }
        match number(text) {
            Some(number) if (self.from..=self.to).contains(&number) => Ok(number),
            Some(number) => Err(format!("has {number}, which is not from {} to {}", self.from, self.to)),
            None => Err(format!("has `{}`, which is no number", quoted(text))),
        }
    }

    fn advice(&self) -> String {
        let words = match self.words {
            [first, .., last] => format!(", or `{first}` to `{last}`"),
            [_] | [] => String::new(),
        };
        format!(
            "Write `*`, numbers from {} to {}{words}, ranges `1-5`, steps `*/2`, and lists `1,3`.",
            self.from, self.to
        )
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Whether a zone exists only the service that starts the job can say; here it must look like one.
pub(super) fn timezone(context: &mut Context<'_>, node: &Node) {
    let Some(text) = context.text(node, "`timezone`") else { return };
    if context.is_expression(node, "`timezone`") {
        return;
    }
    let named = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    // A zone that is named by one word begins with a capital letter: `UTC`, `Japan`, `EST5EDT`.
    let capital = text.contains('/') || text.starts_with(|first: char| first.is_ascii_uppercase());
    if text.len() <= ZONE_CHARS_MAX && capital && text.split('/').all(named) {
        return;
    }
    let message = format!("`{}` is no name of a time zone.", quoted(text));
    context.invalid(
        node.span,
        message,
        "Write its name, such as `Europe/Berlin` or `UTC`; an offset knows no summer time.",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_cron_line_is_within_its_range() {
        let fits = |part: usize, text: &str| text.split(',').all(|choice| PARTS[part].check(choice).is_ok());
        for (part, text) in [
            (0, "*"),
            (0, "*/15"),
            (0, "0,30"),
            (1, "9-17/2"),
            (2, "31"),
            (3, "jan-MAR"),
            (4, "1-5"),
            (4, "7"),
            (4, "Sun,sat"),
        ] {
            assert!(fits(part, text), "{text}");
        }
        for (part, text) in [
            (0, "60"),
            (0, "*/0"),
            (0, "1,"),
            (1, "24"),
            (2, "0"),
            (3, "13"),
            (3, "mon"),
            (4, "8"),
            (4, "5-1"),
            (0, "a"),
            (0, "1-"),
            (0, "-1"),
        ] {
            assert!(!fits(part, text), "{text}");
        }
    }
}
