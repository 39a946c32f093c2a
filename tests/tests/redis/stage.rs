//! What every test here stands on: a private server that can be shared with the suites, and jobs to put into it.

use std::sync::{Arc, Mutex, PoisonError};

use candor_platform::Error;
use candor_platform::runtime;
use candor_platform::store::redis::{RedisStore, Settings};
use candor_platform::store::{Append, JobLine, Store};
use candor_proto::{AttemptId, Event, JobId, JobState, Node, OwnerId, Recorded, Sha256};
use candor_tests::server::Redis;
use uuid::Uuid;

/// Runs a test on threads of its own.
pub(crate) fn on_threads<F: Future>(test: F) -> F::Output {
    runtime::start().expect("threads").block_on(test)
}

/// A server that several tasks use, and one of them stops.
#[derive(Clone)]
pub(crate) struct Server(Arc<Mutex<Redis>>);

impl Server {
    pub(crate) fn new(redis: Redis) -> Self {
        Self(Arc::new(Mutex::new(redis)))
    }

    /// One that loses nothing.
    pub(crate) fn start() -> Option<Self> {
        Redis::start().map(Self::new)
    }

    /// One with these settings.
    pub(crate) fn start_with(settings: &[&str]) -> Option<Self> {
        Redis::start_with(settings).map(Self::new)
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Redis) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// It is killed, and comes back.
    pub(crate) fn restarted(&self) {
        self.with(|redis| {
            redis.kill();
            redis.restart();
        });
    }

    /// What `redis-cli` says.
    pub(crate) fn say(&self, words: &[&str]) -> String {
        self.with(|redis| candor_tests::text(&redis.control(words).stdout).trim().to_owned())
    }

    /// The usual settings for it.
    pub(crate) fn settings(&self) -> Settings {
        Settings::new(self.with(|redis| redis.url()))
    }

    pub(crate) async fn store(&self) -> RedisStore {
        ready(self.settings()).await
    }
}

/// A store that is there.
pub(crate) async fn ready(settings: Settings) -> RedisStore {
    let store = RedisStore::connect(settings).await.expect("settings that can work");
    soon("the store", store.ready()).await.expect("a server that is fit");
    store
}

/// What a future comes to, within a time that nothing here needs.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    runtime::timeout(60_000, future).await.unwrap_or_else(|| panic!("{what}: nothing came within a minute"))
}

/// Asks until something is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let asking = async {
        while !ask().await {
            runtime::sleep(20).await;
        }
    };
    soon(what, asking).await;
}

pub(crate) fn owner(number: u128) -> OwnerId {
    OwnerId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn job(number: u128) -> JobId {
    JobId::from_uuid(Uuid::from_u128(number))
}

fn event(seq: u64) -> Recorded {
    let attempt = AttemptId::from_uuid(Uuid::from_u128(seq.into()));
    let event = Event::Released { node: Node::task(7), attempt, input_digest: Sha256::of(&seq.to_be_bytes()) };
    Recorded { seq, at: 1_000 + seq, event }
}

/// `count` events more for a job.
pub(crate) fn grow(number: u128, expected_seq: u64, count: u64) -> Append {
    let line = JobLine {
        job: job(number),
        workflow: "a workflow".to_owned(),
        state: JobState::InProgress,
        result: None,
        created_at: 1,
        ended_at: None,
        total: 3,
        succeeded: 1,
        failed: 0,
        running: 2,
    };
    let events = (expected_seq + 1..=expected_seq + count).map(event).collect();
    Append { job: job(number), expected_seq, events, line, live: true }
}

/// The length of a log whose events are all as they were written.
pub(crate) async fn length(store: &dyn Store, number: u128) -> u64 {
    let log = store.log(0, job(number), 0, usize::MAX).await.expect("a log");
    assert!(log == (1..=log.len() as u64).map(event).collect::<Vec<_>>(), "it says something else");
    log.len() as u64
}

/// A call again and again, as long as the server is away. What it came to in the end.
pub(crate) async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    mut call: impl FnMut() -> F,
) -> Result<T, Error> {
    let calling = async {
        loop {
            match call().await {
                Err(error) if error.transient() => runtime::sleep(20).await,
                come => return come,
            }
        }
    };
    soon("a call", calling).await
}
