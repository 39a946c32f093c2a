//! The store in a real Redis: the promises of every store, and what becomes of them on bad days.

mod access;
mod conformance;
mod damage;
mod durability;
mod faults;
mod fitness;
mod log;
#[path = "../../../platform/tests/store_model/model.rs"]
mod model;
mod reality;
mod rollback;
mod speed;
mod stage;
mod tls;
