//! Where results come together: the only writer of job state.
//!
//! A pure core ([`decide`], [`partition`], [`sharing`]) says what happened and what to do about it; a thin shell
//! ([`service`]) appends, publishes and acknowledges, in that order. Deliberately knows no model, no
//! action's inside and no disk.

pub mod answer;
pub mod checks;
pub mod config;
pub mod decide;
pub mod error;
pub mod evaluate;
pub mod memo;
pub mod notice;
pub mod partition;
pub mod service;
pub mod sharing;
pub mod summary;

pub use answer::answer;
pub use config::Config;
pub use error::Error;
pub use service::Assembler;
