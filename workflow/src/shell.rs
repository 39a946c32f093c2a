//! Lifts expressions out of shell scripts, so that their values are never read as shell.
//!
//! `echo ${{ inputs.name }}` becomes `echo "${CANDOR_E1}"`, and the value travels in the environment. Splicing
//! the value into the script would let it run commands, and quoting does not help: `$(…)` is executed inside
//! double quotes too. What a variable expands to is never parsed again.
//!
//! A small lexer of POSIX sh (with what bash adds to quoting) finds out how each expression is quoted. Where a
//! variable would not be expanded, or would be computed with, the expression is an error with advice.
//! Deliberately knows nothing of values, and does not check the script itself.

mod brackets;
mod commands;
mod formulas;
mod heredoc;
mod lexer;
mod quotes;

#[cfg(test)]
mod execution_tests;
#[cfg(test)]
mod tests;

use crate::expression::{Place, template_places};
use lexer::{Lexer, Quoting};

/// How the variables are named; a number follows.
pub const VARIABLE_PREFIX: &str = "CANDOR_E";

/// A script without expressions, and the variables that hold their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifted {
    /// The script.
    pub script: String,
    /// Name (`CANDOR_E1` …) and template (`${{ … }}`) of each variable.
    pub variables: Vec<(String, String)>,
}

/// An expression that cannot stand where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LiftError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub advice: String,
    /// Where it begins, in bytes of the script.
    pub offset: usize,
    /// How many bytes it spans.
    pub length: usize,
}

/// Replaces each expression of a script by a variable.
///
/// # Errors
///
/// Every expression that stands where no variable can stand, and anything that leaves its quoting unclear.
pub fn lift(script: &str) -> Result<Lifted, Vec<LiftError>> {
    if !script.contains("${{") {
        return Ok(Lifted { script: script.to_owned(), variables: Vec::new() });
    }
    let places = template_places(script).map_err(|error| {
        let (offset, length) = (error.offset, error.length);
        vec![LiftError { message: error.message, advice: error.advice, offset, length }]
    })?;
    let read = Lexer::new(script, places.clone()).read();
    let mut errors = read.errors;
    if errors.is_empty() {
        errors.extend(overlooked(&places, &read.sites));
    }
    errors.extend(reserved_names(script));
    if !errors.is_empty() {
        errors.sort_by_key(|error| error.offset);
        return Err(errors);
    }
    let mut lifted = Lifted { script: String::with_capacity(script.len()), variables: Vec::new() };
    let mut at = 0;
    for (place, quoting) in read.sites {
        let template = format!("${{{{ {} }}}}", script.get(place.inner.clone()).unwrap_or_default());
        let name = lifted.variable(template);
        lifted.script.push_str(script.get(at..place.whole.start).unwrap_or_default());
        lifted.script.push_str(&match quoting {
            Quoting::Bare => format!("\"${{{name}}}\""),
            Quoting::Double => format!("${{{name}}}"),
        });
        at = place.whole.end;
    }
    lifted.script.push_str(script.get(at..).unwrap_or_default());
    Ok(lifted)
}

impl Lifted {
    /// The variable of an expression; the same text shares one.
    fn variable(&mut self, template: String) -> String {
        if let Some((name, _)) = self.variables.iter().find(|(_, known)| *known == template) {
            return name.clone();
        }
        let name = format!("{VARIABLE_PREFIX}{}", self.variables.len() + 1);
        self.variables.push((name.clone(), template));
        name
    }
}

/// An expression that stays in the script would be read by the shell, so none may: the last line of defence.
fn overlooked(places: &[Place], sites: &[(Place, Quoting)]) -> Option<LiftError> {
    let place = places
        .iter()
        .find(|place| sites.binary_search_by_key(&place.whole.start, |(site, _)| site.whole.start).is_err())?;
    Some(LiftError {
        message: "nobody can tell how the shell reads the text around this expression".to_owned(),
        advice: "Assign it to a variable on a line of its own: `value=${{ … }}`.".to_owned(),
        offset: place.whole.start,
        length: place.whole.len(),
    })
}

/// A script that uses names of ours would change the values.
fn reserved_names(script: &str) -> Option<LiftError> {
    let (offset, name) = script.match_indices(VARIABLE_PREFIX).find(|(offset, name)| {
        script.get(offset + name.len()..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })?;
    Some(LiftError {
        message: format!("variables that begin with `{name}` and a digit hold the values of expressions"),
        advice: "Use another name for the variable.".to_owned(),
        offset,
        length: name.len() + 1,
    })
}
