//! What every service stands on: broker, store, artifacts, clock and runtime behind small traits.
//!
//! Knows messages and events as values to move and keep. Deliberately does not know how a request
//! becomes a plan, what an action does, or when a task may run.

#![warn(missing_docs)]

pub mod artifacts;
pub mod broker;
pub mod clock;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod health;
pub mod link;
pub mod runtime;
pub mod server_url;
pub mod service;
pub mod store;
pub mod telemetry;
mod tls;

pub use artifacts::Artifacts;
pub use broker::{Broker, Consumer, Delivery};
pub use clock::{Clock, SystemClock};
pub use error::Error;
pub use link::Link;
pub use server_url::ServerUrl;
pub use store::Store;
