//! The worker as a service: next delivery, run it, report it.

mod attempt;
mod control;
mod held;
mod outputs;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use candor_platform::broker::{Properties, to_queue};
use candor_platform::runtime::sync::{Semaphore, watch};
use candor_platform::{Artifacts, Broker, Clock, Consumer, runtime};
use candor_proto::limits::HOLDING_MS;
use candor_proto::message::Holding;
use candor_proto::{Message, MessageId};
use uuid::Uuid;

use crate::action::Processes;
use crate::config::Config;
use crate::error::Result;
use crate::executor::{Executor, Tables};
use crate::limits;
use crate::registry::Registry;
use crate::secrets::Known;
use crate::source;
use crate::supervisor::{Supervisor, hide_from_own_user};
use crate::trouble::{Trouble, Troubles};
use crate::workspace::Workspace;
use control::Private;
use held::Held;

/// Pause before a consumer that ended is begun again, in milliseconds.
const AGAIN_MS: u64 = 500;

/// A worker.
pub struct Service {
    shared: Arc<Shared>,
    config: Config,
}

/// What has been counted since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Attempts given back because this worker lacks their action.
    pub unknown: AtomicU64,
    /// Copies of attempts that were dropped.
    pub repeated: AtomicU64,
    /// Deliveries that nobody can deal with.
    pub dead: AtomicU64,
}

struct Shared {
    executor: Executor,
    broker: Arc<dyn Broker>,
    held: Held,
    places: Semaphore,
    draining: watch::Sender<bool>,
    settle_after_ms: u64,
    troubles: Troubles,
    counters: Arc<Counters>,
}

impl Service {
    /// A worker that has not begun yet.
    pub fn new(
        config: Config,
        broker: Arc<dyn Broker>,
        artifacts: Arc<dyn Artifacts>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let executor = executor(&config, artifacts, clock)?;
        let shared = Shared {
            executor,
            broker,
            held: Held::new(),
            places: Semaphore::new(config.concurrency.max(1)),
            draining: watch::Sender::new(false),
            settle_after_ms: config.settle_after_ms,
            troubles: Troubles::new(),
            counters: Arc::default(),
        };
        Ok(Self { shared: Arc::new(shared), config })
    }

    /// What keeps the worker from carrying attempts out; `None` while all is well.
    pub fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        self.shared.troubles.watch()
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.shared.counters)
    }

    /// Works until `draining` ends, then takes nothing more and waits for what runs. What has not ended within the grace, or
    /// when `stopping` ends, is stopped and given back without a report. A broker that is not there yet is waited for.
    pub async fn run(self, draining: impl Future<Output = ()>, stopping: impl Future<Output = ()>) -> Result<()> {
        let Self { shared, config } = self;
        let routes = &config.routes;
        let mut draining = std::pin::pin!(draining);
        let private = Private::new(&config);
        runtime::select! {
            declared = declare(&shared, &config, &private) => declared?,
            () = &mut draining => return Ok(()),
        }

        let mut loops = vec![runtime::spawn(control::listen(Arc::clone(&shared), private))];
        loops.push(runtime::spawn(say_what_is_held(Arc::clone(&shared), config.clone())));
        let prefetch = u32::try_from(config.concurrency.max(1)).unwrap_or(u32::MAX);
        let mut pools = Vec::new();
        for pool in &config.pools {
            pools.push(runtime::spawn(consume(Arc::clone(&shared), routes.tasks(pool), prefetch)));
        }
        tracing::info!(instance = %config.instance, pools = ?config.pools, concurrency = config.concurrency, "worker ready");
        draining.await;

        shared.draining.send_replace(true);
        for pool in pools {
            pool.join().await;
        }
        let ended = runtime::select! {
            biased;
            () = shared.held.empty() => true,
            () = stopping => {
                tracing::info!("asked to stop: attempts that still run are stopped and given back");
                false
            }
            () = runtime::sleep(config.grace_ms) => {
                tracing::warn!("some attempts did not end within the grace; they are stopped and given back");
                false
            }
        };
        if !ended {
            shared.held.halt_all();
            if runtime::timeout(limits::STOP_GRACE_MS * 2, shared.held.empty()).await.is_none() {
                tracing::error!("some attempts could not be stopped");
            }
        }
        loops.iter().for_each(runtime::Running::abort);
        Ok(())
    }
}

