//! The worker inside an engine.

use std::path::Path;
use std::sync::Arc;

use candor_platform::config::Environment;
use candor_platform::runtime::sync::watch;
use candor_platform::runtime::{self, Running};
use candor_platform::{Broker, Clock};
use candor_worker::{Config, Service, Trouble};

use super::Settings;
use crate::deployment::Direct;
use crate::failure::{Code, Failure};

/// A running worker, and how it is told to end.
pub(super) struct Worker {
    running: Running<candor_worker::error::Result<()>>,
    phase: watch::Sender<Phase>,
    trouble: watch::Receiver<Option<Trouble>>,
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Phase {
    Serving,
    Draining,
    Stopping,
}

impl Worker {
    pub(super) fn start(
        settings: &Settings,
        direct: &Direct,
        broker: Arc<dyn Broker>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let config = Config {
            pools: settings.pools.clone(),
            concurrency: settings.concurrency as usize,
            routes: direct.routes.clone(),
            partitions: direct.partitions,
            work_dir: settings.work_dir.clone(),
            secrets: secrets(settings.environment.clone(), settings.secrets_dir.as_deref()),
            actions_dir: settings.actions_dir.clone(),
            allow_paths: settings.allow_paths.clone(),
            grace_ms: settings.grace_ms,
            ..Config::new(settings.instance, settings.environment.get("PATH").unwrap_or_default())
        };
        let service = Service::new(config, broker, Arc::clone(&direct.artifacts), clock)
            .map_err(|error| Failure::store(Code::NotStarted, format!("the worker cannot start: {error}")))?;
        let trouble = service.trouble();
        let (phase, watching) = watch::channel(Phase::Serving);
        let running =
            runtime::spawn(service.run(reached(watching.clone(), Phase::Draining), reached(watching, Phase::Stopping)));
        Ok(Self { running, phase, trouble })
    }

    /// What keeps it from carrying attempts out.
    pub(super) fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        self.trouble.clone()
    }

    /// Takes nothing new and returns when what runs has ended; with `at_once` it is ended now.
    pub(super) async fn drain(self, at_once: bool) {
        self.phase.send_replace(if at_once { Phase::Stopping } else { Phase::Draining });
        match self.running.join().await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "the worker ended badly"),
            None => tracing::error!("the worker panicked"),
        }
    }
}

/// Waits for a phase; a switch that was dropped means the last one.
async fn reached(mut watching: watch::Receiver<Phase>, phase: Phase) {
    let _ = watching.wait_for(|now| *now >= phase).await;
}

/// Secrets come from `CANDOR_SECRET_NAME`, else from a file of that name.
pub(crate) fn secrets(environment: Environment, folder: Option<&Path>) -> candor_worker::secrets::SecretLookup {
    let folder = folder.map(Path::to_path_buf);
    Arc::new(move |name: &str| {
        let variable = environment.get(&format!("CANDOR_SECRET_{name}")).map(str::to_owned);
        let file = || {
            let text = std::fs::read_to_string(folder.as_ref()?.join(name)).ok()?;
            Some(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text))
        };
        variable.or_else(file)
    })
}
