//! The broker over a real RabbitMQ: every promise of the trait, and the bad days.

mod alarm;
mod deletion;
mod faults;
mod foreign;
mod network;
mod promises;
mod publishing;
mod refusals;
mod relay;
mod stage;
mod stranger;
mod tls;
