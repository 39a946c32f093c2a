//! The small choices: retry, limits, confidence, budget, defaults, what a failed item means.

use candor_proto::Score;
use candor_proto::plan::{Backoff, FailPolicy, Limits, OnFail, Retry};

use super::fields::{Context, Fields};
use crate::diagnostic::{Code, quoted};
use crate::document::{ConfidenceDeclaration, Defaults, RetryDeclaration};
use crate::node::{Node, Spanned};

pub(crate) const RETRY_KEYS: &[&str] = &["max_attempts", "backoff", "delay", "max_delay", "on"];
pub(crate) const LIMITS_KEYS: &[&str] = &["memory", "cpu", "processes", "files", "output", "network"];
pub(crate) const CONFIDENCE_KEYS: &[&str] = &["min", "signals", "on_low"];
pub(crate) const BUDGET_KEYS: &[&str] = &["wall_clock", "usd", "tokens", "escalations"];
pub(crate) const DEFAULTS_KEYS: &[&str] = &["timeout", "retry", "confidence", "limits", "pool"];

/// Words of `retry.on`: classes of errors, and codes.
const RETRY_WORDS: &[&str] =
    &["execution", "model", "system", "timeout", "exit", "signal", "http_429", "http_4xx", "http_5xx"];

/// Attempts of one task; more would be a loop, not a retry.
const ATTEMPTS_MAX: u64 = 1_000;

/// Longest name of a pool, in characters: it is part of a queue's name.
const POOL_CHARS_MAX: usize = 64;

/// `default` is what `defaults` says where this one leaves something out.
pub(super) fn retry(context: &mut Context<'_>, node: &Node, default: &RetryDeclaration) -> RetryDeclaration {
    if let Some(scalar) = node.as_scalar() {
        let count = if scalar.text.parse::<u32>().is_ok() { scalar.text.as_str() } else { "3" };
        let advice = format!("Write `retry: {{ max_attempts: {count} }}`; the first attempt counts.");
        context.findings.error(Code::WrongType, node.span, "`retry` must be a map.", advice);
        return RetryDeclaration::default();
    }
    let Some(fields) = Fields::open(context, node, "`retry`", RETRY_KEYS) else { return RetryDeclaration::default() };
    let max_attempts = fields.get("max_attempts").and_then(|node| {
        let count = context.count(node, "`max_attempts`", 1)?;
        if count > ATTEMPTS_MAX {
            let message = format!("`max_attempts` must be at most {ATTEMPTS_MAX}.");
            context.invalid(node.span, message, "Retry less often and with a longer `delay`.");
        }
        u32::try_from(count.min(ATTEMPTS_MAX)).ok()
    });
    let backoff = fields.get("backoff").and_then(|node| context.word(node, "`backoff`", &["exponential", "constant"]));
    let delay_ms = fields.get("delay").and_then(|node| context.duration(node, "`delay`"));
    let first_ms = delay_ms.or(default.delay_ms).unwrap_or(Retry::default().delay_ms);
    let max_delay_ms = fields.get("max_delay").and_then(|node| {
        let ms = context.duration(node, "`max_delay`")?;
        if ms < first_ms {
            let advice = "Make it at least as long, or leave it out.";
            context.invalid(node.span, "`max_delay` is shorter than `delay`.", advice);
        }
        Some(ms)
    });
    let on = fields.get("on").map(|node| {
        let words = context.texts(node, "`on`");
        words.into_iter().filter(|word| is_retry_word(context, word)).map(|word| word.value).collect()
    });
    let backoff = backoff.map(|word| if word == "constant" { Backoff::Constant } else { Backoff::Exponential });
    RetryDeclaration { max_attempts, backoff, delay_ms, max_delay_ms, on }
}

