//! Publishes what was decided and acknowledges what it was decided from, beside the loop that decides.

use candor_platform::runtime::sync::mpsc;
use candor_platform::runtime::{self, Running};
use candor_proto::Epoch;

use super::Shared;
use super::parcel::Parcel;
use super::post::Confirmed;
use crate::error::Error;

/// Parcels on their way: one being published, one waiting.
const PARCELS_MAX: usize = 2;
/// Confirms nobody has taken yet. A parcel has at most one result, and the owner takes all results before it
/// hands over the next parcel of its own accord, so that there are never more than a few: the publisher never
/// waits for an owner that waits for it.
const CONFIRMS_MAX: usize = 64;

/// What parcels are delivered with.
pub(super) struct Desk {
    pub(super) shared: Shared,
    pub(super) partition: u32,
    pub(super) epoch: Epoch,
}

/// A task that delivers parcels, one after the other. Dropped, it stops.
pub(super) struct Publisher {
    partition: u32,
    parcels: Option<mpsc::Sender<Parcel>>,
    confirmed: mpsc::Receiver<Result<Vec<Confirmed>, Error>>,
    running: Option<Running<()>>,
}

impl Publisher {
    pub(super) fn start(desk: Desk) -> Self {
        let (parcels, incoming) = mpsc::channel(PARCELS_MAX);
        let (report, confirmed) = mpsc::channel(CONFIRMS_MAX);
        let partition = desk.partition;
        let running = Some(runtime::spawn(publish(desk, incoming, report)));
        Self { partition, parcels: Some(parcels), confirmed, running }
    }

    /// Hands a parcel over; waits while two are on their way.
    pub(super) async fn send(&mut self, parcel: Parcel) -> Result<(), Error> {
        let sent = match &self.parcels {
            Some(parcels) => parcels.send(parcel).await.is_ok(),
            None => true,
        };
        if sent { Ok(()) } else { Err(self.why_it_ended().await) }
    }

    /// What was confirmed since the last call; waits for some. `None` when it was closed and has done everything.
    pub(super) async fn confirmed(&mut self) -> Option<Result<Vec<Confirmed>, Error>> {
        match self.confirmed.recv().await {
            Some(result) => Some(result),
            None if self.is_open() => Some(Err(self.panicked())),
            None => None,
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.parcels.is_some()
    }

    /// Takes nothing more, and ends when what it has is delivered.
    pub(super) fn close(&mut self) {
        self.parcels = None;
    }

    /// Ends now. What it had is dropped when this returns.
    pub(super) async fn stop(mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            running.join().await;
        }
    }

    async fn why_it_ended(&mut self) -> Error {
        while let Some(result) = self.confirmed.recv().await {
            if let Err(error) = result {
                return error;
            }
        }
        self.panicked()
    }

    const fn panicked(&self) -> Error {
        Error::Panicked { partition: self.partition }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

/// Ends when nobody can hand anything over any more, and with the first error, which is reported last.
async fn publish(
    desk: Desk,
    mut incoming: mpsc::Receiver<Parcel>,
    report: mpsc::Sender<Result<Vec<Confirmed>, Error>>,
) {
    while let Some(parcel) = incoming.recv().await {
        let result = parcel.deliver(&desk).await;
        let over = result.is_err();
        let nothing = matches!(&result, Ok(confirmed) if confirmed.is_empty());
        if (!nothing && report.send(result).await.is_err()) || over {
            return;
        }
    }
}
