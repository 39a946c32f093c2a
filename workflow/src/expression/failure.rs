//! What `cel` says when an evaluation fails, in our codes and words.
//!
//! Its own messages print whole values, which may be long; ours name types.

use cel::{ExecutionError, Value};

use super::functions::written_name;
use super::{EvaluationError, Scope};

/// Longest part of a foreign message that is passed on, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 300;

/// Names the failure.
pub(super) fn explain(error: ExecutionError, scope: &Scope) -> EvaluationError {
    use ExecutionError as E;
    let new = |code, message: String| EvaluationError::new(code, message);
    match error {
        E::UndeclaredReference(name) => undeclared(&name, scope),
        E::NoSuchKey(key) => new("no_such_key", format!("there is no key `{}`", short(&key))),
        E::DivisionByZero(_) | E::RemainderByZero(_) => new("division", "division by zero".to_owned()),
        E::Overflow(operation, _, _) => {
            new("overflow", format!("the result of `{}` is too large for a whole number", sign(operation)))
        }
        E::IndexOutOfBounds(index) => new("index", format!("the list has no item {}", index_text(&index))),
        E::UnsupportedIndex(index, target) => new(
            "type_clash",
            format!("{} cannot be indexed with {}", with_article(kind(&target)), with_article(kind(&index))),
        ),
        E::NoSuchOverload(overload) => clash(overload.function(), overload.argument_types()),
        E::UnsupportedBinaryOperator(operation, left, right) => {
            clash(sign(operation), &[kind(&left).to_owned(), kind(&right).to_owned()])
        }
        E::ValuesNotComparable(left, right) => new(
            "type_clash",
            format!("{} and {} cannot be compared", with_article(kind(&left)), with_article(kind(&right))),
        ),
        E::UnexpectedType { got, want } if want == "iterable" && got == "table" => {
            new("table_rows", super::meter::TABLE_ROWS.to_owned())
        }
        E::UnexpectedType { got, want } => {
            let want = if want == "iterable" { "list or map" } else { want.as_str() };
            new("type_clash", format!("{} stands where {} is needed", with_article(&got), with_article(want)))
        }
        E::UnsupportedKeyType(_) => {
            new("type_clash", "the keys of a map are text, whole numbers or booleans".to_owned())
        }
        E::NotSupportedAsMethod { method, target } => clash(&method, &[kind(&target).to_owned()]),
        E::UnsupportedTargetType { target } => {
            new("type_clash", format!("{} cannot be used here", with_article(kind(&target))))
        }
        E::InvalidArgumentCount { expected, actual } => {
            new("type_clash", format!("a function takes {expected} arguments and got {actual}"))
        }
        E::MissingArgumentOrTarget => new("type_clash", "a function got too few arguments".to_owned()),
        E::DuplicateKey(_) => new("duplicate_key", "a map has the same key twice".to_owned()),
        E::FunctionError { function, message } => function_failed(&function, &message),
        other => new("function", short(&other.to_string())),
    }
}

/// A name that the scope did not answer; those with `@` were made from `tasks.x.…`.
fn undeclared(name: &str, scope: &Scope) -> EvaluationError {
    let task = name.strip_prefix('@').and_then(|own| own.split_once('.')).map(|(_, id)| id);
    match task {
        Some(id) if scope.task(id).is_some() => EvaluationError {
            code: "missing_output",
            message: format!("task `{id}` has no outputs"),
            missing_task: Some(id.to_owned()),
        },
        Some(id) => EvaluationError::new("unknown_name", format!("there is no task `{id}`")),
        None => EvaluationError::new("unknown_name", format!("`{}` is not known here", short(name))),
    }
}

/// Our own functions put the code into the name.
fn function_failed(function: &str, message: &str) -> EvaluationError {
    const CODES: [&str; 7] = ["too_large", "table_rows", "pattern", "type_clash", "not_json", "index", "conversion"];
    if let Some(code) = function.strip_prefix('@').and_then(|code| CODES.iter().find(|known| **known == code)) {
        return EvaluationError::new(code, short(message));
    }
    let function = written_name(function).trim_start_matches('@');
    let code = match function {
        "int" | "uint" | "double" | "string" | "bool" | "bytes" => "conversion",
        "charAt" | "substring" | "slice" | "indexOf" | "lastIndexOf" => "index",
        "sort" | "sortBy" => "type_clash",
        _ => "function",
    };
    EvaluationError::new(code, format!("`{function}` failed: {}", short(message)))
}

fn clash(function: &str, types: &[String]) -> EvaluationError {
    match (function, types) {
        ("_._", [target, ..]) => {
            return EvaluationError::new("type_clash", format!("{} has no fields", with_article(target)));
        }
        ("_[_]", [target, index]) => {
            let message = format!("{} cannot be indexed with {}", with_article(target), with_article(index));
            return EvaluationError::new("type_clash", message);
        }
        _ => {}
    }
    let types: Vec<String> = types.iter().map(|name| with_article(name)).collect();
    let function = sign(function);
    if types.is_empty() {
        return EvaluationError::new("type_clash", format!("`{function}` is called without what it needs"));
    }
    let mut message = format!("`{function}` does not go with {}", types.join(" and "));
    let mixed = types.iter().any(|name| name == "an int") && types.iter().any(|name| name == "a double");
    if mixed {
        message.push_str("; convert one with `double(…)` or `int(…)`");
    }
    EvaluationError::new("type_clash", message)
}

/// `a list`, `an int`.
fn with_article(kind: &str) -> String {
    format!("{} {kind}", if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" })
}

/// How an operator is written.
fn sign(operation: &str) -> &str {
    match operation {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        "-_" => "-",
        "!_" => "!",
        "_?_:_" => "? :",
        "@in" => "in",
        _ => written_name(operation).trim_start_matches('@').trim_matches('_'),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Null => "null",
        _ => "value",
    }
}

fn index_text(index: &Value) -> String {
    match index {
        Value::Int(int) => int.to_string(),
        Value::UInt(uint) => uint.to_string(),
        Value::Float(double) => double.to_string(),
        _ => "of that number".to_owned(),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
