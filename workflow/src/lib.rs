//! The workflow language: YAML or JSON in, every diagnostic at once or a plan out.
//!
//! Pure: no file, no clock, no network. What a workflow names (files, schemas) is handed in as data.
//!
//! ```text
//! text ─read─▶ nodes with places ─declare─▶ document ─check─▶ diagnostics ─compile─▶ plan
//! ```

pub mod catalogue;
pub mod expression;
pub mod secret;
pub mod shell;
pub mod validator;

mod check;
mod compile;
mod declare;
mod diagnostic;
mod document;
mod encoding;
mod files;
mod given;
mod node;
mod place;
mod quantity;
mod read;
mod returned;
mod schema;

pub use compile::{Compiled, Facts, compile, file_fact, wanted};
pub use diagnostic::{Code, DIAGNOSTICS_MAX, Paint, render};
pub use encoding::encoding_of;
pub use files::{CONTENT_BYTES_MAX, FileFact, Files, Matcher, Wanted};
pub use given::{InputProblem, advice as input_advice, parse_input, parse_inputs, resolve_inputs};
pub use read::read_document;
pub use returned::{OutputProblem, fit_outputs};
pub use schema::schema;

/// A document to compile. One that came as an object is compiled from its JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file's name, for people.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// What compiling is for, which decides what a part that this build cannot execute means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To know what is wrong: such a part is a warning.
    Validate,
    /// To run it: such a part is an error.
    Execute,
}
