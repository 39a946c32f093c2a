//! The assembler's pure core against a reference interpreter of the language, through crashes, repetitions
//! and every order of events. Nothing here waits, sleeps or opens a file.

mod acceptance;
mod budget;
mod cancel;
mod crash;
mod dice;
mod fairness;
mod honesty;
mod interpreter;
mod orders;
mod reports;
mod rerun;
mod sketch;
mod stage;
mod work;
