//! Trying expressions with sample values of the declared types, so that a clash is found at the desk.

use candor_proto::{TaskState, ValueType};
use serde_json::{Map, Value, json};

use super::Checker;
use super::expressions::sentence;
use super::outputs::{OutputType, TaskOutputs};
use super::site::Site;
use crate::diagnostic::Code;
use crate::document::OverDeclaration;
use crate::expression::{Converted, EvaluationError, Expression, Outputs, Scope, TaskScope};
use crate::node::Node;
use crate::place::Within;

/// What came of trying.
pub(super) enum Sampled {
    Value(Value),
    /// Nothing can be said: a value is not typed, or an index or key is missing at these values only.
    Unknown,
}

/// Which of two types an output has, and how the tasks went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alternative {
    First,
    Second,
    /// The first type, of tasks that failed: what stands behind `failed('x') &&` is tried too.
    Failed,
}

/// Failures that hold for every value of these types, not for the sample values alone.
pub(super) const TELLING: &[&str] = &["unknown_name", "type_clash", "table_rows"];

impl<'a> Checker<'a, '_> {
    /// Tries expressions with sample values; where an output is one of two types, both must fail to be wrong.
    pub(super) fn tried<'e>(
        &self,
        expressions: impl Iterator<Item = &'e Expression> + Clone,
        site: &Site,
        evaluate: impl Fn(&Scope) -> Result<Value, EvaluationError>,
    ) -> Option<Result<Value, EvaluationError>> {
        let first = evaluate(&self.samples(expressions.clone(), site, Alternative::First)?);
        match first {
            Err(error) if TELLING.contains(&error.code) => {
                match evaluate(&self.samples(expressions, site, Alternative::Second)?) {
                    Err(second) if TELLING.contains(&second.code) => Some(Err(error)),
                    second => Some(second),
                }
            }
            Ok(value) if expressions.clone().any(speaks_of_failure) => {
                match evaluate(&self.samples(expressions, site, Alternative::Failed)?) {
                    Err(error) if TELLING.contains(&error.code) => Some(Err(error)),
                    Ok(_) | Err(_) => Some(Ok(value)),
                }
            }
            first => Some(first),
        }
    }

    /// A scope with sample values for everything that these expressions read; `None` where a type is unknown.
    pub(super) fn samples<'e>(
        &self,
        expressions: impl Iterator<Item = &'e Expression>,
        site: &Site,
        alternative: Alternative,
    ) -> Option<Scope> {
        let (mut inputs, mut env) = (Map::new(), Map::new());
        let mut scope = Scope::new();
        for expression in expressions {
            let references = expression.references();
            for input in &references.inputs {
                let kind = self.inputs.get(input.name.as_str())?.kind?;
                inputs.insert(input.name.clone(), of_type(kind));
            }
            for name in &references.env {
                env.insert(name.name.clone(), json!("text"));
            }
            for task in &references.tasks {
                let index = *self.index.get(task.id.as_str())?;
                if let (Some(output), None) = (&task.output, self.document.tasks[index].fan_out.as_ref()) {
                    self.outputs[index].get(output).filter(|kind| *kind != OutputType::Unknown)?;
                }
                scope.set_task(&task.id, self.task_sample(index, alternative));
            }
            let asked = references.functions.iter().filter_map(|call| call.arguments.first().cloned().flatten());
            for index in asked.filter_map(|id| self.index.get(id.as_str())) {
                scope.set_task(&self.document.tasks[*index].id.value, self.task_sample(*index, alternative));
            }
            for name in &references.names {
                let value = match name.name.as_str() {
                    "run" => {
                        json!({"id": "job_0", "date": "2024-01-31", "confidence": {"low": 0.5, "score": 0.75, "high": 1.0, "class": "checked"}})
                    }
                    "outputs" => sample_of(&self.outputs[site.task?], alternative)?,
                    "item" => self.item_sample(site)?,
                    "matrix" => self.matrix_sample(site)?,
                    _ => return None,
                };
                scope.set_json(&name.name, &value);
            }
        }
        scope.set_json("inputs", &Value::Object(inputs));
        scope.set_json("env", &Value::Object(env));
        Some(scope)
    }

    fn task_sample(&self, index: usize, alternative: Alternative) -> TaskScope {
        let known = self.outputs[index]
            .fields
            .iter()
            .filter_map(|(name, kind)| Some((name.clone(), of_output(*kind, alternative)?)));
        let outputs = Value::Object(known.collect());
        let fans_out = self.document.tasks[index].fan_out.is_some();
        let outputs = if fans_out { json!([outputs]) } else { outputs };
        let state = if alternative == Alternative::Failed { TaskState::Failed } else { TaskState::Succeeded };
        let mut sample = TaskScope::new(state, Outputs::Present(Converted::new(&outputs)));
        sample.confidence = Some(0.75);
        // Of a task that succeeded there is none, but whoever reads it means the other case.
        let error = json!({"class": "execution", "code": "exit", "message": "exited with 1"});
        sample.items = fans_out.then(|| Converted::new(&json!([{"key": "0", "state": "failed", "error": error}])));
        sample.error = Some(Converted::new(&error));
        sample
    }

    /// The first item of a literal list, when it holds no expression.
    fn item_sample(&self, site: &Site) -> Option<Value> {
        match &self.document.tasks[site.task?].fan_out.as_ref()?.over {
            OverDeclaration::ForEach(node) => first_of(node),
            OverDeclaration::Matrix(..) => None,
        }
    }

    fn matrix_sample(&self, site: &Site) -> Option<Value> {
        match &self.document.tasks[site.task?].fan_out.as_ref()?.over {
            OverDeclaration::ForEach(_) => None,
            OverDeclaration::Matrix(_, entries) => {
                let fields: Option<Map<_, _>> =
                    entries.iter().map(|entry| Some((entry.key.value.clone(), first_of(&entry.value)?))).collect();
                fields.map(Value::Object)
            }
        }
    }

    /// Says what trying showed.
    pub(super) fn sampled(
        &mut self,
        within: &Within<'_>,
        offset: usize,
        length: usize,
        result: Option<Result<Value, EvaluationError>>,
    ) -> Sampled {
        match result {
            None => Sampled::Unknown,
            Some(Ok(value)) => Sampled::Value(value),
            Some(Err(error)) => {
                if TELLING.contains(&error.code) {
                    let code = if error.code == "table_rows" { Code::TableRows } else { Code::TypeClash };
                    let advice = "Check the types: `double(x)` and `int(x)` convert numbers, `string(x)` makes text.";
                    let span = within.span(offset, length);
                    self.context.findings.error(code, span, sentence(&error.message), advice);
                }
                Sampled::Unknown
            }
        }
    }
}

