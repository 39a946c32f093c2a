//! Settling deliveries. A delivery belongs to one registration on one connection, and is settled there or too late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use lapin::{Acker, Channel};

use super::limits::SETTLE_MS;
use super::session::Session;
use crate::broker::{Fate, Settle, Settled};
use crate::runtime;

/// One registration's channel. It lives until the last of its deliveries is settled.
pub(super) struct Line {
    pub(super) channel: Channel,
    pub(super) session: Arc<Session>,
    ended: AtomicBool,
}

impl Line {
    pub(super) const fn new(channel: Channel, session: Arc<Session>) -> Self {
        Self { channel, session, ended: AtomicBool::new(false) }
    }

    /// Whether deliveries can still be settled.
    pub(super) fn is_open(&self) -> bool {
        !self.ended.load(Ordering::SeqCst) && !self.session.is_over()
    }

    /// Gives back everything that is not settled: the channel closes. What else must outlive that goes along.
    pub(super) fn end(&self, along: impl Send + 'static) {
        if self.ended.swap(true, Ordering::SeqCst) || !self.channel.status().connected() {
            return;
        }
        let channel = self.channel.clone();
        self.session.home.spawn(async move {
            // Closed or not: with the connection's end it is gone anyway.
            let _ = runtime::timeout(SETTLE_MS, channel.close(200, "OK".into())).await;
            drop(along);
        });
    }
}

/// The last delivery is settled, and nobody consumes any more.
impl Drop for Line {
    fn drop(&mut self) {
        if !self.session.is_over() {
            self.session.discard(self.channel.clone());
        }
    }
}

/// Settles one delivery.
pub(super) struct AmqpSettle {
    acker: Acker,
    line: Arc<Line>,
}

impl AmqpSettle {
    pub(super) const fn new(acker: Acker, line: Arc<Line>) -> Self {
        Self { acker, line }
    }
}

/// `reject` and not `nack`: newer servers count only that as a delivery.
const AGAIN: BasicRejectOptions = BasicRejectOptions { requeue: true };
const DEAD: BasicRejectOptions = BasicRejectOptions { requeue: false };

impl Settle for AmqpSettle {
    fn settle(self: Box<Self>, fate: Fate) -> BoxFuture<'static, Settled> {
        Box::pin(async move {
            let Self { acker, line } = *self;
            if !line.is_open() {
                return Settled::TooLate;
            }
            let settling = async {
                match fate {
                    Fate::Done => acker.ack(BasicAckOptions::default()).await,
                    Fate::Again => acker.reject(AGAIN).await,
                    Fate::Dead => acker.reject(DEAD).await,
                }
            };
            match runtime::timeout(SETTLE_MS, settling).await {
                Some(Ok(true)) if line.is_open() => Settled::Yes,
                // `Ok(false)` means that the channel is gone.
                Some(Ok(_) | Err(_)) => Settled::TooLate,
                None => {
                    line.session.suspect();
                    Settled::TooLate
                }
            }
        })
    }

    fn abandon(self: Box<Self>) {
        if self.line.is_open() {
            // The first look hands the order over; nobody waits for it to be written.
            let _ = self.acker.reject(AGAIN).now_or_never();
        }
    }
}

/// Gives back a delivery that nobody has seen; newer servers do not count that.
pub(super) fn unseen(acker: &Acker) {
    let options = BasicNackOptions { requeue: true, multiple: false };
    let _ = acker.nack(options).now_or_never();
}
