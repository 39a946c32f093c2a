//! Declared inputs: whether defaults fit their types and patterns can be read.

use candor_proto::ValueType;
use serde_json::Value;

use super::Checker;
use super::expressions::has_expressions;
use super::site::Site;
use crate::diagnostic::{Code, quoted};
use crate::document::InputDeclaration;
use crate::given;
use crate::node::{Node, ScalarValue};

/// A day and an id to try defaults with.
const SAMPLE_DATE: &str = "2024-01-31";
const SAMPLE_ID: &str = "job_0";

/// The default of an input as the plan keeps it. An error says why it does not fit, as a fragment.
pub(crate) fn default_value(kind: ValueType, node: &Node) -> Result<Value, String> {
    let Some(scalar) = node.as_scalar() else { return given::coerce(kind, node.to_value()) };
    match &scalar.value {
        ScalarValue::Text | ScalarValue::Kept if has_expressions(&scalar.text) => {
            Ok(Value::String(scalar.text.clone()))
        }
        // What was written counts: `default: 1.10` of a text is `1.10`.
        ScalarValue::Bool(_) | ScalarValue::Number(_) | ScalarValue::Text | ScalarValue::Kept => match kind {
            ValueType::String | ValueType::Date | ValueType::Duration => {
                given::coerce(kind, Value::String(scalar.text.clone()))
            }
            ValueType::Integer | ValueType::Number if scalar.value == ScalarValue::Kept => {
                given::parse_input(kind, &scalar.text)
            }
            ValueType::Integer
            | ValueType::Number
            | ValueType::Boolean
            | ValueType::List
            | ValueType::Map
            | ValueType::File
            | ValueType::Table => given::coerce(kind, scalar.to_value()),
        },
        ScalarValue::Null => Ok(Value::Null),
    }
}

impl<'a> Checker<'a, '_> {
    pub(super) fn inputs(&mut self) {
        let document = self.document;
        for input in &document.inputs {
            let pattern = self.pattern(input);
            self.pattern_of_text(input);
            if let Some(node) = input.default {
                self.default(input, node, pattern.as_ref());
            }
        }
    }

    fn pattern(&mut self, input: &InputDeclaration<'_>) -> Option<regex::Regex> {
        let pattern = input.pattern.as_ref()?;
        match given::whole_pattern(&pattern.value) {
            Ok(regex) => Some(regex),
            Err(reason) => {
                let message = format!("The pattern of `{}` cannot be read: {reason}.", quoted(&input.name.value));
                let advice =
                    "Write a regular expression such as `^[a-z]+$`; look-around and back-references are not there.";
                self.context.findings.error(Code::InvalidPattern, pattern.span, message, advice);
                None
            }
        }
    }

    /// A pattern of a number would never be looked at.
    fn pattern_of_text(&mut self, input: &InputDeclaration<'_>) {
        let (Some(pattern), Some(kind)) = (&input.pattern, input.kind) else { return };
        if !matches!(kind, ValueType::String | ValueType::Date | ValueType::Duration) {
            let message = format!("`pattern` means nothing for an input of type `{}`.", kind.word());
            self.context.findings.error(
                Code::InvalidValue,
                pattern.span,
                message,
                "Remove it, or use the type `string`.",
            );
        }
    }

    fn default(&mut self, input: &InputDeclaration<'a>, node: &'a Node, pattern: Option<&regex::Regex>) {
        if input.required {
            let message = format!("The input `{}` is required and has a default.", quoted(&input.name.value));
            self.context.findings.error(Code::ConflictingKeys, node.span, message, "Keep one of them.");
        }
        let before = self.context.findings.count();
        self.texts(node, &Site::input_default());
        let sound = self.context.findings.count() == before;
        self.kept_in_parts(node);
        let Some(kind) = input.kind else { return };
        if matches!(kind, ValueType::File | ValueType::Table) && !node.as_text().is_some_and(has_expressions) {
            let message = format!("An input of type `{}` cannot have a default.", kind.word());
            let advice = "Make it `required`, or name the file in the task that reads it.";
            self.context.findings.error(Code::InvalidValue, node.span, message, advice);
            return;
        }
        if let Some(scalar) = node.as_scalar().filter(|scalar| scalar.value == ScalarValue::Kept)
            && matches!(kind, ValueType::Integer | ValueType::Number)
            && default_value(kind, node).is_ok()
        {
            self.context.leading_zero(node.span, &scalar.text);
        }
        match default_value(kind, node) {
            Err(reason) => {
                let message = format!("The default of `{}` {reason}.", quoted(&input.name.value));
                self.context.findings.error(Code::InvalidValue, node.span, message, given::advice(kind));
            }
            Ok(Value::String(text))
                if !has_expressions(&text) && pattern.is_some_and(|pattern| !pattern.is_match(&text)) =>
            {
                let message = format!("The default of `{}` does not match its own pattern.", quoted(&input.name.value));
                self.context.findings.error(Code::InvalidValue, node.span, message, "Change one of them.");
            }
            Ok(value) if sound => self.default_of_expression(input, node, kind, &value),
            Ok(_) => {}
        }
    }

    /// A default with expressions in it, tried with a sample of the run: a text that never fits is found now.
    fn default_of_expression(&mut self, input: &InputDeclaration<'_>, node: &Node, kind: ValueType, value: &Value) {
        if !value.as_str().is_some_and(has_expressions) {
            return;
        }
        let Ok(sample) = given::of_default(value, SAMPLE_DATE, SAMPLE_ID) else { return };
        if let Err(reason) = given::coerce(kind, sample) {
            let message = format!("The default of `{}` {reason}.", quoted(&input.name.value));
            self.context.findings.error(Code::InvalidValue, node.span, message, given::advice(kind));
        }
    }

    /// Numbers inside a list or map that stay text.
    fn kept_in_parts(&mut self, node: &'a Node) {
        if node.as_scalar().is_none() {
            self.kept(node);
        }
    }
}