fn speaks_of_failure(expression: &Expression) -> bool {
    expression.references().functions.iter().any(|call| !call.member && call.name == "failed")
}

fn first_of(node: &Node) -> Option<Value> {
    let first = node.as_list()?.first()?.to_value();
    let text = first.to_string();
    (!text.contains("${{")).then_some(first)
}

/// Sample values of all outputs; `None` where one of them has no known type.
fn sample_of(outputs: &TaskOutputs, alternative: Alternative) -> Option<Value> {
    if outputs.any {
        return None;
    }
    let fields = outputs.fields.iter().filter_map(|(name, kind)| Some((name.clone(), of_output(*kind, alternative)?)));
    Some(Value::Object(fields.collect()))
}

fn of_output(kind: OutputType, alternative: Alternative) -> Option<Value> {
    match kind {
        OutputType::Is(kind) => Some(of_type(kind)),
        OutputType::Either(one, other) => Some(of_type(match alternative {
            Alternative::First | Alternative::Failed => one,
            Alternative::Second => other,
        })),
        OutputType::Unknown => None,
    }
}

/// A value of a type. Lists and maps are empty, because nothing is known of their parts.
fn of_type(kind: ValueType) -> Value {
    const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
    match kind {
        ValueType::String => json!("text"),
        ValueType::Integer => json!(1),
        ValueType::Number => json!(1.5),
        ValueType::Boolean => json!(true),
        ValueType::Date => json!("2024-01-31"),
        ValueType::Duration => json!("60s"),
        ValueType::List => json!([]),
        ValueType::Map => json!({}),
        ValueType::File => json!({"name": "file", "sha256": ZEROS, "bytes": 1, "media_type": "text/plain"}),
        ValueType::Table => json!({
            "name": "table", "sha256": ZEROS, "bytes": 1, "media_type": candor_proto::value::TABLE_MEDIA_TYPE,
            "count": 1, "columns": [{"name": "column", "type": "string"}],
        }),
    }
}
