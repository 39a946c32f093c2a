//! The parameters of an action against its schema; where an expression stands, any value may come.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Checker;
use super::expressions::{has_expressions, is_whole};
use super::site::Site;
use super::with_wording::{is_choice, meant, worded};
use crate::catalogue::ActionSpec;
use crate::diagnostic::Code;
use crate::document::{ActionDeclaration, TaskDeclaration};
use crate::expression::bare;
use crate::node::{Kind, Node, Scalar, ScalarValue, Span, Spanned};
use crate::read;

/// Errors of one task's parameters that are said.
const ERRORS_MAX: usize = 20;

/// JSON Pointers of the texts whose value only the run knows.
#[derive(Default)]
pub(super) struct Open<'a> {
    /// A whole expression with the schema of its place, where that is known: its type can be tried.
    pub(super) whole: Vec<(&'a Node, &'a Value, String)>,
    /// A whole expression: a value of any type.
    any: BTreeSet<String>,
    /// Text with expressions in it: a text, but nobody knows which.
    text: BTreeSet<String>,
    /// What is said elsewhere and better, such as a part that this build cannot execute by its name.
    pub(super) said: BTreeSet<String>,
}

impl Open<'_> {
    /// Whether an error may be due to a value that only the run knows.
    fn excuses(&self, pointer: &str, keyword: &str) -> bool {
        let below =
            |set: &BTreeSet<String>| set.iter().any(|open| open == pointer || open.starts_with(&format!("{pointer}/")));
        let own =
            |set: &BTreeSet<String>| set.iter().any(|open| open == pointer || pointer.starts_with(&format!("{open}/")));
        if own(&self.said) {
            return true;
        }
        match keyword {
            "anyOf" | "oneOf" | "not" | "const" | "enum" | "uniqueItems" | "contains" | "if" => {
                below(&self.any) || below(&self.text)
            }
            "type" => own(&self.any),
            _ => own(&self.any) || own(&self.text),
        }
    }
}

