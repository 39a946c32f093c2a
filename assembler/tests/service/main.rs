//! The assembler's shell on the embedded broker and a store in memory, with a scripted planner, worker and
//! client around it. Time is tokio's paused one: it moves when everybody waits, so nothing here really waits.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

mod crash;
mod delivery;
mod diary;
mod directives;
mod line;
mod load;
mod order;
mod outputs;
mod publish_errors;
mod sharing;
mod stage;
mod store_errors;
mod takeover;
mod timers;
mod weather;
mod work;
