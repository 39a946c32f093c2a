//! The shell: takes requests, has them planned, and hands the plans to the assembler.
//!
//! A request is acknowledged only when the assembler says "recorded"; until then its plan is sent again.
//! So neither a wiped queue nor a store that lost its last writes can lose a job between the two.

mod desk;
mod files;
mod handover;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use candor_platform::runtime::sync::{OwnedSemaphorePermit, Semaphore, watch};
use candor_platform::runtime::{self, Running};
use candor_platform::{Artifacts, Broker, Clock, Consumer, Delivery};
use candor_proto::Message;
use candor_proto::route::Routes;
use candor_workflow::catalogue::Catalogue;
use uuid::Uuid;

use self::desk::Desk;
use self::handover::Handovers;
use crate::error::Error;

/// Requests that are being planned or wait for "recorded" at once.
const REQUESTS_MAX: u32 = 64;
/// How long requests under way may take when the planner drains, in milliseconds: as long as a plan waits for
/// "recorded" before it is sent again. What is not finished by then comes again.
const DRAIN_MS: u64 = 5_000;
/// First and longest pause before the planner consumes again after its consumers ended, in milliseconds.
const PAUSE_MS: (u64, u64) = (50, 5_000);

/// A planner's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name in logs and queues.
    pub instance: String,
    /// Partitions of the deployment.
    pub partitions: u32,
}

/// What a planner stands on.
#[derive(Clone)]
pub struct Parts {
    /// Queues.
    pub broker: Arc<dyn Broker>,
    /// Bodies.
    pub artifacts: Arc<dyn Artifacts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Names of queues.
    pub routes: Routes,
    /// What actions there are.
    pub catalogue: Arc<Catalogue>,
    /// Fresh random UUIDs.
    pub fresh: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

/// Counted since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests put with the dead letters.
    pub dead: AtomicU64,
    /// Requests that asked for their answer in a queue that is none of theirs.
    pub misdirected: AtomicU64,
    /// Refusals that nobody takes.
    pub unanswered: AtomicU64,
}

/// A running planner.
pub struct Planner {
    running: Running<()>,
    drain: watch::Sender<bool>,
    counters: Arc<Counters>,
}

impl Planner {
    /// Declares the planner's own queue and starts to serve requests.
    pub async fn start(config: Config, parts: Parts) -> Result<Self, Error> {
        let replies = parts.routes.replies(&config.instance);
        let counters = Arc::<Counters>::default();
        let desk = Desk { config, parts, replies, handovers: Handovers::default(), counters: Arc::clone(&counters) };
        let desk = Arc::new(desk);
        let intake = Intake::open(&desk).await?;
        let drain = watch::Sender::new(false);
        let running = runtime::spawn(run(desk, intake, drain.subscribe()));
        Ok(Self { running, drain, counters })
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Takes no further requests, finishes those under way and returns. What is not finished comes again.
    pub async fn drain(self) {
        self.drain.send_replace(true);
        self.running.join().await;
    }
}

/// Where requests, and the assembler's word about them, come in.
struct Intake {
    requests: Box<dyn Consumer>,
    recorded: Box<dyn Consumer>,
}

enum End {
    Drained,
    Closed,
}

/// Serves until drained; consumers that end are replaced, however long it takes.
async fn run(desk: Arc<Desk>, mut intake: Intake, mut drain: watch::Receiver<bool>) {
    let mut pause_ms = PAUSE_MS.0;
    loop {
        match intake.serve(&desk, &mut drain).await {
            End::Drained => return,
            End::Closed => tracing::warn!("the planner's consumers ended; beginning again"),
        }
        intake = loop {
            runtime::select! {
                () = runtime::sleep(pause_ms) => {}
                () = drained(&mut drain) => return,
            }
            match Intake::open(&desk).await {
                Ok(intake) => break intake,
                Err(error) => tracing::warn!(%error, "the planner cannot consume; trying again"),
            }
            pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
        };
        pause_ms = PAUSE_MS.0;
    }
}

impl Intake {
    async fn open(desk: &Desk) -> Result<Self, Error> {
        let Parts { broker, routes, .. } = &desk.parts;
        broker.declare_private(&routes.private(desk.replies.clone()), &[]).await?;
        let recorded = broker.consume(&desk.replies, REQUESTS_MAX).await?;
        let requests = broker.consume(&routes.jobs(), REQUESTS_MAX).await?;
        Ok(Self { requests, recorded })
    }

    /// Serves until drained or until a consumer ends. On return no request is under way: what is not finished is
    /// given back.
    async fn serve(&mut self, desk: &Arc<Desk>, drain: &mut watch::Receiver<bool>) -> End {
        let room = Arc::new(Semaphore::new(REQUESTS_MAX as usize));
        let stop = watch::Sender::new(false);
        let end = loop {
            runtime::select! {
                () = drained(drain) => break End::Drained,
                next = next(&mut *self.requests, &room) => match next {
                    Some((delivery, permit)) => begin(desk, delivery, permit, stop.subscribe()),
                    None => break End::Closed,
                },
                word = self.recorded.next() => match word {
                    Some(word) => hear(desk, word).await,
                    None => break End::Closed,
                },
            }
        };
        if matches!(end, End::Drained) {
            self.requests.cancel().await;
            self.finish(desk, &room).await;
        }
        stop.send_replace(true);
        // Fails only where the semaphore is closed, which nobody does.
        let _ = room.acquire_many(REQUESTS_MAX).await;
        end
    }

    /// Lets requests under way come to their end, as long as draining may take.
    async fn finish(&mut self, desk: &Desk, room: &Semaphore) {
        let finishing = async {
            loop {
                runtime::select! {
                    _ = room.acquire_many(REQUESTS_MAX) => return,
                    word = self.recorded.next() => match word {
                        Some(word) => hear(desk, word).await,
                        None => return,
                    },
                }
            }
        };
        if runtime::timeout(DRAIN_MS, finishing).await.is_none() {
            tracing::warn!("some requests were not recorded in time; they are given back");
        }
    }
}

/// The next request, once there is room for it.
async fn next(requests: &mut dyn Consumer, room: &Arc<Semaphore>) -> Option<(Delivery, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    Some((requests.next().await?, permit))
}

/// Deals with a request beside the others until it is done, or all are to stop.
fn begin(desk: &Arc<Desk>, delivery: Delivery, permit: OwnedSemaphorePermit, mut stop: watch::Receiver<bool>) {
    let desk = Arc::clone(desk);
    runtime::spawn(async move {
        runtime::select! {
            () = desk.answer(delivery) => {}
            () = drained(&mut stop) => {}
        }
        drop(permit);
    });
}

async fn hear(desk: &Desk, word: Delivery) {
    if let Ok(Message::Planned(planned)) = &word.message {
        desk.handovers.recorded(planned.job);
    }
    // Were it to come again, it would find nobody who waits for it.
    let _ = word.done().await;
}

/// Waits until the planner drains, or one that was dropped.
async fn drained(drain: &mut watch::Receiver<bool>) {
    let _ = drain.wait_for(|draining| *draining).await;
}
