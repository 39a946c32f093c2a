//! `candor schema`: the JSON Schema of the language, for editors.

use crate::failure::{Exit, Failure};
use crate::terminal;

/// Prints the schema.
pub(crate) fn schema() -> Result<Exit, Failure> {
    terminal::document(&candor_workflow::schema());
    Ok(Exit::Complete)
}
