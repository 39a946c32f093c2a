//! The values of a workflow's inputs: what was given, what the defaults say, and whether it fits.

use std::cell::Cell;

use candor_proto::message::Severity;
use candor_proto::plan::{Input, Plan};
use candor_proto::value::is_date;
use candor_proto::{FileValue, ValueType};
use serde_json::{Map, Value};

use crate::diagnostic::{Code, Findings, nearest_within, quoted};
use crate::expression::{Scope, Template};
use crate::place::Places;
use crate::quantity::{duration_ms, duration_text};
use crate::read;

/// Memory that the compiled pattern of an input may take, in bytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// Names that are compared for advice about a wrong one.
const COMPARISONS_MAX: usize = 10_000;

/// An input whose value cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputProblem {
    /// What kind of mistake; its word has a page in `docs/errors/`.
    pub code: Code,
    /// The input's name.
    pub name: String,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// The values of all inputs of a plan: those given, the defaults, and null for optional ones.
///
/// Values are canonical afterwards: durations in seconds, numbers of type `number` as doubles.
///
/// # Errors
///
/// Every value that is unknown, missing or does not fit.
pub fn resolve_inputs(
    plan: &Plan,
    given: &Map<String, Value>,
    run_date: &str,
    run_id: &str,
) -> Result<Map<String, Value>, Vec<InputProblem>> {
    let mut problems = Vec::new();
    let left = Cell::new(COMPARISONS_MAX);
    for name in given.keys().filter(|name| !plan.inputs.contains_key(*name)) {
        let advice = match nearest_within(name, plan.inputs.keys().map(String::as_str), &left) {
            Some(near) => format!("Did you mean `{near}`?"),
            None if plan.inputs.is_empty() => "This workflow has no inputs.".to_owned(),
            None => {
                let known: Vec<_> = plan.inputs.keys().take(40).map(|name| format!("`{name}`")).collect();
                format!("Its inputs are {}.", known.join(", "))
            }
        };
        let message = format!("The workflow has no input `{}`.", quoted(name));
        problems.push(InputProblem { code: Code::UnknownInput, name: name.clone(), message, advice });
    }
    let mut resolved = Map::new();
    for (name, input) in &plan.inputs {
        match value_of(name, input, given.get(name), run_date, run_id) {
            Ok(value) => {
                resolved.insert(name.clone(), value);
            }
            Err((code, message, advice)) => problems.push(InputProblem { code, name: name.clone(), message, advice }),
        }
    }
    if problems.is_empty() { Ok(resolved) } else { Err(problems) }
}

type Wrong = (Code, String, String);

fn value_of(name: &str, input: &Input, given: Option<&Value>, run_date: &str, run_id: &str) -> Result<Value, Wrong> {
    let value = match (given.filter(|value| !value.is_null()), &input.default) {
        (Some(value), _) => value.clone(),
        (None, Some(default)) => of_default(default, run_date, run_id).map_err(|reason| {
            (
                Code::InvalidInput,
                format!("The default of the input `{name}` has no value: {reason}."),
                format!("Give it: `-i {name}=…`."),
            )
        })?,
        (None, None) if input.required => {
            let message = format!("The input `{name}` ({}) is required, but it was not given.", input.kind.word());
            return Err((Code::MissingInput, message, format!("Give it: `-i {name}=…`.")));
        }
        (None, None) => return Ok(Value::Null),
    };
    let value = coerce(input.kind, value).map_err(|reason| {
        (Code::InvalidInput, format!("The input `{name}` {reason}."), advice(input.kind).to_owned())
    })?;
    if let (Some(pattern), Value::String(text)) = (&input.pattern, &value) {
        let matches = whole_pattern(pattern).is_ok_and(|regex| regex.is_match(text));
        if !matches {
            let message = format!("The input `{name}` does not match the pattern `{}`.", quoted(pattern));
            return Err((Code::InvalidInput, message, "Give a value of that form.".to_owned()));
        }
    }
    Ok(value)
}

pub(crate) fn of_default(default: &Value, run_date: &str, run_id: &str) -> Result<Value, String> {
    let mut scope = Scope::new();
    scope.set_json("run", &serde_json::json!({"date": run_date, "id": run_id}));
    let text = |text: &str| {
        let template = Template::parse(text).map_err(|error| error.message)?;
        template.evaluate(&scope).map_err(|error| error.message)
    };
    match default {
        Value::String(default) => text(default),
        Value::Array(items) => {
            items.iter().map(|item| of_default(item, run_date, run_id)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| Ok((key.clone(), of_default(value, run_date, run_id)?)));
            fields.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => Ok(plain.clone()),
    }
}

/// A pattern that a text must match as a whole.
pub(crate) fn whole_pattern(pattern: &str) -> Result<regex::Regex, String> {
    // Read alone first: `a)(b` must not become readable by the group around it.
    let build = |text: &str| regex::RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build();
    build(pattern).and_then(|_| build(&format!("^(?:{pattern})$"))).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        other => quoted(other.to_string().lines().last().unwrap_or("it is wrong").trim_start_matches("error: ")),
    })
}

