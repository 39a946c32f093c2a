//! How it stands with the server: known to whoever wants to ask, shown to whoever watches, said once in the log.

use crate::error::{Error, Result};
use crate::link::Link;
use crate::runtime::sync::{Notify, watch};

/// What is known of the server.
pub(super) struct Outlook {
    what: String,
    /// `None` before it was looked at for the first time.
    verdict: watch::Sender<Option<Result<()>>>,
    link: watch::Sender<Link>,
    suspected: Notify,
}

impl Outlook {
    pub(super) fn new(what: String) -> Self {
        let reason = Error::Unreachable { server: what.clone(), reason: "it was not looked at yet".to_owned() };
        let (verdict, link) = (watch::Sender::new(None), watch::Sender::new(Link::Down { reason }));
        Self { what, verdict, link, suspected: Notify::new() }
    }

    /// The link, from now on.
    pub(super) fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// Returns when the server may be asked, or why it may not. Waits only for the first look at it.
    pub(super) async fn open(&self) -> Result<()> {
        self.until(|_| true).await
    }

    /// Returns when the server is there, or when it is there and waiting does not make it fit.
    pub(super) async fn ready(&self) -> Result<()> {
        self.until(|verdict| verdict.as_ref().err().is_none_or(|error| !error.transient())).await
    }

    async fn until(&self, enough: impl Fn(&Result<()>) -> bool) -> Result<()> {
        let mut verdict = self.verdict.subscribe();
        let seen = verdict.wait_for(|verdict| verdict.as_ref().is_some_and(&enough)).await;
        let closed = || Err(Error::Closed { what: self.what.clone() });
        seen.map_or_else(|_| closed(), |verdict| verdict.clone().unwrap_or_else(closed))
    }

    /// Something went wrong: it should be looked at now.
    pub(super) fn suspect(&self) {
        self.suspected.notify_one();
    }

    /// Returns when something went wrong.
    pub(super) async fn suspected(&self) {
        self.suspected.notified().await;
    }

    /// It is there.
    pub(super) fn up(&self, findings: &str) {
        // First who may ask, then who watches: whoever saw the news may ask at once.
        self.verdict.send_replace(Some(Ok(())));
        let was_down = self.link.send_if_modified(|link| {
            let was_down = matches!(link, Link::Down { .. });
            if was_down {
                *link = Link::Up;
            }
            was_down
        });
        if was_down {
            tracing::info!("{} is there: {findings}", self.what);
        }
    }

    /// It is not there, or must not be used.
    pub(super) fn down(&self, error: Error) {
        let reason = match &error {
            Error::Unreachable { reason, .. } | Error::Denied { reason, .. } | Error::Unfit { reason, .. } => {
                reason.clone()
            }
            other => other.to_string(),
        };
        let transient = error.transient();
        self.verdict.send_replace(Some(Err(error.clone())));
        let changed = self.change(Link::Down { reason: error });
        match (changed, transient) {
            (false, _) => {}
            (true, true) => tracing::warn!("waiting for {}: {reason}", self.what),
            (true, false) => tracing::error!("waiting for {} until somebody mends it: {reason}", self.what),
        }
    }

    /// It takes nothing more.
    pub(super) fn blocked(&self, reason: &str) {
        if self.change(Link::Blocked { reason: reason.to_owned() }) {
            tracing::warn!("{} takes nothing more: {reason}", self.what);
        }
    }

    /// It took something.
    pub(super) fn unblocked(&self) {
        let unblocked = self.link.send_if_modified(|link| {
            let blocked = matches!(link, Link::Blocked { .. });
            if blocked {
                *link = Link::Up;
            }
            blocked
        });
        if unblocked {
            tracing::info!("{} takes something again", self.what);
        }
    }

    fn change(&self, to: Link) -> bool {
        self.link.send_if_modified(|link| {
            let changed = *link != to;
            *link = to;
            changed
        })
    }
}
