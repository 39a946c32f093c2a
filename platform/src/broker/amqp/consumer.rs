//! One registration on one queue, with a channel of its own.
//!
//! It ends with its connection, with its channel, or when the server cancels it, and stays ended; whoever wants more
//! registers again.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};

use super::limits::CALL_MS;
use super::properties::{Arrived, arrived};
use super::refusal::About;
use super::session::Session;
use super::settle::{AmqpSettle, Line, unseen};
use crate::broker::{Consumer, Delivery};
use crate::error::{Error, Result};
use crate::runtime;

/// A consumer of one queue.
pub(super) struct AmqpConsumer {
    /// Nothing once it has ended: the library's stream must not be asked again.
    stream: Option<lapin::Consumer>,
    line: Arc<Line>,
    /// What has come and was not handed out yet.
    waiting: VecDeque<lapin::message::Delivery>,
    /// What has no type is a request.
    requests: bool,
    cancelled: bool,
}

impl AmqpConsumer {
    /// Registers.
    pub(super) async fn open(session: Arc<Session>, queue: &str, prefetch: u32, requests: bool) -> Result<Self> {
        let about = About { verb: "consume from", kind: "queue", name: queue, owner: "this connection" };
        let name = ShortString::try_new(queue).map_err(|_| Error::NoQueue { queue: queue.to_owned() })?;
        let channel = session.channel().await?;
        let prefetch = u16::try_from(prefetch.max(1)).unwrap_or(u16::MAX);
        session.call(&about, channel.basic_qos(prefetch, BasicQosOptions { global: false })).await?;
        let options = BasicConsumeOptions::default();
        let consuming = channel.basic_consume(name, ShortString::default(), options, FieldTable::default());
        let stream = session.call(&about, consuming).await?;
        let line = Arc::new(Line::new(channel, session));
        Ok(Self { stream: Some(stream), line, waiting: VecDeque::new(), requests, cancelled: false })
    }

    /// Waits until at least one more has come; `false` once it has ended.
    async fn receive(&mut self) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let next = runtime::select! {
            biased;
            () = self.line.session.over() => None,
            next = stream.next() => next,
        };
        match next {
            Some(Ok(delivery)) => {
                self.waiting.push_back(delivery);
                true
            }
            Some(Err(_)) | None => {
                self.end();
                false
            }
        }
    }

    /// Has ended, and gives back what was not settled: also what somebody still holds.
    fn end(&mut self) {
        self.waiting.clear();
        let stream = self.stream.take();
        self.line.end(stream);
    }

    fn delivery(&self, raw: lapin::message::Delivery) -> Delivery {
        let Arrived { message, properties, redelivered } = arrived(&raw, self.requests);
        let settle = AmqpSettle::new(raw.acker, Arc::clone(&self.line));
        Delivery::new(message, properties, redelivered, Box::new(settle))
    }

    /// Asks the server to stop, and gives back what nobody has seen.
    async fn stop(&mut self) -> bool {
        let Some(stream) = &mut self.stream else { return true };
        let cancelling = self.line.channel.basic_cancel(stream.tag(), BasicCancelOptions::default());
        let Ok(Ok(())) = self.line.session.raw(cancelling).await else { return false };
        // The server's answer ends the stream behind the last delivery.
        while let Some(Some(Ok(delivery))) = runtime::timeout(CALL_MS, stream.next()).await {
            self.waiting.push_back(delivery);
        }
        self.waiting.drain(..).for_each(|delivery| unseen(&delivery.acker));
        true
    }
}

#[async_trait]
impl Consumer for AmqpConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        if self.line.session.is_over() {
            self.end();
        }
        if self.waiting.is_empty() && !self.receive().await {
            return None;
        }
        let raw = self.waiting.pop_front()?;
        Some(self.delivery(raw))
    }

    async fn next_batch(&mut self, max: usize, linger_ms: u64) -> Vec<Delivery> {
        let max = max.max(1);
        if self.line.session.is_over() {
            self.end();
        }
        if self.waiting.is_empty() && !self.receive().await {
            return Vec::new();
        }
        let filling = async { while self.waiting.len() < max && self.receive().await {} };
        // The time being over is as good as a full batch. What has come stays here when this wait is dropped.
        let _full = runtime::timeout(linger_ms, filling).await;
        let count = self.waiting.len().min(max);
        let taken: Vec<_> = self.waiting.drain(..count).collect();
        taken.into_iter().map(|raw| self.delivery(raw)).collect()
    }

    async fn cancel(&mut self) {
        if self.cancelled || self.stream.is_none() {
            return;
        }
        if self.stop().await {
            // From here on the channel closes when the last delivery is settled.
            self.cancelled = true;
            self.stream = None;
        } else {
            self.end();
        }
    }
}

impl Drop for AmqpConsumer {
    fn drop(&mut self) {
        if !self.cancelled {
            self.end();
        }
    }
}
