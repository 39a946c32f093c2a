//! `candor planner`, `assembler` and `worker`: one part as a service of its own.
//!
//! Every service begins alike: settings, signals, health, connections, then its own loop; and ends alike: it takes
//! nothing new, finishes or gives back what it has, and is gone within its grace.

mod assembler;
mod ground;
mod planner;
mod worker;

pub(super) use assembler::assembler;
pub(super) use planner::planner;
pub(super) use worker::worker;
