//! Reading a schema's descriptor. Every mistake in it is named at once, and no part of it is ignored in silence.

use candor_proto::{ErrorClass, TaskError};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::constraint::{Bound, Side};
use super::kind::{Digits, Form, TextFormat};
use super::{Constraints, Field, Kind, Schema};

/// Words of a schema or field that speak to people and change nothing.
const NOTES: [&str; 11] = [
    "name",
    "title",
    "description",
    "example",
    "examples",
    "rdfType",
    "$schema",
    "version",
    "homepage",
    "keywords",
    "created",
];

pub(super) fn read(value: &Value) -> Result<Schema, TaskError> {
    let mut wrong = Vec::new();
    let schema = match value.as_object() {
        Some(object) => schema(object, &mut wrong),
        None => {
            wrong.push("it is not an object".to_owned());
            None
        }
    };
    match schema {
        Some(schema) if wrong.is_empty() => Ok(schema),
        Some(_) | None => {
            let message = format!("the schema is not a Table Schema: {}", wrong.join("; "));
            Err(TaskError::new(ErrorClass::Validation, "schema", message))
        }
    }
}

fn schema(object: &Map<String, Value>, wrong: &mut Vec<String>) -> Option<Schema> {
    for (word, value) in object {
        match word.as_str() {
            "fields" | "missingValues" | "primaryKey" | "uniqueKeys" => {}
            "fieldsMatch" if value == "equal" || value == "exact" => {}
            "fieldsMatch" => wrong.push("`fieldsMatch` other than `equal` is not in this build".to_owned()),
            "foreignKeys" => wrong.push("`foreignKeys` is not in this build".to_owned()),
            note if NOTES.contains(&note) => {}
            other => wrong.push(format!("there is no `{other}` in a schema")),
        }
    }
    let Some(fields) = object.get("fields").and_then(Value::as_array).filter(|fields| !fields.is_empty()) else {
        wrong.push("`fields` must be a list with at least one field".to_owned());
        return None;
    };
    let fields: Vec<_> = fields.iter().enumerate().filter_map(|(index, value)| field(index, value, wrong)).collect();
    for (index, field) in fields.iter().enumerate() {
        if fields[..index].iter().any(|earlier| earlier.name == field.name) {
            wrong.push(format!("field `{}` is there twice", field.name));
        }
    }
    let missing =
        object.get("missingValues").map_or_else(|| vec![String::new()], |value| texts("missingValues", value, wrong));
    let mut schema = Schema { fields, missing, keys: Vec::new() };
    if let Some(key) = object.get("primaryKey") {
        let places = key_places("primaryKey", key, &schema, wrong);
        for place in &places {
            schema.fields[*place].constraints.required = true;
        }
        schema.keys.push(places);
    }
    for key in object.get("uniqueKeys").and_then(Value::as_array).into_iter().flatten() {
        let places = key_places("uniqueKeys", key, &schema, wrong);
        schema.keys.push(places);
    }
    let single = (0..schema.fields.len()).filter(|index| schema.fields[*index].constraints.unique);
    let single: Vec<_> = single.map(|index| vec![index]).collect();
    schema.keys.extend(single);
    schema.keys.retain(|key| !key.is_empty());
    Some(schema)
}

fn key_places(word: &str, value: &Value, schema: &Schema, wrong: &mut Vec<String>) -> Vec<usize> {
    let names = match value {
        Value::String(name) => vec![name.clone()],
        other => texts(word, other, wrong),
    };
    let mut places = Vec::new();
    for name in names {
        match schema.fields.iter().position(|field| field.name == name) {
            Some(place) => places.push(place),
            None => wrong.push(format!("`{word}` names `{name}`, which is no field")),
        }
    }
    places
}

fn texts(word: &str, value: &Value, wrong: &mut Vec<String>) -> Vec<String> {
    let read = Vec::<String>::deserialize(value);
    read.unwrap_or_else(|_| {
        wrong.push(format!("`{word}` must be a list of texts"));
        Vec::new()
    })
}

fn field(index: usize, value: &Value, wrong: &mut Vec<String>) -> Option<Field> {
    let name = value.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let (Some(object), Some(name)) = (value.as_object(), name) else {
        wrong.push(format!("field {} has no name", index + 1));
        return None;
    };
    let mut faults = Vec::new();
    for word in object.keys() {
        let settings =
            ["type", "format", "constraints", "decimalChar", "groupChar", "bareNumber", "trueValues", "falseValues"];
        if !settings.contains(&word.as_str()) && !NOTES.contains(&word.as_str()) {
            faults.push(format!("there is no `{word}` in a field"));
        }
    }
    let kind = kind(object, &mut faults);
    let constraints = kind.as_ref().map(|kind| constraints(object.get("constraints"), kind, &mut faults));
    wrong.extend(faults.into_iter().map(|fault| format!("field `{name}`: {fault}")));
    Some(Field { name: name.to_owned(), kind: kind?, constraints: constraints? })
}

fn text<'a>(object: &'a Map<String, Value>, word: &str, default: &'a str, faults: &mut Vec<String>) -> &'a str {
    match object.get(word) {
        None => default,
        Some(Value::String(text)) => text,
        Some(_) => {
            faults.push(format!("`{word}` must be a text"));
            default
        }
    }
}