/// Waits until the value is true; also when nobody is left who could say so.
async fn becomes_true(value: &mut watch::Receiver<bool>) {
    let _ = value.wait_for(|value| *value).await;
}

fn executor(config: &Config, artifacts: Arc<dyn Artifacts>, clock: Arc<dyn Clock>) -> Result<Executor> {
    let workspace = Workspace::open(config.work_dir.as_deref())?;
    let supervisor = Supervisor::new(config.executable.clone(), workspace.folder().to_owned())?;
    if !supervisor.separates_users() {
        hide_from_own_user()?;
    }
    let processes = Arc::new(Processes { supervisor, path: config.path.clone() });
    let mut registry = Registry::new(&processes);
    if let Some(folder) = &config.actions_dir {
        registry.add_installed(folder, &processes)?;
    }
    Ok(Executor {
        instance: config.instance.clone(),
        registry,
        processes,
        workspace,
        secrets: Arc::clone(&config.secrets),
        known: Known::default(),
        allow_paths: config.allow_paths.as_deref().map(|paths| Arc::new(source::both_ways(paths))),
        artifacts,
        tables: Tables::default(),
        clock,
    })
}

/// Takes assignments from one queue until the worker drains.
async fn consume(shared: Arc<Shared>, queue: String, prefetch: u32) {
    let mut draining = shared.draining.subscribe();
    while let Some(mut consumer) = begin(&shared, &queue, prefetch).await {
        loop {
            let delivery = runtime::select! {
                delivery = consumer.next() => delivery,
                () = becomes_true(&mut draining) => {
                    consumer.cancel().await;
                    return;
                }
            };
            let Some(delivery) = delivery else { break };
            runtime::spawn(attempt::deal(Arc::clone(&shared), delivery));
        }
        tracing::warn!(queue, "the consumer ended; beginning again");
        runtime::sleep(AGAIN_MS).await;
    }
}

/// A consumer of the queue, however long it takes; `None` when the worker drains before there is one.
async fn begin(shared: &Shared, queue: &str, prefetch: u32) -> Option<Box<dyn Consumer>> {
    while !*shared.draining.borrow() {
        match shared.broker.consume(queue, prefetch).await {
            Ok(consumer) => return Some(consumer),
            Err(error) => {
                tracing::warn!(queue, %error, "cannot consume; trying again");
                runtime::sleep(AGAIN_MS).await;
            }
        }
    }
    None
}

/// Declares everything that the worker stands on; as long as the broker is not there, again and again.
async fn declare(shared: &Shared, config: &Config, private: &Private) -> Result<()> {
    let topology = config.routes.topology(0, &config.pools);
    loop {
        let declared = match shared.broker.declare(&topology).await {
            Ok(()) => private.declare(shared).await,
            Err(error) => Err(error),
        };
        match declared {
            Ok(()) => return Ok(()),
            Err(error) if error.transient() => {
                tracing::warn!(%error, "the broker does not answer; trying again");
                runtime::sleep(AGAIN_MS).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Says every few seconds what is held, so that its leases go on.
async fn say_what_is_held(shared: Arc<Shared>, config: Config) {
    loop {
        runtime::sleep(HOLDING_MS).await;
        let now = shared.executor.clock.now();
        let messages =
            shared.held.held_for(HOLDING_MS, now, config.partitions).into_iter().map(|(partition, attempts)| {
                let holding = Holding { worker: config.instance.clone(), partition, attempts };
                let properties =
                    Properties { timestamp: Some(now), ..Properties::fresh(MessageId::from_uuid(Uuid::new_v4())) };
                to_queue(config.routes.assembler(partition), Message::Holding(holding), properties)
            });
        let messages: Vec<_> = messages.collect();
        if messages.is_empty() {
            continue;
        }
        for result in shared.broker.publish(messages).await {
            if let Err(error) = result {
                tracing::warn!(%error, "could not say what is held; the next word comes in a few seconds");
            }
        }
    }
}
