//! The language as its users meet it: documents in, diagnostics, plans and pages out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is not as it should be")]

mod actions;
mod codes;
mod diagnostics;
mod forms;
mod hostile;
mod inputs;
mod plans;
mod schema;
mod stage;
