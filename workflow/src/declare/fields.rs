//! Reading maps and values with a diagnostic for everything that does not fit.

use candor_proto::message::Severity;

use crate::Mode;
use crate::diagnostic::{Code, Findings, quoted};
use crate::node::{Entry, Node, ScalarValue, Span, Spanned};
use crate::quantity;
use crate::read;

/// What declaring hands around: where diagnostics go, and what an unsupported part means.
pub(crate) struct Context<'f> {
    pub(crate) findings: &'f mut Findings,
    mode: Mode,
    /// Parts of the language that this build cannot execute, by name.
    pub(crate) unsupported: Vec<String>,
}

impl<'f> Context<'f> {
    pub(crate) const fn new(findings: &'f mut Findings, mode: Mode) -> Self {
        Self { findings, mode, unsupported: Vec::new() }
    }

    /// Says that a part cannot be executed: never silently, always by its name.
    pub(crate) fn unsupported(&mut self, part: &str, span: Span) {
        let severity = match self.mode {
            Mode::Validate => Severity::Warning,
            Mode::Execute => Severity::Error,
        };
        let message = format!("`{part}` is part of the language, but this build cannot execute it.");
        let advice = "Leave it out to run the workflow with this build.".to_owned();
        self.findings.add(Code::Unsupported, severity, span, message, advice);
        if !self.unsupported.iter().any(|known| known == part) {
            self.unsupported.push(part.to_owned());
        }
    }

    /// Whether the document is compiled to be executed.
    pub(crate) fn executes(&self) -> bool {
        self.mode == Mode::Execute
    }

    fn wrong_type(&mut self, node: &Node, what: &str, expected: &str) {
        if self.is_expression(node, what) {
            return;
        }
        let advice = match expected {
            "a map" => "Write `key: value` lines here, or `{ key: value }`.".to_owned(),
            "a list" => "Write `- value` lines here, or `[value, value]`.".to_owned(),
            "a text" => "Write one text here; several lines begin with `|`.".to_owned(),
            "true or false" => "Write `true` or `false`.".to_owned(),
            _ => format!("Write {expected} here."),
        };
        self.wrong(node, what, expected, advice);
    }

    fn wrong(&mut self, node: &Node, what: &str, expected: &str, advice: impl Into<String>) {
        let message = format!("{what} must be {expected}, not {}.", node.shown());
        self.findings.error(Code::WrongType, node.span, message, advice);
    }

    /// Says so where an expression stands and a value must be known before the job runs.
    pub(super) fn is_expression(&mut self, node: &Node, what: &str) -> bool {
        let found = node.as_text().is_some_and(|text| text.contains("${{"));
        if found {
            let message = format!("{what} cannot be an expression: it must be known before the job runs.");
            self.findings.error(Code::InvalidValue, node.span, message, "Write the value itself.");
        }
        found
    }

    pub(crate) fn invalid(&mut self, span: Span, message: impl Into<String>, advice: impl Into<String>) {
        self.findings.error(Code::InvalidValue, span, message, advice);
    }

