//! How the two connections stand together, for whoever watches, and one log line for each change of reason.

use std::sync::{Mutex, PoisonError};

use candor_proto::Millis;

use super::session::Side;
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::link::Link;
use crate::runtime::sync::watch;

/// What is known of both connections.
pub(super) struct Board {
    server: String,
    known: Mutex<Known>,
    link: watch::Sender<Link>,
}

struct Known {
    publishing: Link,
    consuming: Link,
    /// Since when it is not up; nothing while it is.
    down_since: Option<Millis>,
    /// It was up before.
    was_up: bool,
}

impl Board {
    pub(super) fn new(server: String) -> Self {
        let reason = Error::Unreachable { server: server.clone(), reason: "not connected yet".to_owned() };
        let down = Link::Down { reason };
        let known = Known {
            publishing: down.clone(),
            consuming: down.clone(),
            down_since: Some(SystemClock.now()),
            was_up: false,
        };
        Self { server, known: Mutex::new(known), link: watch::Sender::new(down) }
    }

    /// How they stand.
    pub(super) fn watch(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// One of them stands like this now.
    pub(super) fn set(&self, side: Side, link: Link) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match side {
            Side::Publishing => known.publishing = link,
            Side::Consuming => known.consuming = link,
        }
        let together = together(&known.publishing, &known.consuming);
        if *self.link.borrow() == together {
            return;
        }
        self.tell(&mut known, &together);
        self.link.send_replace(together);
    }

    fn tell(&self, known: &mut Known, link: &Link) {
        let now = SystemClock.now();
        let server = &self.server;
        match link {
            Link::Up => match known.down_since.take() {
                Some(since) if known.was_up => {
                    tracing::info!("{server} is back after {} ms", now.saturating_sub(since));
                }
                Some(_) | None => tracing::info!("connected to {server}"),
            },
            Link::Blocked { reason } => {
                known.down_since.get_or_insert(now);
                tracing::warn!("{server} takes no messages at the moment ({reason}): see its memory and disk");
            }
            Link::Down { reason: Error::Closed { .. } } => {}
            Link::Down { reason } => {
                known.down_since.get_or_insert(now);
                tracing::warn!("waiting for {server}: {}", words(reason));
            }
        }
        known.was_up |= link.is_up();
    }
}

/// The worse of both.
fn together(publishing: &Link, consuming: &Link) -> Link {
    match (publishing, consuming) {
        (_, Link::Down { .. }) => consuming.clone(),
        (Link::Down { .. } | Link::Blocked { .. }, _) => publishing.clone(),
        (Link::Up, Link::Blocked { .. } | Link::Up) => consuming.clone(),
    }
}

/// The reason without the server's name, which stands before it.
fn words(reason: &Error) -> String {
    match reason {
        Error::Unreachable { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}