fn kind(object: &Map<String, Value>, faults: &mut Vec<String>) -> Option<Kind> {
    let format = text(object, "format", "default", faults);
    let unformatted = |faults: &mut Vec<String>| {
        if format != "default" {
            faults.push(format!("its type has no format `{format}`"));
        }
    };
    let word = text(object, "type", "string", faults);
    let kind = match word {
        "string" => Kind::String(match format {
            "default" => TextFormat::Any,
            "email" => TextFormat::Email,
            "uri" => TextFormat::Uri,
            "uuid" => TextFormat::Uuid,
            other => {
                faults.push(format!("the format `{other}` of texts is not in this build"));
                return None;
            }
        }),
        "date" => Kind::Date(form(format, faults)),
        "datetime" => Kind::Datetime(form(format, faults)),
        "time" => Kind::Time(form(format, faults)),
        "integer" => Kind::Integer(digits(object, faults)),
        "number" => Kind::Number(digits(object, faults)),
        "boolean" => {
            let mut words = |word: &str, default: [&str; 4]| match object.get(word) {
                Some(value) => texts(word, value, faults),
                None => default.map(str::to_owned).to_vec(),
            };
            let yes = words("trueValues", ["true", "True", "TRUE", "1"]);
            Kind::Boolean { yes, no: words("falseValues", ["false", "False", "FALSE", "0"]) }
        }
        "year" => Kind::Year,
        "yearmonth" => Kind::YearMonth,
        "any" => Kind::Any,
        known @ ("object" | "array" | "list" | "duration" | "geopoint" | "geojson") => {
            faults.push(format!("the type `{known}` is not in this build; use `string` or `any`"));
            return None;
        }
        other => {
            faults.push(format!("there is no type `{other}`"));
            return None;
        }
    };
    if !matches!(kind, Kind::String(_) | Kind::Date(_) | Kind::Datetime(_) | Kind::Time(_)) {
        unformatted(faults);
    }
    Some(kind)
}

fn form(format: &str, faults: &mut Vec<String>) -> Form {
    let form = match format {
        "default" | "any" => Form::Iso,
        pattern => Form::Pattern(pattern.to_owned()),
    };
    if let Err(reason) = form.known() {
        faults.push(format!("its format `{format}` cannot be read: {reason}"));
    }
    form
}

fn digits(object: &Map<String, Value>, faults: &mut Vec<String>) -> Digits {
    let decimal = text(object, "decimalChar", ".", faults).to_owned();
    let group = text(object, "groupChar", "", faults).to_owned();
    if decimal.is_empty() || decimal == group {
        faults.push("`decimalChar` and `groupChar` must be two different signs".to_owned());
    }
    let bare = object.get("bareNumber").is_none_or(|value| value != &Value::Bool(false));
    Digits { decimal, group, bare }
}

fn constraints(value: Option<&Value>, kind: &Kind, faults: &mut Vec<String>) -> Constraints {
    let mut constraints = Constraints::default();
    let Some(value) = value else { return constraints };
    let Some(object) = value.as_object() else {
        faults.push("`constraints` must be an object".to_owned());
        return constraints;
    };
    for (word, value) in object {
        let done = match word.as_str() {
            "required" => value.as_bool().map(|required| constraints.required = required),
            "unique" => value.as_bool().map(|unique| constraints.unique = unique),
            "minLength" => value.as_u64().map(|least| constraints.min_length = Some(least)),
            "maxLength" => value.as_u64().map(|most| constraints.max_length = Some(most)),
            "pattern" => pattern(value).map(|pattern| constraints.pattern = Some(pattern)),
            "enum" => choices(kind, value).map(|choices| constraints.choices = Some(choices)),
            "minimum" => bound(Side::Minimum, kind, value).map(|bound| constraints.bounds.push(bound)),
            "maximum" => bound(Side::Maximum, kind, value).map(|bound| constraints.bounds.push(bound)),
            "exclusiveMinimum" => {
                bound(Side::ExclusiveMinimum, kind, value).map(|bound| constraints.bounds.push(bound))
            }
            "exclusiveMaximum" => {
                bound(Side::ExclusiveMaximum, kind, value).map(|bound| constraints.bounds.push(bound))
            }
            other => {
                faults.push(format!("there is no constraint `{other}`"));
                continue;
            }
        };
        if done.is_none() {
            faults.push(format!("`{word}: {value}` does not fit its type `{}`", kind.word()));
        }
    }
    if !matches!(kind, Kind::String(_) | Kind::Any)
        && (constraints.min_length.is_some() || constraints.max_length.is_some())
    {
        faults.push("only texts have a length".to_owned());
    }
    constraints
}

fn pattern(value: &Value) -> Option<Regex> {
    // A pattern speaks of the whole value, as in XML Schema.
    Regex::new(&format!("^(?:{})$", value.as_str()?)).ok()
}

fn constant(kind: &Kind, value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => kind.read(text).ok(),
        other => kind.take(other).ok(),
    }
}

fn choices(kind: &Kind, value: &Value) -> Option<Vec<Value>> {
    let choices = value.as_array().filter(|choices| !choices.is_empty())?;
    choices.iter().map(|choice| constant(kind, choice)).collect()
}

fn bound(side: Side, kind: &Kind, value: &Value) -> Option<Bound> {
    if !kind.ordered() {
        return None;
    }
    // Where values are whole numbers a limit may lie between two of them.
    let limit = match (kind, value) {
        (Kind::Integer(_), Value::Number(_)) => Some(value.clone()),
        (Kind::Date(_), Value::String(text)) => Kind::Date(Form::Iso).read(text).ok().or_else(|| constant(kind, value)),
        _ => constant(kind, value),
    };
    limit.map(|limit| Bound { side, limit })
}
