//! One attempt at a time: actions, the process they run in, and what their end means.
//!
//! Knows an assignment and what it takes to run it. Deliberately knows no job, no other task and no store.

pub mod action;
pub mod classify;
pub mod collect;
pub mod config;
pub mod error;
pub mod executor;
pub mod laydown;
pub mod limits;
pub mod registry;
pub mod schema;
pub mod secrets;
pub mod service;
pub mod source;
pub mod supervisor;
pub mod table;
pub mod trouble;
pub mod workspace;

mod checksum;
mod disk;
mod document;

pub use config::Config;
pub use error::Error;
pub use executor::Executor;
pub use service::Service;
pub use trouble::Trouble;
