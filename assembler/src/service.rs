//! The shell around the core: one loop per partition.
//!
//! Takes a batch, lets [`crate::partition`] decide, **appends** the events, **publishes** the effects,
//! **acknowledges** the inputs, in that order, always. Publishing one batch overlaps appending the next.

mod counters;
mod load;
mod owner;
mod parcel;
mod post;
mod publisher;
mod round;
mod trouble;

use std::sync::Arc;

use candor_platform::runtime::sync::watch;
use candor_platform::runtime::{self, Running};
use candor_platform::{Artifacts, Broker, Clock, Store};
use candor_proto::OwnerId;
use candor_proto::route::Routes;
use candor_workflow::catalogue::Catalogue;
use uuid::Uuid;

use crate::config::Config;
use crate::error::Error;
pub use counters::Counters;
use owner::Owner;
use trouble::Troubles;

/// What an assembler stands on.
#[derive(Clone)]
pub struct Parts {
    /// Queues.
    pub broker: Arc<dyn Broker>,
    /// Logs.
    pub store: Arc<dyn Store>,
    /// Bodies.
    pub artifacts: Arc<dyn Artifacts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Names of queues.
    pub routes: Routes,
    /// What the actions of the plans are.
    pub catalogue: Arc<Catalogue>,
    /// Fresh random UUIDs.
    pub fresh: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

/// A running assembler.
pub struct Assembler {
    partitions: Vec<Running<()>>,
    drain: watch::Sender<bool>,
    troubles: Troubles,
    counters: Arc<Counters>,
}

/// What the loops of one assembler share.
#[derive(Clone)]
struct Shared {
    owner: OwnerId,
    config: Arc<Config>,
    parts: Parts,
    troubles: Troubles,
    counters: Arc<Counters>,
}

impl Assembler {
    /// Starts one loop per partition. Queues must be declared.
    pub fn start(config: Config, parts: Parts) -> Self {
        let drain = watch::Sender::new(false);
        let owner = OwnerId::from_uuid((parts.fresh)());
        let (troubles, counters) = (Troubles::new(), Arc::<Counters>::default());
        let numbers = 0..config.partitions;
        let shared =
            Shared { owner, config: Arc::new(config), parts, troubles: troubles.clone(), counters: counters.clone() };
        let partitions =
            numbers.map(|number| runtime::spawn(Owner::new(number, shared.clone()).run(drain.subscribe()))).collect();
        Self { partitions, drain, troubles, counters }
    }

    /// What keeps a partition from its work; `None` while all is well.
    pub fn trouble(&self) -> watch::Receiver<Option<Error>> {
        self.troubles.watch()
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Stops consuming, lets what is decided be published and acknowledged, and returns when that is done.
    /// What the broker or the store do not take in time is owed by the log, or comes again.
    pub async fn drain(self) {
        self.drain.send_replace(true);
        for partition in self.partitions {
            partition.join().await;
        }
    }
}
