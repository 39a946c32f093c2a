//! Expressions: CEL inside `${{ }}`, through the crate `cel`.
//!
//! Owns what an expression may read and call, what it may cost, and what is said when it is wrong. An
//! expression is parsed once ([`Expression::parse`], [`Template::parse`]) and evaluated as often as needed
//! against a [`Scope`], which hands out values only for the names that the expression reads. Evaluation is
//! pure: the same expression and scope give the same value on every machine.
//!
//! Deliberately knows nothing of plans and jobs: the caller says what `tasks.x` and `inputs` are.
//!
//! ```text
//! text ─▶ lexer ─▶ precheck ─▶ cel's parser ─▶ references ─▶ lower ─▶ (kept) ─▶ evaluate(scope) ─▶ JSON
//! ```

mod columns;
mod compile;
mod convert;
mod error;
mod evaluate;
mod failure;
mod functions;
mod guards;
mod lexer;
pub mod limits;
mod lower;
mod meter;
mod precheck;
mod references;
mod scope;
mod special;
mod task_path;
mod template;
mod text_functions;
mod walk;

#[cfg(test)]
mod tests;

pub use convert::Converted;
pub use error::{EvaluationError, ExpressionError};
pub use references::{Call, Ref, References, TaskRef};
pub use scope::{Outputs, Scope, TaskScope};
pub(crate) use task_path::written_step;
pub use template::Template;
pub(crate) use template::{Place, places as template_places};

use serde_json::Value;

/// An expression without its `${{ }}`, where it has one.
pub(crate) fn bare(text: &str) -> &str {
    let trimmed = text.trim();
    trimmed.strip_prefix("${{").and_then(|inner| inner.strip_suffix("}}")).map_or(trimmed, str::trim)
}

/// One parsed expression: what stands between `${{` and `}}`.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    references: References,
    program: cel::IdedExpr,
}

impl Expression {
    /// Parses and checks an expression; all limits are checked here, before any evaluation.
    ///
    /// # Errors
    ///
    /// What is wrong, where (in bytes of `text`), and what to write instead.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let compiled = compile::compile(text)?;
        Ok(Self { text: text.to_owned(), references: compiled.references, program: compiled.program })
    }

    /// Parses the expression of a rule for rows, which may stand in `${{ }}` and reads `row` and nothing else.
    ///
    /// # Errors
    ///
    /// As of [`Expression::parse`], and where it reads any other name.
    pub fn parse_rule(text: &str) -> Result<Self, ExpressionError> {
        let expression = Self::parse(bare(text))?;
        match expression.references.beyond("row") {
            None => Ok(expression),
            Some((name, place)) => {
                let message = format!("`{name}` is not known here; only `row` is");
                let advice = "Write an expression over `row`, such as `row.price > 0.0`.";
                let place = place.offset..place.offset + place.length;
                Err(ExpressionError::new("unknown_name", message, advice, place))
            }
        }
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the expression reads and calls.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Whether the expression calls any of these functions, such as `always` and `failed` in a `when`.
    pub fn calls_any(&self, functions: &[&str]) -> bool {
        self.references.functions.iter().any(|call| functions.contains(&call.name.as_str()))
    }

    /// The value of the expression.
    ///
    /// # Errors
    ///
    /// When the values do not fit (a missing key, a clash of types, a division by zero) or a limit is reached.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        evaluate::evaluate(&self.program, &self.references, scope)
    }
}
