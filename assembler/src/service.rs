//! The shell around the core: one loop per partition.
//!
//! Takes a batch, lets [`crate::partition`] decide, **appends** the events, **publishes** the effects,
//! **acknowledges** the inputs, in that order, always. Publishing one batch overlaps appending the next.

mod counters;
mod intake;
mod load;
mod outputs;
mod owner;
mod parcel;
mod post;
mod publisher;
mod round;
mod share;
mod trouble;

use std::collections::BTreeSet;
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
use share::Share;
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
    talk: Option<Running<()>>,
    share: Arc<Share>,
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
    share: Arc<Share>,
}

impl Assembler {
    /// Starts one loop per partition. Queues must be declared.
    pub fn start(config: Config, parts: Parts) -> Self {
        let drain = watch::Sender::new(false);
        let owner = OwnerId::from_uuid((parts.fresh)());
        let (troubles, counters) = (Troubles::new(), Arc::<Counters>::default());
        let share = Arc::new(Share::new(owner, config.partitions));
        let shared = Shared {
            owner,
            config: Arc::new(config),
            parts,
            troubles: troubles.clone(),
            counters: counters.clone(),
            share: Arc::clone(&share),
        };
        let talk = shared.config.sharing.then(|| runtime::spawn(share::take_part(shared.clone(), drain.subscribe())));
        let partitions = (0..shared.config.partitions)
            .map(|number| runtime::spawn(Owner::new(number, shared.clone()).run(drain.subscribe())))
            .collect();
        Self { partitions, talk, share, drain, troubles, counters }
    }

    /// The partitions it owns, and every change of them.
    pub fn partitions_owned(&self) -> watch::Receiver<BTreeSet<u32>> {
        self.share.owned()
    }

    /// What keeps a partition from its work; `None` while all is well.
    pub fn trouble(&self) -> watch::Receiver<Option<Error>> {
        self.troubles.watch()
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Tells the other assemblers, stops consuming, lets what is decided be published and acknowledged, and returns when that is done.
    /// What the broker or the store do not take in time is owed by the log, or comes again.
    pub async fn drain(self) {
        self.drain.send_replace(true);
        for partition in self.partitions {
            partition.join().await;
        }
        if let Some(talk) = self.talk {
            talk.join().await;
        }
    }
}
