//! Looks at the server: now and then while all is well, again and again while it is not there.

use std::sync::Arc;

use uuid::Uuid;

use super::fitness::Flaw;
use super::line::Line;
use crate::runtime;

/// How often a server that serves is looked at, in milliseconds: its settings may be changed while it runs.
const LOOK_MS: u64 = 5_000;
/// First and longest pause between two looks for a server that is not there, in milliseconds.
const PAUSE_MS: (u64, u64) = (50, 1_000);

/// Watches for as long as it is not aborted.
pub(super) async fn watch(line: Arc<Line>) {
    let mut pause_ms = PAUSE_MS.0;
    let mut warned = Vec::new();
    loop {
        match line.look().await {
            Ok(found) => {
                line.outlook.up(&found.to_string());
                let flaws = found.flaws();
                if flaws != warned {
                    warn(line.what(), &flaws);
                    warned = flaws;
                }
                pause_ms = PAUSE_MS.0;
                runtime::select! {
                    () = runtime::sleep(LOOK_MS) => {}
                    () = line.outlook.suspected() => {}
                }
            }
            Err(error) => {
                line.outlook.down(error);
                // Many services look for the same server: not all at the same moment.
                let chance = u64::try_from(Uuid::new_v4().as_u128() % u128::from(pause_ms)).unwrap_or_default();
                runtime::sleep(pause_ms / 2 + chance / 2).await;
                pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
            }
        }
    }
}

fn warn(what: &str, flaws: &[Flaw]) {
    for flaw in flaws {
        match flaw {
            Flaw::Passing(reason) | Flaw::Weak(reason) => tracing::warn!("{what}: {reason}"),
            Flaw::Useless(reason) | Flaw::Risky(reason) => {
                tracing::warn!("{what} may lose what it acknowledged, and was accepted all the same: {reason}");
            }
        }
    }
}
