//! Keeps one connection alive: makes it, watches it, and makes the next one, for as long as the broker is wanted.
//!
//! The library's own recovery is not used: after it, consumers can hang for ever.

use std::sync::Arc;

use candor_proto::Millis;
use futures_util::{Stream, StreamExt};
use lapin::Event;

use super::board::Board;
use super::dial::Dial;
use super::limits::{BACKOFF_MS, LOOK_MS, WELL_MS};
use super::session::{Session, Side, State, closed_error};
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::link::Link;
use crate::runtime::sync::watch;
use crate::runtime::{self, Dedicated};

/// Who looks after one connection.
pub(super) struct Supervisor {
    pub(super) side: Side,
    pub(super) dial: Arc<Dial>,
    pub(super) board: Arc<Board>,
    pub(super) state: watch::Sender<State>,
    pub(super) closing: watch::Receiver<bool>,
    pub(super) home: Dedicated,
}

impl Supervisor {
    /// Runs until the broker is closed.
    pub(super) async fn run(mut self) {
        let (mut generation, mut pause_ms) = (0, BACKOFF_MS.0);
        loop {
            let dialled = runtime::select! {
                dialled = self.dial.connect(self.side.name()) => dialled,
                () = closed(&mut self.closing) => break,
            };
            let error = match dialled {
                Err(error) => error,
                Ok(dialled) => {
                    generation += 1;
                    let session = Arc::new(Session::new(generation, dialled, self.dial.who.clone(), self.home.clone()));
                    let since = SystemClock.now();
                    let Some(error) = self.serve(&session).await else { break };
                    if well_since(since) {
                        pause_ms = BACKOFF_MS.0;
                    }
                    error
                }
            };
            self.board.set(self.side, Link::Down { reason: error });
            runtime::select! {
                () = runtime::sleep(jittered(pause_ms)) => {}
                () = closed(&mut self.closing) => break,
            }
            pause_ms = (pause_ms * 2).min(BACKOFF_MS.1);
        }
        self.board.set(self.side, Link::Down { reason: closed_error() });
        self.state.send_replace(State::Closed);
    }

    /// Looks after a connection until it ends, and says why; `None` when the broker is closed.
    async fn serve(&mut self, session: &Arc<Session>) -> Option<Error> {
        let events = session.connection.events_listener();
        self.board.set(self.side, Link::Up);
        self.state.send_replace(State::Live(Arc::clone(session)));
        let ended = runtime::select! {
            error = watch_over(session, &self.board, self.side, events) => Some(error),
            () = closed(&mut self.closing) => None,
        };
        // In this order: whoever asks for a connection from now on waits, and whoever has this one sees its end.
        self.state.send_replace(if ended.is_some() { State::Waiting } else { State::Closed });
        session.end();
        if ended.is_none() {
            session.close().await;
        }
        session.cut();
        ended
    }
}

/// Watches until the connection is no longer usable.
async fn watch_over(
    session: &Session,
    board: &Board,
    side: Side,
    events: impl Stream<Item = Event> + Send + 'static,
) -> Error {
    let mut events = Box::pin(events);
    loop {
        let event = runtime::select! {
            event = runtime::timeout(LOOK_MS, events.next()) => event,
            () = session.suspicious() => {
                if !session.answers().await {
                    return session.who.lost("it does not answer any more");
                }
                None
            }
        };
        let reason = match event.flatten() {
            Some(Event::ConnectionBlocked(reason)) => {
                session.set_blocked(true);
                board.set(side, Link::Blocked { reason });
                continue;
            }
            Some(Event::ConnectionUnblocked) => {
                session.set_blocked(false);
                board.set(side, Link::Up);
                continue;
            }
            Some(Event::Error(error)) => Some(error),
            Some(_) | None => None,
        };
        // An error of a single channel leaves the connection as it is.
        if !session.connection.status().connected() {
            let who = &session.who;
            return reason.map_or_else(|| who.lost("the connection was closed"), |error| who.unreachable(&error));
        }
    }
}

fn well_since(since: Millis) -> bool {
    SystemClock.now().saturating_sub(since) >= WELL_MS
}

/// Between half of the pause and all of it, so that many clients do not come back at the same moment.
fn jittered(pause_ms: u64) -> u64 {
    let (chance, _) = uuid::Uuid::new_v4().as_u64_pair();
    let half = pause_ms / 2;
    half + chance % (half + 1)
}

/// Waits until the broker is closed or dropped.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}
