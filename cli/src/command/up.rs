//! `candor up`: all parts in one process; commands reach it through its socket.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candor_platform::config::{Environment, Reader};
use candor_platform::health::{self, Readiness};
use candor_platform::service::{Drain, Phase};

use crate::arguments::Up;
use crate::deployment::{self, Accepted, BODIES, STORE};
use crate::engine::{Engine, Settings};
use crate::failure::{Code, Exit, Failure};
use crate::gather;
use crate::settings::{self, cores};
use crate::terminal;

/// How long to wait for another `candor up` that is just ending, in milliseconds.
const LOCK_MS: u64 = 2_000;

/// What it was told.
struct Told {
    folder: PathBuf,
    health: Option<String>,
    engine: Settings,
}

/// Serves until it is asked to end.
pub(super) async fn up(options: &Up, environment: &Environment) -> Result<Exit, Failure> {
    let told = settings::read(options.settings.given(), environment, |reader| read(reader, environment))?;
    let Told { folder, health, mut engine } = told;
    engine.catalogue = Arc::new(gather::catalogue(engine.actions_dir.as_deref())?);
    make(&folder)?;
    let grace_ms = engine.grace_ms;
    let (switch, drain) = Drain::new();
    let listening = switch.on_signals(move |phase| ending(phase, grace_ms));
    let _listening =
        listening.map_err(|error| Failure::store(Code::NotStarted, format!("could not listen to signals: {error}")))?;
    let engine = Engine::start(engine).await?;
    let _socket = deployment::serve(&folder, engine.deployment().clone())?;
    let readiness = readiness(&engine);
    let _health = match &health {
        Some(address) => Some(health::serve(address, readiness).await?),
        None => None,
    };
    terminal::line(&format!("candor is up in {}; `candor submit WORKFLOW` hands work in", folder.display()));
    drain.draining().await;
    let _ = drain.or_stopping(engine.drain(false)).await;
    Ok(Exit::Complete)
}

fn read(reader: &mut Reader<'_>, environment: &Environment) -> Option<Told> {
    let folder = reader.path(&settings::DATA_DIR).unwrap_or_else(|| settings::data_dir(environment));
    let (health, partitions) = (reader.text(&settings::HEALTH_ADDR), reader.number(&settings::PARTITIONS));
    let (grace_ms, pools) = (reader.millis(&settings::GRACE), reader.list(&settings::POOL));
    let (concurrency, allowed) = (reader.number(&settings::CONCURRENCY), reader.list(&settings::ALLOW_PATH));
    let (work_dir, secrets_dir) = (reader.path(&settings::WORK_DIR), reader.path(&settings::SECRETS_DIR));
    let actions_dir = reader.path(&settings::ACTIONS_DIR);
    let engine = Settings {
        instance: "up",
        store: folder.join(STORE),
        wait_ms: LOCK_MS,
        partitions: partitions?,
        artifacts: folder.join(BODIES),
        work_dir,
        secrets_dir,
        actions_dir,
        allow_paths: Some(allowed.unwrap_or_default().into_iter().map(PathBuf::from).collect()),
        accepted: Accepted::Recorded,
        pools: pools?,
        concurrency: concurrency.unwrap_or_else(cores),
        grace_ms: grace_ms?,
        environment: environment.clone(),
        catalogue: Arc::default(),
    };
    Some(Told { folder, health, engine })
}

/// Only the owner may look into the folder: whoever can reach the socket can have programs run.
fn make(folder: &Path) -> Result<(), Failure> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Failure::disk("could not create", folder, &error))
}

/// It is ready when nothing keeps its assembler from its work.
fn readiness(engine: &Engine) -> impl Fn() -> Readiness + Send + Sync + 'static {
    let trouble = engine.trouble();
    move || Readiness::of(trouble.borrow().as_ref().map(ToString::to_string))
}

/// Says to a person what their signal does.
pub(super) fn ending(phase: Phase, grace_ms: u64) {
    match phase {
        Phase::Running => {}
        Phase::Draining => terminal::line(&format!(
            "asked to end: what runs may end within {} s, nothing new starts; ask again to end now",
            grace_ms / 1_000
        )),
        Phase::Stopping => terminal::line("asked again: ending now"),
    }
}