/// A value in the canonical form of its type. An error says why it does not fit, as a fragment.
pub(crate) fn coerce(kind: ValueType, value: Value) -> Result<Value, String> {
    let wrong = |value: &Value| Err(format!("must be {}, not {}", article(kind), what(value)));
    match (kind, value) {
        (ValueType::Number, Value::Number(number)) => {
            // A whole number stays one of type `number`: expressions tell the two apart.
            Ok(number.as_f64().and_then(serde_json::Number::from_f64).map_or(Value::Number(number), Value::Number))
        }
        (ValueType::Duration, Value::String(text)) => match duration_ms(&text) {
            Ok(ms) => Ok(Value::String(duration_text(ms))),
            Err(reason) => Err(format!("must be a span of time, but `{}` {reason}", quoted(&text))),
        },
        (ValueType::Date, Value::String(text)) if !is_date(&text) => {
            Err(format!("must be a day, but `{}` is none", quoted(&text)))
        }
        (ValueType::Integer, Value::Number(number)) if !(number.is_i64() || number.is_u64()) => {
            Err(format!("must be a whole number, not {number}"))
        }
        (ValueType::File, value) if FileValue::from_value(&value).is_none() => wrong(&value),
        (kind, value) if kind.admits(&value) => Ok(value),
        (_, value) => wrong(&value),
    }
}

/// A value of an input from text, as after `-i name=`.
///
/// Of type file or table the text itself comes back: it names a file, which the caller puts in its place.
///
/// # Errors
///
/// A fragment that says why the text is no value of this type.
pub fn parse_input(kind: ValueType, text: &str) -> Result<Value, String> {
    let bare = text.trim();
    match kind {
        ValueType::String | ValueType::File | ValueType::Table => Ok(Value::String(text.to_owned())),
        ValueType::Date | ValueType::Duration => coerce(kind, Value::String(bare.to_owned())),
        ValueType::Boolean => match bare {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("must be `true` or `false`, not `{}`", quoted(bare))),
        },
        ValueType::Integer => {
            let number =
                read::integer(bare).ok_or_else(|| format!("must be a whole number, not `{}`", quoted(bare)))?;
            Ok(Value::Number(number))
        }
        ValueType::Number => {
            let number = read::number(bare).or_else(|| read::integer(bare));
            let number = number.ok_or_else(|| format!("must be a number, not `{}`", quoted(bare)))?;
            coerce(kind, Value::Number(number))
        }
        ValueType::List | ValueType::Map => {
            let mut findings = Findings::new();
            let node = read::read("", text, &mut findings);
            let places = crate::place::Places::new(text);
            if let Some(wrong) = findings.finish(&places).into_iter().next() {
                let reason = wrong.message.trim_end_matches('.').to_owned();
                return Err(format!("cannot be read: line {}, column {}: {reason}", wrong.line, wrong.column));
            }
            node.map_or_else(|| Err("is empty".to_owned()), |node| coerce(kind, node.to_value()))
        }
    }
}

/// How a value of a type is written, as a sentence of advice.
pub const fn advice(kind: ValueType) -> &'static str {
    match kind {
        ValueType::String => "Give a text.",
        ValueType::Integer => "Write a whole number, such as `42`.",
        ValueType::Number => "Write a number, such as `0.5`.",
        ValueType::Boolean => "Write `true` or `false`.",
        ValueType::Date => "Write it as `2024-01-31`.",
        ValueType::Duration => "Write it like `30s`, `1h30m` or `7d`.",
        ValueType::List => "Write a list, such as `[a, b]`.",
        ValueType::Map => "Write a map, such as `{a: 1}`.",
        ValueType::File => "Name a file; it is uploaded with the job.",
        ValueType::Table => "Hand over a table that another job made.",
    }
}

fn article(kind: ValueType) -> String {
    match kind {
        ValueType::String => "a text".to_owned(),
        ValueType::Integer => "a whole number".to_owned(),
        ValueType::Boolean => "true or false".to_owned(),
        ValueType::Date => "a day".to_owned(),
        ValueType::Duration => "a span of time".to_owned(),
        ValueType::Number | ValueType::List | ValueType::Map | ValueType::File | ValueType::Table => {
            format!("a {}", kind.word())
        }
    }
}

fn what(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(truth) => format!("`{truth}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text `{}`", quoted(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

/// A file of inputs: a YAML or JSON map of values by name.
///
/// # Errors
///
/// What is wrong and where, one line each.
pub fn parse_inputs(text: &str) -> Result<Map<String, Value>, String> {
    let mut findings = Findings::new();
    let root = read::read("", text, &mut findings);
    let wrong = findings.finish(&Places::new(text)).into_iter().filter(|found| found.severity == Severity::Error);
    let words: Vec<String> = wrong.map(|found| format!("{}:{}: {}", found.line, found.column, found.message)).collect();
    match root.map(|root| root.to_value()) {
        Some(Value::Object(given)) if words.is_empty() => Ok(given),
        Some(_) if words.is_empty() => Err("it is no map of inputs by name".to_owned()),
        Some(_) | None => Err(words.join("\n")),
    }
}
