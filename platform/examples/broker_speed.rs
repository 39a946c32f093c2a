//! How many messages a second the embedded broker carries: `cargo run --release -p candor-platform --example broker_speed`.

#![expect(clippy::print_stdout, reason = "an example that prints a measurement")]

use std::error::Error;

use candor_platform::broker::embedded::EmbeddedBroker;
use candor_platform::broker::{Outgoing, Properties, Settled, to_queue};
use candor_platform::clock::{Clock, SystemClock};
use candor_proto::message::Knock;
use candor_proto::route::Routes;
use candor_proto::{Message, MessageId, OwnerId};
use uuid::Uuid;

/// Messages in all.
const MESSAGES: u32 = 2_000_000;
/// Messages that are published and taken at once.
const BATCH: u32 = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<(), Box<dyn Error>> {
    let broker = EmbeddedBroker::new().connect();
    let routes = Routes::default();
    broker.declare(&routes.topology(1, &[])).await?;
    let mut consumer = broker.consume(&routes.assembler(0), 1024).await?;
    let owner = OwnerId::from_uuid(Uuid::nil());
    let id = MessageId::from_uuid(Uuid::nil());
    let began = SystemClock.now();
    for batch in 0..MESSAGES / BATCH {
        let outgoing: Vec<Outgoing> = (0..BATCH)
            .map(|each| {
                let message = Message::Knock(Knock { owner, partition: batch * BATCH + each });
                to_queue(routes.assembler(0), message, Properties::fresh(id))
            })
            .collect();
        for result in broker.publish(outgoing).await {
            result?;
        }
        let mut taken = 0;
        while taken < BATCH {
            for delivery in consumer.next_batch(512, 0).await {
                taken += 1;
                if delivery.done().await == Settled::TooLate {
                    return Err("a settlement came too late".into());
                }
            }
        }
    }
    let took_ms = SystemClock.now() - began;
    println!("{MESSAGES} messages in {took_ms} ms: {} a second", u64::from(MESSAGES) * 1000 / took_ms.max(1));
    Ok(())
}
