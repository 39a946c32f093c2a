//! One evaluation: a context with a fresh budget, `cel`'s interpreter, and the value back as JSON.

use std::sync::Arc;

use cel::{Context, IdedExpr, Value as CelValue};
use serde_json::Value;

use super::compile::ENVIRONMENT;
use super::convert::to_json;
use super::meter::{self, Meter};
use super::{EvaluationError, References, Scope, failure, text_functions};
use crate::secret;

pub(super) fn evaluate(program: &IdedExpr, references: &References, scope: &Scope) -> Result<Value, EvaluationError> {
    let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
    let meter = Meter::new();
    meter::register(&mut context, &meter)
        .and_then(|()| text_functions::register(&mut context, &meter))
        .map_err(|error| EvaluationError::new("function", error.to_string()))?;
    context.set_variable_resolver(scope);
    let value = CelValue::resolve_val(program, &context).map_err(|error| failure::explain(error, scope))?;
    let json = to_json(value.as_ref())?;
    if references.secrets.is_empty() && holds_marker(&json) {
        return Err(EvaluationError::new(
            "secret_marker",
            format!("a value contains `{}`, which is how secrets travel; it is refused", secret::MARKER),
        ));
    }
    Ok(json)
}

/// Whether any text in the value looks like the placeholder of a secret.
fn holds_marker(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains(secret::MARKER),
        Value::Array(items) => items.iter().any(holds_marker),
        Value::Object(fields) => fields.iter().any(|(key, item)| key.contains(secret::MARKER) || holds_marker(item)),
    }
}
