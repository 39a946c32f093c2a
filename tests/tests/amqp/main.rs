//! The broker over a real RabbitMQ: every promise of the trait, and the bad days.

mod promises;
mod stage;
