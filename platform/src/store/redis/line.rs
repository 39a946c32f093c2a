//! The line to the server: a few connections, each checked when it is made and replaced when it fails or is old.
//!
//! Owns who may ask at all: while the server is not there, calls are refused at once and one watcher looks for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_redis::{Connection, Hook, HookError, Manager, Pool, PoolError, Runtime, Timeouts};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, ScriptInvocation};

use super::fitness::{Findings, Flaw};
use super::outlook::Outlook;
use super::settings::Settings;
use super::trouble::Reader;
use crate::error::{Error, Result};

/// Something to be asked.
pub(super) enum Question<'a> {
    Command(&'a Cmd),
    Script(&'a ScriptInvocation<'a>),
}

/// The line to one server.
pub(super) struct Line {
    pool: Pool,
    check: Arc<Check>,
    pub(super) outlook: Outlook,
    response_ms: u64,
}

/// What a server is checked for, and what came of it.
pub(super) struct Check {
    what: String,
    strict: bool,
    /// Whether what it acknowledges is synced.
    durable: AtomicBool,
    /// Why the last connection was refused: the pool hands on texts only.
    refused: Mutex<Option<Error>>,
    response_ms: u64,
}

impl Line {
    /// A line that is made as soon as there is something to be asked.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let address = settings.address()?;
        let (connect_ms, response_ms) = (settings.connect_ms, settings.response_ms);
        let check = Arc::new(Check {
            what: address.what.clone(),
            strict: settings.strict,
            durable: AtomicBool::new(false),
            refused: Mutex::new(None),
            response_ms,
        });
        let unfit = |reason: String| Error::Unfit { what: "the address of Redis".to_owned(), reason };
        let waits = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_millis(connect_ms)))
            .set_response_timeout(Some(Duration::from_millis(response_ms)));
        let manager = Manager::new_with_config(address.information, waits).map_err(|error| unfit(error.to_string()))?;
        let age = Duration::from_millis(settings.connection_age_ms);
        let pool =
            Pool::builder(manager)
                .max_size(settings.connections_max.max(1))
                .runtime(Runtime::Tokio1)
                .timeouts(Timeouts {
                    wait: Some(Duration::from_millis(response_ms)),
                    create: Some(Duration::from_millis(connect_ms)),
                    recycle: Some(Duration::from_millis(response_ms)),
                })
                .post_create(checked_when_made(check.clone()))
                .pre_recycle(Hook::sync_fn(move |_, metrics| {
                    if metrics.age() < age { Ok(()) } else { Err(HookError::message("it is old")) }
                }))
                .build();
        let pool = pool.map_err(|error| unfit(error.to_string()))?;
        Ok(Self { pool, check, outlook: Outlook::new(address.what), response_ms })
    }

    /// The server, as it may be shown.
    pub(super) fn what(&self) -> &str {
        &self.check.what
    }

    /// Whether what the server acknowledges is synced.
    pub(super) fn durable(&self) -> bool {
        self.check.durable.load(Ordering::Relaxed)
    }

    /// Asks, when the server is there. A connection is tried before it is used again, so a question is seldom
    /// sent into the void and its fate seldom unknown.
    pub(super) async fn ask<T: FromRedisValue>(&self, question: Question<'_>) -> Result<T> {
        self.outlook.open().await?;
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(error) => {
                self.outlook.suspect();
                return Err(error);
            }
        };
        let answered = match question {
            Question::Command(command) => command.query_async(&mut connection).await,
            Question::Script(script) => script.invoke_async(&mut connection).await,
        };
        answered.map_err(|error| {
            let trouble = self.reader().sent(&error);
            if trouble.broken {
                drop(Connection::take(connection));
                self.outlook.suspect();
            }
            if let Error::NoRoom { reason, .. } = &trouble.error {
                self.outlook.blocked(reason);
            }
            trouble.error
        })
    }

    /// Looks at the server once, whatever is thought of it.
    pub(super) async fn look(&self) -> Result<Findings> {
        let mut connection = self.connection().await?;
        let looked = self.check.run(&mut connection).await;
        if looked.is_err() {
            drop(Connection::take(connection));
        }
        looked
    }

    async fn connection(&self) -> Result<Connection> {
        let error = match self.pool.get().await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        let refused = match &error {
            PoolError::PostCreateHook(_) => self.check.refused().clone(),
            PoolError::Timeout(_) | PoolError::Backend(_) | PoolError::Closed | PoolError::NoRuntimeSpecified => None,
        };
        Err(refused.unwrap_or_else(|| self.reader().unconnected(error)))
    }

    fn reader(&self) -> Reader<'_> {
        Reader { what: &self.check.what, response_ms: self.response_ms }
    }
}

impl Check {
    async fn run(&self, connection: &mut MultiplexedConnection) -> Result<Findings> {
        let asked = Findings::ask(connection).await;
        let found = asked.map_err(|error| Reader { what: &self.what, response_ms: self.response_ms }.unmade(&error))?;
        let verdict = self.judge(&found);
        self.durable.store(found.durable(), Ordering::Relaxed);
        verdict.map(|()| found)
    }

    fn refused(&self) -> MutexGuard<'_, Option<Error>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, found: &Findings) -> Result<()> {
        let (mut passing, mut wrong) = (Vec::new(), Vec::new());
        for flaw in found.flaws() {
            match flaw {
                Flaw::Passing(reason) => passing.push(reason),
                Flaw::Useless(reason) => wrong.push(reason),
                Flaw::Risky(reason) if self.strict => wrong.push(reason),
                Flaw::Risky(_) | Flaw::Weak(_) => {}
            }
        }
        match (passing.is_empty(), wrong.is_empty()) {
            (true, true) => Ok(()),
            (false, _) => Err(Error::Unreachable { server: self.what.clone(), reason: passing.join("; ") }),
            (true, false) => Err(Error::Unfit { what: self.what.clone(), reason: wrong.join("; ") }),
        }
    }
}

/// A server may come back with other settings, or as a replica: so each new connection is checked.
fn checked_when_made(check: Arc<Check>) -> Hook {
    Hook::async_fn(move |connection, _| {
        let check = check.clone();
        Box::pin(async move {
            match check.run(connection).await {
                Ok(_) => Ok(()),
                Err(error) => {
                    let text = error.to_string();
                    *check.refused() = Some(error);
                    Err(HookError::message(text))
                }
            }
        })
    })
}
