//! One living connection: its generation, its end, and calls on it within a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use lapin::options::ExchangeDeclareOptions;
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection, ExchangeKind};

use super::limits::{CALL_MS, CLOSE_MS, LINK_WAIT_MS, PROBE_MS};
use super::refusal::{About, Who};
use super::wire::Cut;
use crate::error::{Error, Result};
use crate::runtime::sync::{Notify, watch};
use crate::runtime::{self, Dedicated};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Publishing: the server may block it.
    Publishing,
    /// Declaring, consuming and settling: must go on while the other is blocked.
    Consuming,
}

impl Side {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Publishing => "publishing",
            Self::Consuming => "consuming",
        }
    }
}

/// A connection from its beginning to its end. The next one has another generation.
pub(super) struct Session {
    pub(super) generation: u64,
    pub(super) connection: Connection,
    pub(super) who: Who,
    pub(super) home: Dedicated,
    cut: Arc<Cut>,
    ended: watch::Sender<bool>,
    blocked: watch::Sender<bool>,
    suspicion: Notify,
    /// Exchanges that were seen to exist.
    exchanges: Mutex<HashSet<String>>,
}

impl Session {
    pub(super) fn new(generation: u64, (connection, cut): (Connection, Arc<Cut>), who: Who, home: Dedicated) -> Self {
        let blocked = watch::Sender::new(connection.status().blocked());
        Self {
            generation,
            connection,
            who,
            home,
            cut,
            ended: watch::Sender::new(false),
            blocked,
            suspicion: Notify::new(),
            exchanges: Mutex::default(),
        }
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        *self.ended.borrow()
    }

    /// Waits until it is over.
    pub(super) async fn over(&self) {
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// Is over from now on: consumers end, and nothing is settled any more.
    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Closes it in good order; where that takes too long it is cut.
    pub(super) async fn close(&self) {
        let closing = self.connection.close(200, "OK".into());
        let _ = runtime::timeout(CLOSE_MS, closing).await;
        self.cut.cut();
    }

    /// Gives it up at once.
    pub(super) fn cut(&self) {
        self.cut.cut();
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.send_replace(blocked);
    }

    /// Waits until the server takes messages; `false` when it does not in time.
    pub(super) async fn unblocked(&self, ms: u64) -> bool {
        let mut blocked = self.blocked.subscribe();
        runtime::timeout(ms, blocked.wait_for(|blocked| !*blocked)).await.is_some_and(|waited| waited.is_ok())
    }

    pub(super) fn is_blocked(&self) -> bool {
        *self.blocked.borrow()
    }

    /// Something took too long: whoever looks after the connection finds out whether it still lives.
    pub(super) fn suspect(&self) {
        self.suspicion.notify_one();
    }

    /// Waits until something took too long.
    pub(super) async fn suspicious(&self) {
        self.suspicion.notified().await;
    }

    /// Whether the server still answers. One that is blocked does not read, so nothing follows from its silence.
    pub(super) async fn answers(&self) -> bool {
        if self.is_blocked() {
            return true;
        }
        match runtime::timeout(PROBE_MS, self.connection.create_channel()).await {
            Some(Ok(channel)) => {
                self.discard(channel);
                true
            }
            // Whatever else is wrong shows itself as an event.
            Some(Err(_)) => true,
            None => self.is_blocked(),
        }
    }

    /// The value of a call on the connection, within the time that the server may take.
    pub(super) async fn call<T>(
        &self,
        about: &About<'_>,
        call: impl Future<Output = lapin::Result<T>> + Send,
    ) -> Result<T> {
        match self.raw(call).await? {
            Ok(value) => Ok(value),
            Err(error) => Err(self.who.call(&error, about)),
        }
    }

    /// The same with the library's own error.
    pub(super) async fn raw<T>(&self, call: impl Future<Output = T> + Send) -> Result<T> {
        runtime::select! {
            value = runtime::timeout(CALL_MS, call) => value.ok_or_else(|| {
                self.suspect();
                Error::NoAnswer { ms: CALL_MS }
            }),
            () = self.over() => Err(self.who.lost("the connection was lost")),
        }
    }

    /// A fresh channel.
    pub(super) async fn channel(&self) -> Result<Channel> {
        let about = About { verb: "open", kind: "channel", name: "", owner: "" };
        self.call(&about, self.connection.create_channel()).await
    }

    /// Closes a channel without waiting for it.
    pub(super) fn discard(&self, channel: Channel) {
        if channel.status().connected() {
            self.home.spawn(async move {
                // Closed or not: with the connection's end it is gone anyway.
                let _ = runtime::timeout(CLOSE_MS, channel.close(200, "OK".into())).await;
            });
        }
    }

    /// Refuses an exchange that does not exist: publishing to it would cost the channel with everything on it.
    pub(super) async fn expect_exchange(&self, name: &str) -> Result<()> {
        if self.exchanges().contains(name) {
            return Ok(());
        }
        let missing = || Error::NoExchange { exchange: name.to_owned() };
        let short = ShortString::try_new(name).map_err(|_| missing())?;
        let channel = self.channel().await?;
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let about = About { verb: "look at", kind: "exchange", name, owner: "" };
        let found = channel.exchange_declare(short, ExchangeKind::Topic, options, FieldTable::default());
        match self.call(&about, found).await {
            Ok(()) => {
                self.exchanges().insert(name.to_owned());
                self.discard(channel);
                Ok(())
            }
            Err(Error::NoQueue { .. }) => Err(missing()),
            Err(other) => Err(other),
        }
    }

    /// These exchanges may be gone.
    pub(super) fn forget_exchanges(&self) {
        self.exchanges().clear();
    }

    fn exchanges(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a side of the broker is doing.
#[derive(Clone)]
pub(super) enum State {
    /// There is no connection; one is being made.
    Waiting,
    /// There is one.
    Live(Arc<Session>),
    /// There will be none any more.
    Closed,
}

/// Somebody closed the broker.
pub(super) fn closed_error() -> Error {
    Error::Closed { what: "the connection to the broker".to_owned() }
}

/// The connection that lives now; waits a little for one that is being made.
pub(super) async fn live(state: &watch::Receiver<State>, who: &Who) -> Result<Arc<Session>> {
    let mut state = state.clone();
    let waiting = state.wait_for(|state| match state {
        State::Waiting => false,
        State::Live(session) => !session.is_over(),
        State::Closed => true,
    });
    match runtime::timeout(LINK_WAIT_MS, waiting).await {
        None => Err(who.lost(&format!("no connection within {LINK_WAIT_MS} ms"))),
        Some(Err(_)) => Err(closed_error()),
        Some(Ok(state)) => match &*state {
            State::Live(session) => Ok(Arc::clone(session)),
            State::Waiting | State::Closed => Err(closed_error()),
        },
    }
}
