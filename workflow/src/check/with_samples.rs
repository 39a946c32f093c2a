//! A whole `${{ … }}` in the parameters: whether the type of what it gives is one that its field takes.

use serde_json::Value;

use super::Checker;
use super::expressions::kind_of;
use super::sample::Alternative;
use super::site::Site;
use super::with_wording::wanted;
use crate::diagnostic::{Code, quoted};
use crate::expression::{Expression, Template};
use crate::node::Node;
use crate::place::Within;

impl<'a> Checker<'a, '_> {
    /// Compares the sampled value with the schema's types. What cannot be sampled is excused, and so is nothing at all.
    pub(super) fn sampled_type(&mut self, node: &'a Node, schema: &Value, pointer: &str, site: &Site) {
        let Some(types) = types(schema) else { return };
        let samples = self.samples_of(node, site);
        let wrong = |value: &Value| !value.is_null() && !types.iter().any(|word| fits(word, value));
        let Some(first) = samples.first().filter(|_| samples.iter().all(wrong)) else { return };
        let (place, wanted) = (quoted(&pointer.replace('/', ".")), wanted(schema));
        let wanted = if wanted.is_empty() { "a text".to_owned() } else { wanted };
        let message = format!("`with{place}` must be {wanted}, but this gives {}.", kind_of(first));
        let advice =
            format!("Give {wanted}: `string(x)` makes a text, `int(x)` and `double(x)` make numbers, `[x]` a list.");
        self.context.findings.error(Code::TypeClash, node.span, message, advice);
    }

    /// What a text that is one expression gives, once for each type that what it reads may have; nothing where that is
    /// not known.
    fn samples_of(&self, node: &'a Node, site: &Site) -> Vec<Value> {
        let text = Within::new(self.source, node).and_then(|within| Template::parse(&within.scalar.text).ok());
        let Some(template) = text else { return Vec::new() };
        let expressions: Vec<&Expression> = template.expressions().map(|(_, expression)| expression).collect();
        // Of a secret only its placeholder is known, which is a text as the secret is.
        let sampled = [Alternative::First, Alternative::Second].map(|alternative| {
            let scope = self.samples(expressions.iter().copied(), site, alternative)?;
            template.evaluate(&scope).ok()
        });
        sampled.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default()
    }
}

/// The types that a schema takes; `None` where it takes any or says it in another way.
fn types(schema: &Value) -> Option<Vec<&str>> {
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(variants) = schema.get(alternatives) {
            let found: Option<Vec<_>> = variants.as_array()?.iter().map(types).collect();
            return found.map(|found| found.into_iter().flatten().collect());
        }
    }
    match schema.get("type") {
        Some(Value::String(word)) => Some(vec![word]),
        Some(Value::Array(words)) => words.iter().map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            let options = schema.get("enum")?.as_array()?;
            options.iter().all(Value::is_string).then(|| vec!["string"])
        }
    }
}

fn fits(word: &str, value: &Value) -> bool {
    match word {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}
