//! The functions that an expression may call, by name.
//!
//! Names are checked when the expression is parsed, so that a misspelt one is found at the desk; the types of
//! the arguments are known only when it is evaluated.

use super::ExpressionError;
use super::references::Call;

/// Functions called as `name(…)`.
const GLOBAL: [&str; 16] = [
    "always",
    "bool",
    "bytes",
    "double",
    "dyn",
    "failed",
    "has",
    "hash",
    "int",
    "matches",
    "size",
    "skipped",
    "string",
    "succeeded",
    "type",
    "uint",
];

/// Functions that begin with the name of their library.
const LIBRARY: [&str; 20] = [
    "lists.range",
    "math.abs",
    "math.bitAnd",
    "math.bitNot",
    "math.bitOr",
    "math.bitShiftLeft",
    "math.bitShiftRight",
    "math.bitXor",
    "math.ceil",
    "math.floor",
    "math.greatest",
    "math.isFinite",
    "math.isInf",
    "math.isNaN",
    "math.least",
    "math.round",
    "math.sign",
    "math.sqrt",
    "math.trunc",
    "strings.quote",
];

/// Functions called as `value.name(…)`.
const MEMBER: [&str; 28] = [
    "all",
    "charAt",
    "contains",
    "distinct",
    "endsWith",
    "exists",
    "existsOne",
    "exists_one",
    "filter",
    "flatten",
    "format",
    "indexOf",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "map",
    "matches",
    "replace",
    "reverse",
    "size",
    "slice",
    "sort",
    "sortBy",
    "split",
    "startsWith",
    "substring",
    "trim",
    "upperAscii",
];

/// Functions of CEL that are not there: days and spans of time are text here.
const TIMES: [(&str, &str); 2] = [
    ("timestamp", "A date is text, and ISO dates compare as text: `tasks.x.outputs.day < inputs.until`."),
    (
        "duration",
        "A span of time is text in seconds, such as `90s`: read it with `double(inputs.wait.replace('s', ''))` and compare numbers.",
    ),
];

/// What people write out of habit, and what it is here.
const HABITS: [(&str, &str); 28] = [
    ("len", "size(x)"),
    ("length", "size(x)"),
    ("count", "size(x)"),
    ("success", "succeeded()"),
    ("failure", "failed()"),
    ("str", "string(x)"),
    ("float", "double(x)"),
    ("number", "double(x)"),
    ("lower", "x.lowerAscii()"),
    ("toLowerCase", "x.lowerAscii()"),
    ("upper", "x.upperAscii()"),
    ("toUpperCase", "x.upperAscii()"),
    ("strip", "x.trim()"),
    ("range", "lists.range(n)"),
    ("min", "math.least(a, b)"),
    ("max", "math.greatest(a, b)"),
    ("math.min", "math.least(a, b)"),
    ("math.max", "math.greatest(a, b)"),
    ("abs", "math.abs(x)"),
    ("round", "math.round(x)"),
    ("any", "list.exists(x, …)"),
    ("some", "list.exists(x, …)"),
    ("every", "list.all(x, …)"),
    ("first", "list[0]"),
    ("sha256", "hash(value)"),
    ("concat", "a + b"),
    ("unique", "list.distinct()"),
    ("toJSON", "${{ x }}` inside other text, which writes lists and maps as JSON: `json: ${{ x }}"),
];

/// Names of types, which stand as values in `type(x) == int`.
pub(super) const TYPES: [&str; 11] =
    ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"];

/// Whether a name begins the functions of a library, as `math` in `math.abs`.
pub(super) fn is_library(name: &str) -> bool {
    matches!(name, "lists" | "math" | "strings")
}

/// Two macros of the math library stand for functions with other names.
pub(super) fn written_name(function: &str) -> &str {
    match function {
        "math.@max" | "@max" => "math.greatest",
        "math.@min" | "@min" => "math.least",
        _ => function,
    }
}

/// Checks that a called function exists, and is called in the right way.
pub(super) fn check(call: &Call) -> Result<(), ExpressionError> {
    let name = call.name.as_str();
    let known = match call.member {
        true => MEMBER.contains(&name),
        false => GLOBAL.contains(&name) || LIBRARY.contains(&name),
    };
    if known {
        return Ok(());
    }
    let habit = HABITS.iter().find(|(habit, _)| *habit == name);
    let time = TIMES.iter().find(|(function, _)| *function == name);
    let advice = if let Some((_, sentence)) = time {
        (*sentence).to_owned()
    } else if let Some((_, instead)) = habit {
        format!("Write `{instead}`.")
    } else if !call.member && MEMBER.contains(&name) {
        format!("Write it after the value: `value.{name}(…)`.")
    } else if call.member && GLOBAL.contains(&name) {
        format!("Write it before the value: `{name}(value)`.")
    } else {
        nearest(name).map_or_else(
            || "See the list of functions in the documentation.".into(),
            |near| format!("Did you mean `{near}`?"),
        )
    };
    Err(ExpressionError::new(
        "unknown_function",
        format!("there is no function `{name}`"),
        advice,
        call.offset..call.offset + call.length,
    ))
}

fn nearest(name: &str) -> Option<&'static str> {
    let all = GLOBAL.iter().chain(&LIBRARY).chain(&MEMBER);
    all.map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .filter(|(distance, known)| *distance <= 2 && distance * 3 <= known.len())
        .min()
        .map(|(_, known)| known)
}
