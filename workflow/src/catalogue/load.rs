//! The set of known actions: those of this build, and executables that somebody installed.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::ActionSpec;
use super::built_in::BUILT_IN;
use crate::check::build_schema;
use crate::diagnostic::{nearest_within, quoted};

/// Names that are compared in search of the nearest.
const COMPARISONS_MAX: usize = 10_000;

/// How the file of an installed action's declaration ends.
const DECLARATION_SUFFIX: &str = ".action.json";

/// Every known action by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    actions: BTreeMap<String, ActionSpec>,
}

/// A declaration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct ActionProblem {
    /// The declaration's file.
    pub file: String,
    /// What is wrong, as a fragment.
    pub message: String,
    /// What to do.
    pub advice: String,
}

impl Catalogue {
    /// The actions of this build.
    ///
    /// # Errors
    ///
    /// A declaration of this build that is broken, which its tests rule out.
    pub fn built_in() -> Result<Self, ActionProblem> {
        let mut catalogue = Self::default();
        for (file, text) in BUILT_IN {
            let spec = parse(file, text)?;
            catalogue.actions.insert(spec.name.clone(), spec);
        }
        Ok(catalogue)
    }

    /// Adds an installed executable by its declaration, `NAME.action.json` beside it.
    ///
    /// # Errors
    ///
    /// What is wrong with the declaration; the catalogue is unchanged then.
    pub fn install(&mut self, file: &str, text: &str) -> Result<(), ActionProblem> {
        let problem =
            |message: String, advice: &str| ActionProblem { file: file.to_owned(), message, advice: advice.to_owned() };
        let spec = parse(file, text)?;
        let name = file.rsplit('/').next().unwrap_or(file).strip_suffix(DECLARATION_SUFFIX);
        if name != Some(spec.name.as_str()) {
            let message = format!("the action is called `{}`, but its file is not", quoted(&spec.name));
            return Err(problem(message, &format!("Call the file `{}{DECLARATION_SUFFIX}`.", quoted(&spec.name))));
        }
        match spec.program.as_deref() {
            Some(program)
                if !program.is_empty() && !program.contains(['/', '\0']) && program != "." && program != ".." => {}
            Some(_) => {
                let message = "`program` is no name of a file beside the declaration".to_owned();
                return Err(problem(message, "Write the program's file name, without a folder."));
            }
            None => {
                let message = "the declaration names no `program`".to_owned();
                return Err(problem(message, "Add `\"program\": \"NAME\"`, the executable beside the declaration."));
            }
        }
        if self.actions.contains_key(&spec.name) {
            let message = format!("there is an action `{}` already", quoted(&spec.name));
            return Err(problem(message, "Choose another name, such as one with your own prefix: `acme.check`."));
        }
        self.actions.insert(spec.name.clone(), spec);
        Ok(())
    }

    /// An action by its name.
    pub fn get(&self, name: &str) -> Option<&ActionSpec> {
        self.actions.get(name)
    }

    /// All actions, by name.
    pub fn iter(&self) -> impl Iterator<Item = &ActionSpec> {
        self.actions.values()
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.actions.keys().map(String::as_str)
    }

    /// The known name that is nearest to a wrong one.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest_within(name, self.names(), &Cell::new(COMPARISONS_MAX))
    }
}

/// Reads a declaration and checks what its form alone does not say.
fn parse(file: &str, text: &str) -> Result<ActionSpec, ActionProblem> {
    let problem =
        |message: String, advice: &str| ActionProblem { file: file.to_owned(), message, advice: advice.to_owned() };
    let spec: ActionSpec = serde_json::from_str(text).map_err(|error| {
        problem(
            format!("this is no declaration of an action: {error}"),
            "Compare it with the form in the documentation.",
        )
    })?;
    let shaped = spec.name.starts_with(|first: char| first.is_ascii_lowercase())
        && spec.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
        && spec.name.len() <= 64;
    if !shaped {
        let message = format!("`{}` is no name of an action", quoted(&spec.name));
        return Err(problem(message, "Use lower-case letters, digits, `.`, `_` and `-`, and begin with a letter."));
    }
    build_schema(&spec.with).map_err(|reason| {
        problem(
            format!("`with` is no JSON Schema: {}", quoted(&reason)),
            "Correct the schema; `$ref` may point into itself only.",
        )
    })?;
    Ok(spec)
}
