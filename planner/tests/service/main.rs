//! The planner as a service on the embedded broker, with a scripted assembler and clients around it. Time is
//! tokio's paused one: it moves when everybody waits, so nothing here really waits.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

mod addresses;
mod drain;
mod files;
mod handing_over;
mod stage;
