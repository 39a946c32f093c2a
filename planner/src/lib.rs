//! From a request to a plan, or to a clear refusal.
//!
//! Decides what to do and never does it: deliberately knows no action's inside, no worker and no store.

pub mod error;
pub mod plan;
pub mod service;

pub use error::Error;
pub use plan::{Planned, plan};
pub use service::{Config, Counters, Parts, Planner};