fn is_retry_word(context: &mut Context<'_>, word: &Spanned<String>) -> bool {
    let text = word.value.as_str();
    let status = text
        .strip_prefix("http_")
        .is_some_and(|status| status.parse::<u16>().is_ok_and(|status| (100..600).contains(&status)));
    if RETRY_WORDS.contains(&text) || status {
        return true;
    }
    let (message, advice) = if text == "validation" {
        (
            "Validation errors cannot be retried: the same input fails again.".to_owned(),
            "Remove `validation`.".to_owned(),
        )
    } else {
        let advice = context.findings.did_you_mean(text, RETRY_WORDS.iter().copied(), "");
        (format!("`on` cannot be `{}`.", quoted(text)), advice)
    };
    context.invalid(word.span, message, advice);
    false
}

pub(super) fn limits(context: &mut Context<'_>, node: &Node) -> Limits {
    let Some(fields) = Fields::open(context, node, "`limits`", LIMITS_KEYS) else { return Limits::default() };
    let cpu = fields.get("cpu").and_then(|node| {
        let cpu = context.number(node, "`cpu`")?;
        if cpu <= 0.0 {
            context.invalid(
                node.span,
                "`cpu` must be more than 0.",
                "Write the number of cores, such as `1` or `0.5`.",
            );
        }
        Some(cpu)
    });
    if let Some(entry) = fields.entry("network").filter(|entry| !entry.value.is_null()) {
        if entry.value.as_list().is_some() {
            context.texts(&entry.value, "`network`");
        } else {
            context.word(&entry.value, "`network`", &["none", "all"]);
        }
        context.unsupported("limits.network", entry.key.span);
    }
    Limits {
        memory_bytes: fields.get("memory").and_then(|node| context.size(node, "`memory`")),
        cpu,
        processes: fields.get("processes").and_then(|node| context.count(node, "`processes`", 1)),
        files: fields.get("files").and_then(|node| context.count(node, "`files`", 1)),
        output_bytes: fields.get("output").and_then(|node| context.size(node, "`output`")),
    }
}

/// Parts of the language that ask a person or a model: checked for form, not executable yet.
pub(super) fn on_fail(context: &mut Context<'_>, node: &Node, key: &str, allowed: &[&'static str]) -> OnFail {
    match context.word(node, &format!("`{key}`"), allowed) {
        Some("warn") => OnFail::Warn,
        Some(word @ ("ask" | "escalate")) => {
            context.unsupported(&format!("{key}: {word}"), node.span);
            OnFail::Fail
        }
        Some(_) | None => OnFail::Fail,
    }
}

/// `default` is what `defaults` says: a task that has one of the two parts there need not write it again.
pub(super) fn confidence(
    context: &mut Context<'_>,
    node: &Node,
    default: Option<&ConfidenceDeclaration>,
) -> ConfidenceDeclaration {
    let score = |context: &mut Context<'_>, node: &Node, what: &str| {
        context.fraction(node, what).and_then(|score| Score::new(score).ok())
    };
    if node.as_scalar().is_some() {
        return ConfidenceDeclaration { min: score(context, node, "`confidence`"), on_low: None };
    }
    let Some(fields) = Fields::open(context, node, "`confidence`", CONFIDENCE_KEYS) else {
        return ConfidenceDeclaration::default();
    };
    if let Some(entry) = fields.entry("signals").filter(|entry| !entry.value.is_null()) {
        context.texts(&entry.value, "`signals`");
        context.unsupported("confidence.signals", entry.key.span);
    }
    let on_low =
        fields.get("on_low").map(|node| on_fail(context, node, "on_low", &["fail", "warn", "ask", "escalate"]));
    let min = fields.get("min");
    if min.is_none() && default.is_some_and(|default| default.min.is_none()) {
        fields.missing(context, node.span, "`confidence`", "min", "Add the least confidence, such as `min: 0.8`.");
    }
    ConfidenceDeclaration { min: min.and_then(|node| score(context, node, "`min`")), on_low }
}

