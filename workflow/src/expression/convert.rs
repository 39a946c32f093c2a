//! JSON to CEL values and back.
//!
//! Integers become CEL `int` (so that `count + 1` works), tables become a type of their own, and `1.0` stays
//! a double in both directions.

use std::collections::HashMap;
use std::sync::Arc;

use candor_proto::TableValue;
use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelType, CelUInt,
};
use cel::common::value::Val;
use serde_json::{Map, Number, Value};

use super::EvaluationError;
use super::special::Table;

/// How deep lists and maps may nest in a value that leaves an expression; what JSON parsers accept too.
const NESTING_MAX: usize = 128;

/// A JSON value made ready for expressions: convert once, use in many scopes; a clone shares it.
#[derive(Clone)]
pub struct Converted(Arc<dyn Val>);

impl Converted {
    /// Converts a value.
    pub fn new(value: &Value) -> Self {
        Self(Arc::from(from_json(value)))
    }

    pub(super) fn value(&self) -> &dyn Val {
        &*self.0
    }

    pub(super) fn is_null(&self) -> bool {
        self.0.downcast_ref::<CelNull>().is_some()
    }
}

impl std::fmt::Debug for Converted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match to_json(self.value()) {
            Ok(value) => write!(f, "{value}"),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}

impl From<&Value> for Converted {
    fn from(value: &Value) -> Self {
        Self::new(value)
    }
}

fn from_json(value: &Value) -> Box<dyn Val> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(truth) => Box::new(CelBool::from(*truth)),
        Value::Number(number) => from_number(number),
        Value::String(text) => Box::new(CelString::from(text.clone())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(from_json).collect::<Vec<_>>())),
        Value::Object(entries) => {
            let fields = fields(entries);
            match TableValue::from_value(value) {
                Some(table) => Box::new(Table { fields, count: i64::try_from(table.count).unwrap_or(i64::MAX) }),
                None => Box::new(fields),
            }
        }
    }
}

fn from_number(number: &Number) -> Box<dyn Val> {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(int), _, _) => Box::new(CelInt::from(int)),
        (None, Some(uint), _) => Box::new(CelUInt::from(uint)),
        (None, None, double) => Box::new(CelDouble::from(double.unwrap_or(f64::NAN))),
    }
}

fn fields(entries: &Map<String, Value>) -> CelMap<'static> {
    let entries =
        entries.iter().map(|(key, value)| (CelMapKey::String(CelString::from(key.clone())), from_json(value)));
    CelMap::from(entries.collect::<HashMap<CelMapKey<'static>, Box<dyn Val>>>())
}

/// A value as JSON.
pub(super) fn to_json(value: &dyn Val) -> Result<Value, EvaluationError> {
    nested_to_json(value, NESTING_MAX)
}

fn nested_to_json(value: &dyn Val, levels: usize) -> Result<Value, EvaluationError> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(EvaluationError::new("too_large", format!("the value nests deeper than {NESTING_MAX} levels")));
    };
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().map(|item| nested_to_json(item.as_ref(), levels)).collect();
    }
    let map = value.downcast_ref::<Table>().map(|table| &table.fields).or_else(|| value.downcast_ref::<CelMap<'_>>());
    match map {
        Some(map) => map
            .inner()
            .iter()
            .map(|(key, item)| Ok((key_text(key), nested_to_json(item.as_ref(), levels)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        None => scalar_to_json(value),
    }
}

fn scalar_to_json(value: &dyn Val) -> Result<Value, EvaluationError> {
    if value.downcast_ref::<CelNull>().is_some() {
        Ok(Value::Null)
    } else if let Some(truth) = value.downcast_ref::<CelBool>() {
        Ok(Value::Bool(*truth.inner()))
    } else if let Some(int) = value.downcast_ref::<CelInt>() {
        Ok(Value::from(*int.inner()))
    } else if let Some(uint) = value.downcast_ref::<CelUInt>() {
        Ok(Value::from(*uint.inner()))
    } else if let Some(double) = value.downcast_ref::<CelDouble>() {
        let number = Number::from_f64(*double.inner());
        number.map(Value::Number).ok_or_else(|| {
            EvaluationError::new("not_json", format!("the result is {}, which is no number in JSON", double.inner()))
        })
    } else if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        Ok(Value::String(text.inner().to_owned()))
    } else if let Some(name) = value.downcast_ref::<CelType>() {
        Ok(Value::String(name.name().to_owned()))
    } else if value.downcast_ref::<CelBytes<'_>>().is_some() {
        Err(EvaluationError::new("not_json", "bytes are no value in JSON; use `string(…)`"))
    } else {
        Err(EvaluationError::new("not_json", format!("a {} is no value in JSON", value.get_type().name())))
    }
}

fn key_text(key: &CelMapKey<'_>) -> String {
    match key {
        CelMapKey::Bool(truth) => truth.inner().to_string(),
        CelMapKey::Int(int) => int.inner().to_string(),
        CelMapKey::UInt(uint) => uint.inner().to_string(),
        CelMapKey::String(text) => text.inner().to_owned(),
    }
}