impl<'a> Checker<'a, '_> {
    /// Checks a task's parameters and gives them as JSON.
    pub(super) fn with(&mut self, index: usize, task: &'a TaskDeclaration<'a>) -> Value {
        let spec = self.spec(task);
        let site = Site::task_text(index);
        let mut script = None;
        let mut open = Open::default();
        let mut fields = Map::new();
        for entry in task.with.and_then(Node::as_map).unwrap_or_default() {
            let schema = spec.and_then(|spec| property(&spec.with, &entry.key.value));
            let pointer = format!("/{}", escaped(&entry.key.value));
            let mut value = self.value(&entry.value, schema, &pointer, &mut open);
            if let Some(schema) = schema {
                let part = format!("with.{}", entry.key.value);
                self.unsupported_part(entry.key.span, &entry.value, schema, (&part, &pointer), &mut open);
            }
            let is_script = entry.key.value == "run" && task.action.name().is_some_and(|(name, _)| name == "shell");
            if is_script && entry.value.as_text().is_some() {
                self.double_script(task, &entry.key);
                script = self.script(&entry.value, &site);
            } else if spec.is_some_and(|spec| has_rules(spec, &entry.key.value)) {
                self.rule_texts(&entry.value, &site, &mut value);
            } else {
                self.texts(&entry.value, &site);
            }
            fields.insert(entry.key.value.clone(), value);
        }
        match &task.action {
            ActionDeclaration::Run { script: node, .. } => {
                script = self.script(node, &site);
                fields.insert(
                    "run".to_owned(),
                    Value::String(node.as_scalar().map(|scalar| scalar.text.clone()).unwrap_or_default()),
                );
            }
            ActionDeclaration::Instruction { instruction, require, .. } => {
                for (key, node) in [("instruction", Some(*instruction)), ("require", *require)] {
                    let Some(node) = node else { continue };
                    self.texts(node, &site);
                    fields.insert(key.to_owned(), self.value(node, None, "", &mut open));
                }
            }
            ActionDeclaration::Uses(_) | ActionDeclaration::Workflow { .. } | ActionDeclaration::Unknown => {}
        }
        if let Some(spec) = spec {
            if let Some(with) = task.with {
                self.with_paths(with, &spec.with);
                open.said.extend(self.with_schemas(spec, with));
                self.with_columns(spec, with);
            }
            self.validate(task, spec, &Value::Object(fields.clone()), &open);
            for (node, schema, pointer) in &open.whole {
                self.sampled_type(node, schema, pointer, &site);
            }
        }
        if let Some(script) = &script {
            fields.insert("run".to_owned(), Value::String(script.text.clone()));
        }
        self.checked.scripts.push(script);
        if fields.is_empty() { Value::Null } else { Value::Object(fields) }
    }

    fn double_script(&mut self, task: &TaskDeclaration<'_>, key: &Spanned<String>) {
        if matches!(task.action, ActionDeclaration::Run { .. }) {
            let message = "The task has both `run` and `with.run`.";
            self.context.findings.error(Code::ConflictingKeys, key.span, message, "Keep one of them.");
        }
    }

    /// A node as JSON. A number that was written where a text is wanted keeps its text.
    fn value(&mut self, node: &'a Node, schema: Option<&'a Value>, pointer: &str, open: &mut Open<'a>) -> Value {
        match &node.kind {
            Kind::Scalar(scalar) => {
                if let Some(schema) = schema.filter(|_| node.as_text().is_some_and(is_whole)) {
                    open.whole.push((node, schema, pointer.to_owned()));
                }
                self.scalar(node.span, scalar, schema, pointer, open)
            }
            Kind::List(items) => {
                let below = schema.and_then(|schema| schema.get("items"));
                let values = items.iter().enumerate();
                Value::Array(
                    values.map(|(at, item)| self.value(item, below, &format!("{pointer}/{at}"), open)).collect(),
                )
            }
            Kind::Map(entries) => {
                let values = entries.iter().map(|entry| {
                    let below = schema.and_then(|schema| property(schema, &entry.key.value));
                    let pointer = format!("{pointer}/{}", escaped(&entry.key.value));
                    (entry.key.value.clone(), self.value(&entry.value, below, &pointer, open))
                });
                Value::Object(values.collect())
            }
        }
    }

    fn scalar(
        &mut self,
        span: Span,
        scalar: &Scalar,
        schema: Option<&Value>,
        pointer: &str,
        open: &mut Open<'a>,
    ) -> Value {
        let wanted = schema.and_then(|schema| schema.get("type")).and_then(Value::as_str).unwrap_or("");
        match &scalar.value {
            ScalarValue::Null => Value::Null,
            ScalarValue::Bool(_) | ScalarValue::Number(_) if wanted == "string" => Value::String(scalar.text.clone()),
            ScalarValue::Bool(truth) => Value::Bool(*truth),
            ScalarValue::Number(number) => Value::Number(number.clone()),
            ScalarValue::Kept if matches!(wanted, "integer" | "number") => match read::number(&scalar.text) {
                Some(number) => {
                    self.context.leading_zero(span, &scalar.text);
                    Value::Number(number)
                }
                None => Value::String(scalar.text.clone()),
            },
            ScalarValue::Kept => {
                if wanted != "string" {
                    self.context.kept_as_text(span, &scalar.text);
                }
                Value::String(scalar.text.clone())
            }
            ScalarValue::Text => {
                if is_whole(&scalar.text) {
                    open.any.insert(pointer.to_owned());
                } else if has_expressions(&scalar.text) {
                    open.text.insert(pointer.to_owned());
                }
                Value::String(scalar.text.clone())
            }
        }
    }

    /// Names every field and word that the schema knows and this build cannot execute (`x-unsupported`).
    fn unsupported_part(&mut self, key: Span, node: &Node, schema: &Value, named: (&str, &str), open: &mut Open<'a>) {
        let (part, pointer) = named;
        match (schema.get("x-unsupported"), node.as_text(), node.as_list()) {
            (Some(Value::Bool(true)), _, _) => {
                self.context.unsupported(part, key);
                open.said.insert(pointer.to_owned());
            }
            (Some(Value::Array(words)), Some(word), _) if words.iter().any(|known| known == word) => {
                self.context.unsupported(&format!("{part}: {word}"), node.span);
                open.said.insert(pointer.to_owned());
            }
            (_, _, Some(items)) => {
                let Some(below) = schema.get("items") else { return };
                for (at, item) in items.iter().enumerate() {
                    self.unsupported_part(item.span, item, below, (part, &format!("{pointer}/{at}")), open);
                }
            }
            (_, _, None) => {}
        }
    }

    /// Rules in the workflow itself: their expressions are over rows, and the action gets them as bare text.
    fn rule_texts(&mut self, rules: &'a Node, site: &Site, value: &mut Value) {
        if rules.as_list().is_none() {
            return self.texts(rules, site);
        }
        for rule in rules.as_list().unwrap_or_default() {
            let others = rule.as_map().unwrap_or_default().iter().filter(|entry| entry.key.value != "assert");
            others.for_each(|entry| self.texts(&entry.value, site));
        }
        for rule in value.as_array_mut().into_iter().flatten() {
            if let Some(Value::String(text)) = rule.get_mut("assert") {
                *text = bare(text).to_owned();
            }
        }
    }

    fn validate(&mut self, task: &TaskDeclaration<'_>, spec: &ActionSpec, value: &Value, open: &Open<'_>) {
        if !self.validators.contains_key(&spec.name) {
            let built = build(&spec.with).ok();
            self.validators.insert(spec.name.clone(), built);
        }
        let Some(Some(validator)) = self.validators.get(&spec.name) else { return };
        let mut found = Vec::new();
        for error in validator.iter_errors(value) {
            for error in meant(&error) {
                let pointer = error.instance_path().to_string();
                // Which fields are there is known, whatever their values turn out to be.
                if is_choice(spec, error) || !open.excuses(&pointer, error.kind().keyword()) {
                    found.extend(worded(error, spec, task));
                }
            }
            if found.len() >= ERRORS_MAX {
                break;
            }
        }
        for worded in found {
            let advice = match (&worded.wrong, worded.known.is_empty()) {
                (Some(wrong), false) => {
                    self.context.findings.did_you_mean(wrong, worded.known.iter().map(String::as_str), &worded.advice)
                }
                (Some(_) | None, _) => worded.advice,
            };
            self.context.findings.error(Code::InvalidWith, worded.span, worded.message, advice);
        }
    }
}

/// A validator that reads neither files nor the net, with regular expressions in linear time.
pub(crate) fn build(schema: &Value) -> Result<jsonschema::Validator, String> {
    jsonschema::options()
        .offline()
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(schema)
        .map_err(|error| error.to_string())
}

/// Whether a field holds rules for rows.
fn has_rules(spec: &ActionSpec, key: &str) -> bool {
    spec.name.starts_with("csv.") && key == "rules"
}

/// The schema of a field.
fn property<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    let named = schema.get("properties").and_then(|properties| properties.get(key));
    named.or_else(|| schema.get("additionalProperties")).filter(|schema| schema.is_object())
}

/// A key as a part of a JSON Pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