pub(super) fn budget(context: &mut Context<'_>, node: &Node) -> Option<u64> {
    let fields = Fields::open(context, node, "`budget`", BUDGET_KEYS)?;
    for key in ["usd", "tokens", "escalations"] {
        let Some(entry) = fields.entry(key).filter(|entry| !entry.value.is_null()) else { continue };
        if key == "usd" {
            if context.number(&entry.value, "`usd`").is_some_and(|usd| usd < 0.0) {
                context.invalid(entry.value.span, "`usd` must not be negative.", "Write an amount such as `1.50`.");
            }
        } else {
            context.count(&entry.value, &format!("`{key}`"), 0);
        }
        context.unsupported(&format!("budget.{key}"), entry.key.span);
    }
    fields.get("wall_clock").and_then(|node| context.duration(node, "`wall_clock`"))
}

pub(super) fn defaults(context: &mut Context<'_>, node: &Node) -> Defaults {
    let Some(fields) = Fields::open(context, node, "`defaults`", DEFAULTS_KEYS) else { return Defaults::default() };
    Defaults {
        timeout_ms: fields.get("timeout").and_then(|node| timeout(context, node)),
        retry: fields.get("retry").map(|node| retry(context, node, &RetryDeclaration::default())).unwrap_or_default(),
        confidence: fields.get("confidence").map(|node| confidence(context, node, None)).unwrap_or_default(),
        limits: fields.get("limits").map(|node| limits(context, node)).unwrap_or_default(),
        pool: fields.get("pool").and_then(|node| pool(context, node)),
    }
}

pub(super) fn timeout(context: &mut Context<'_>, node: &Node) -> Option<u64> {
    let ms = context.duration(node, "`timeout`")?;
    if ms == 0 {
        let message = "`timeout` must be longer than 0.";
        context.findings.error(Code::InvalidDuration, node.span, message, "Leave it out for the default of one hour.");
        return None;
    }
    Some(ms)
}

pub(super) fn pool(context: &mut Context<'_>, node: &Node) -> Option<String> {
    let pool = context.text(node, "`pool`")?;
    let shaped = pool.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && pool.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
        && pool.len() <= POOL_CHARS_MAX;
    if shaped {
        return Some(pool.to_owned());
    }
    let message = format!("`{}` is no name of a pool.", quoted(pool));
    context.invalid(
        node.span,
        message,
        "Use lower-case letters, digits, `-` and `_`, and begin with a letter or digit.",
    );
    None
}

/// `one`, `all`, `{ tolerate: 3 }` or `{ tolerate: 5% }`.
pub(super) fn fail(context: &mut Context<'_>, node: &Node) -> FailPolicy {
    if let Some(scalar) = node.as_scalar() {
        let count = scalar.text.strip_suffix('%').unwrap_or(&scalar.text);
        if !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("`fail` cannot be `{}` alone.", quoted(&scalar.text));
            context.invalid(node.span, message, format!("Write `fail: {{ tolerate: {} }}`.", quoted(&scalar.text)));
            return FailPolicy::One;
        }
        return match context.word(node, "`fail`", &["one", "all"]) {
            Some("all") => FailPolicy::All,
            Some(_) | None => FailPolicy::One,
        };
    }
    let Some(fields) = Fields::open(context, node, "`fail`", &["tolerate"]) else { return FailPolicy::One };
    let Some(node) = fields.get("tolerate") else {
        fields.missing(
            context,
            node.span,
            "`fail`",
            "tolerate",
            "Write `fail: { tolerate: 3 }` or `fail: { tolerate: 5% }`.",
        );
        return FailPolicy::One;
    };
    if let Some(percent) = node.as_text().and_then(|text| text.strip_suffix('%')) {
        return match percent.trim().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => FailPolicy::ToleratePercent(percent),
            Ok(_) | Err(_) => {
                context.invalid(node.span, "`tolerate` must be from 0% to 100%.", "Write it like `5%`.");
                FailPolicy::One
            }
        };
    }
    let count = context.count(node, "`tolerate`", 0).unwrap_or(0);
    FailPolicy::Tolerate(u32::try_from(count).unwrap_or(u32::MAX))
}