    /// A text. Numbers and truth values count with the text they were written as.
    pub(crate) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match node.as_scalar() {
            Some(scalar) if scalar.value != ScalarValue::Null => Some(&scalar.text),
            Some(_) | None => {
                self.wrong_type(node, what, "a text");
                None
            }
        }
    }

    /// Whether it is a text and nothing that only was written as one, such as a number.
    pub(crate) fn quoted_text(&mut self, node: &Node, what: &str) -> bool {
        let found = node.as_text().is_some();
        if !found {
            self.wrong_type(node, what, "a text");
        }
        found
    }

    pub(crate) fn spanned_text(&mut self, node: &Node, what: &str) -> Option<Spanned<String>> {
        Some(Spanned { value: self.text(node, what)?.to_owned(), span: node.span })
    }

    /// One word of a fixed list.
    pub(crate) fn word(&mut self, node: &Node, what: &str, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text(node, what)?;
        if self.is_expression(node, what) {
            return None;
        }
        if let Some(word) = allowed.iter().find(|word| **word == text) {
            return Some(word);
        }
        let advice = self.findings.did_you_mean(text, allowed.iter().copied(), "");
        self.invalid(node.span, format!("{what} cannot be `{}`.", quoted(text)), advice);
        None
    }

    pub(crate) fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        match node.as_scalar().map(|scalar| &scalar.value) {
            Some(ScalarValue::Bool(truth)) => Some(*truth),
            Some(ScalarValue::Null | ScalarValue::Number(_) | ScalarValue::Text | ScalarValue::Kept) | None => {
                self.wrong_type(node, what, "true or false");
                None
            }
        }
    }

    /// Any number.
    pub(crate) fn number(&mut self, node: &Node, what: &str) -> Option<f64> {
        let found = match node.as_scalar() {
            Some(scalar) => match &scalar.value {
                ScalarValue::Number(number) => number.as_f64(),
                ScalarValue::Null | ScalarValue::Bool(_) | ScalarValue::Text | ScalarValue::Kept => None,
            },
            None => None,
        };
        if found.is_none() {
            self.wrong_type(node, what, "a number");
        }
        found
    }

    /// A number from 0 to 1.
    pub(crate) fn fraction(&mut self, node: &Node, what: &str) -> Option<f64> {
        if let Some(percent) = node.as_text().and_then(|text| text.strip_suffix('%')?.trim().parse::<f64>().ok()) {
            let advice = format!("Write it as `{}`.", percent / 100.0);
            self.wrong(node, what, "a number from 0 to 1", advice);
            return None;
        }
        let number = self.number(node, what)?;
        if (0.0..=1.0).contains(&number) {
            return Some(number);
        }
        self.invalid(node.span, format!("{what} must be from 0 to 1."), "Write 85 percent as `0.85`.");
        None
    }

    /// A whole number of at least `least`. A leading zero is dropped, and said to be.
    pub(crate) fn count(&mut self, node: &Node, what: &str, least: u64) -> Option<u64> {
        let found = match node.as_scalar() {
            Some(scalar) => match &scalar.value {
                ScalarValue::Number(number) => number.as_u64(),
                ScalarValue::Kept => {
                    let number = read::integer(&scalar.text).and_then(|number| number.as_u64());
                    if number.is_some() {
                        self.leading_zero(node.span, &scalar.text);
                    }
                    number
                }
                ScalarValue::Null | ScalarValue::Bool(_) | ScalarValue::Text => None,
            },
            None => None,
        };
        match found {
            Some(number) if number >= least => Some(number),
            Some(_) | None => {
                if !self.is_expression(node, what) {
                    let advice = match node.as_text().map(read::integer) {
                        Some(Some(_)) => "Write it without quotes.".to_owned(),
                        Some(None) | None => format!("Write a whole number of at least {least}."),
                    };
                    self.wrong(node, what, &format!("a whole number of at least {least}"), advice);
                }
                None
            }
        }
    }

    pub(crate) fn leading_zero(&mut self, span: Span, text: &str) {
        self.findings.warning(
            Code::LeadingZero,
            span,
            format!("The leading zeros of `{}` are lost, because a number stands here.", quoted(text)),
            "Write the number without them; where they matter, use the type `string`.",
        );
    }

    pub(crate) fn kept_as_text(&mut self, span: Span, text: &str) {
        self.findings.warning(
            Code::KeptAsText,
            span,
            format!("`{}` is taken as text: as a number it would lose digits.", quoted(text)),
            "Put it in quotes to say that text is meant.",
        );
    }

    /// A span of time in milliseconds.
    pub(crate) fn duration(&mut self, node: &Node, what: &str) -> Option<u64> {
        let text = self.text(node, what)?;
        if self.is_expression(node, what) {
            return None;
        }
        match quantity::duration_ms(text) {
            Ok(ms) => Some(ms),
            Err(reason) => {
                let text = quoted(text);
                let advice = match reason.as_str() {
                    "has no unit" => format!("Write the unit: `{text}s` for seconds, `{text}m` for minutes."),
                    _ => "Write it like `250ms`, `30s`, `1h30m`, `7d` or `PT90S`, without spaces.".to_owned(),
                };
                let message = format!("{what} must be a span of time, but `{text}` {reason}.");
                self.findings.error(Code::InvalidDuration, node.span, message, advice);
                None
            }
        }
    }

    /// A size in bytes.
    pub(crate) fn size(&mut self, node: &Node, what: &str) -> Option<u64> {
        let text = self.text(node, what)?;
        if self.is_expression(node, what) {
            return None;
        }
        match quantity::size_bytes(text) {
            Ok(0) => {
                let message = format!("{what} must be more than 0 bytes.");
                self.findings.error(Code::InvalidSize, node.span, message, "Write it like `512MiB` or `1GiB`.");
                None
            }
            Ok(bytes) => Some(bytes),
            Err(reason) => {
                let message = format!("{what} must be a size, but `{}` {reason}.", quoted(text));
                self.findings.error(Code::InvalidSize, node.span, message, "Write it like `512MiB` or `1GiB`.");
                None
            }
        }
    }

    pub(crate) fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        let found = node.as_list();
        if found.is_none() {
            self.wrong_type(node, what, "a list");
        }
        found
    }

    pub(crate) fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        let found = node.as_map();
        if found.is_none() {
            self.wrong_type(node, what, "a map");
        }
        found
    }

    /// A list of texts; one text alone is a list of one.
    pub(crate) fn texts(&mut self, node: &Node, what: &str) -> Vec<Spanned<String>> {
        if node.as_scalar().is_some() {
            return self.spanned_text(node, what).into_iter().collect();
        }
        let Some(items) = self.list(node, what) else { return Vec::new() };
        items
            .iter()
            .filter_map(|item| self.spanned_text(item, &format!("Each part of {}", lower_first(what))))
            .collect()
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// Keys that people write out of habit, and what they are here.
const HABITS: &[(&str, &str)] = &[
    ("jobs", "tasks"),
    ("steps", "tasks"),
    ("parameters", "inputs"),
    ("depends_on", "needs"),
    ("runs-on", "pool"),
    ("action", "uses"),
    ("script", "run"),
    ("command", "run"),
    ("parameters", "with"),
    ("params", "with"),
    ("args", "with"),
    ("loop", "for_each"),
    ("with_items", "for_each"),
    ("strategy", "matrix"),
    ("timeout-minutes", "timeout"),
    ("retries", "retry"),
    ("attempts", "max_attempts"),
    ("limit", "max_attempts"),
    ("environment", "env"),
    ("condition", "when"),
];

/// A map whose keys are known: every unknown one is reported when it is opened.
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// Opens a map. `what` begins a sentence, such as `A task`; `known` are its keys, aliases among them.
    pub(crate) fn open(context: &mut Context<'_>, node: &'n Node, what: &str, known: &[&str]) -> Option<Self> {
        let entries = context.map(node, what)?;
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.value.as_str())) {
            let key = &entry.key.value;
            let habit = HABITS.iter().find(|(habit, ours)| habit == key && known.contains(ours));
            let advice = match habit {
                Some((_, ours)) => format!("Write `{ours}`."),
                None if key == "<<" => "Merge keys are not read: write the keys out, or use `defaults`.".to_owned(),
                None => context.findings.did_you_mean(key, known.iter().copied(), "Remove it."),
            };
            let message = format!("{what} has no key `{}`.", quoted(key));
            context.findings.error(Code::UnknownKey, entry.key.span, message, advice);
        }
        Some(Self { entries })
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key.value == key)
    }

    /// The value of a key; a key without a value counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value).filter(|value| !value.is_null())
    }

    /// The value of a key under any of its names; two of them at once are an error.
    pub(crate) fn alias(&self, context: &mut Context<'_>, names: &[&str]) -> Option<&'n Entry> {
        let mut found = names.iter().filter_map(|name| self.entry(name)).filter(|entry| !entry.value.is_null());
        let first = found.next()?;
        for second in found {
            let message = format!("`{}` and `{}` say the same thing.", first.key.value, second.key.value);
            context.findings.error(
                Code::ConflictingKeys,
                second.key.span,
                message,
                format!("Keep `{}` only.", names[0]),
            );
        }
        Some(first)
    }

    pub(crate) fn missing(&self, context: &mut Context<'_>, span: Span, what: &str, key: &str, advice: &str) {
        context.findings.error(Code::MissingKey, span, format!("{what} has no `{key}`."), advice);
    }
}
