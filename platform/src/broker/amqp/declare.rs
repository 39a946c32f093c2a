//! Declaring queues and exchanges, with every argument explicit.
//!
//! A refusal costs the channel it came on, never the connection.

use candor_proto::route::{Argument, Exchange, ExchangeKind, Lifetime, Topology};
use lapin::Channel;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use super::known::{Declared, Known};
use super::refusal::About;
use super::session::Session;
use crate::broker::Standing;
use crate::error::{Error, Result};

/// Declares on one connection.
pub(super) struct Declaring<'a> {
    session: &'a Session,
    known: &'a Known,
    channel: Option<Channel>,
}

impl<'a> Declaring<'a> {
    pub(super) const fn new(session: &'a Session, known: &'a Known) -> Self {
        Self { session, known, channel: None }
    }

    /// Makes sure that all of it is there.
    pub(super) async fn topology(mut self, topology: &Topology) -> Result<()> {
        let queues = topology.queues.iter().map(|queue| Declared { queue: queue.clone(), bindings: Vec::new() });
        self.all(topology.exchanges.clone(), queues.collect()).await
    }

    /// Makes sure that a queue which was declared here before is there, and what it needs.
    pub(super) async fn again(mut self, queue: &str) -> Result<()> {
        self.known.doubt(queue);
        let (exchanges, queues) = self.known.with(queue);
        self.all(exchanges, queues).await
    }

    /// Makes sure that a queue of this process is there, with its bindings.
    pub(super) async fn private(mut self, declared: Declared) -> Result<()> {
        for binding in &declared.bindings {
            self.session.expect_exchange(&binding.exchange).await?;
        }
        self.all(Vec::new(), vec![declared]).await
    }

    /// How a queue stands; `None` where there is none.
    pub(super) async fn standing(mut self, queue: &str) -> Result<Option<Standing>> {
        let Ok(name) = ShortString::try_new(queue) else { return Ok(None) };
        let about = About { verb: "look at", kind: "queue", name: queue, owner: "this connection" };
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await?;
        match self.session.call(&about, channel.queue_declare(name, options, FieldTable::default())).await {
            Ok(found) => {
                self.channel = Some(channel);
                self.end();
                Ok(Some(Standing { ready: found.message_count(), consumers: found.consumer_count() }))
            }
            Err(Error::NoQueue { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn all(&mut self, exchanges: Vec<Exchange>, queues: Vec<Declared>) -> Result<()> {
        let generation = self.session.generation;
        for exchange in exchanges {
            if !self.known.has_exchange(&exchange, generation) {
                self.exchange(&exchange).await?;
                self.known.add_exchange(exchange, generation);
            }
        }
        for declared in queues {
            if !self.known.has_queue(&declared, generation) {
                self.queue(&declared).await?;
                self.known.add_queue(declared, generation);
            }
        }
        self.end();
        Ok(())
    }

    async fn exchange(&mut self, exchange: &Exchange) -> Result<()> {
        let about = About { verb: "declare", kind: "exchange", name: &exchange.name, owner: "everybody" };
        let kind = match exchange.kind {
            ExchangeKind::Topic => lapin::ExchangeKind::Topic,
            ExchangeKind::Fanout => lapin::ExchangeKind::Fanout,
        };
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let (name, channel) = (name(&about)?, self.channel().await?);
        self.session.call(&about, channel.exchange_declare(name, kind, options, FieldTable::default())).await?;
        self.channel = Some(channel);
        Ok(())
    }

    async fn queue(&mut self, Declared { queue, bindings }: &Declared) -> Result<()> {
        let (durable, owner) = match queue.lifetime {
            Lifetime::Durable => (true, "everybody"),
            Lifetime::Connection => (false, "this connection"),
        };
        let about = About { verb: "declare", kind: "queue", name: &queue.name, owner };
        // Not deleted with its last consumer: whoever registers again finds what came meanwhile.
        let options = QueueDeclareOptions { durable, exclusive: !durable, ..QueueDeclareOptions::default() };
        let (name, channel) = (name(&about)?, self.channel().await?);
        let declared = self.session.call(&about, channel.queue_declare(name.clone(), options, arguments(queue)));
        declared.await.map_err(|error| self.still_ours(&queue.name, error))?;
        for binding in bindings {
            let about = About { verb: "bind", ..about };
            let exchange = ShortString::try_new(binding.exchange.as_str());
            let key = ShortString::try_new(binding.key.as_str());
            let (Ok(exchange), Ok(key)) = (exchange, key) else { return Err(too_long(&about)) };
            let options = QueueBindOptions::default();
            let bound = channel.queue_bind(name.clone(), exchange, key, options, FieldTable::default());
            self.session.call(&about, bound).await?;
        }
        self.channel = Some(channel);
        Ok(())
    }

    /// A server that has not noticed yet that our last connection is gone keeps its queues for a moment.
    fn still_ours(&self, queue: &str, error: Error) -> Error {
        match error {
            Error::Inequivalent { argument, .. } if argument == "owner" && self.known.ever(queue) => {
                self.session.who.lost(&format!("the queue `{queue}` still belongs to our last connection"))
            }
            other => other,
        }
    }

    /// The channel of the last success, or a fresh one.
    async fn channel(&mut self) -> Result<Channel> {
        match self.channel.take() {
            Some(channel) => Ok(channel),
            None => self.session.channel().await,
        }
    }

    fn end(&mut self) {
        if let Some(channel) = self.channel.take() {
            self.session.discard(channel);
        }
    }
}

fn name(about: &About<'_>) -> Result<ShortString> {
    ShortString::try_new(about.name).map_err(|_| too_long(about))
}

fn too_long(about: &About<'_>) -> Error {
    let what = format!("{} the {} `{:.40}…`", about.verb, about.kind, about.name);
    Error::Refused { what, reason: "names and keys may have at most 255 bytes".to_owned() }
}

fn arguments(queue: &candor_proto::route::Queue) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in &queue.arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(LongString::from(text.as_bytes())),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
            Argument::Flag(flag) => AMQPValue::Boolean(*flag),
        };
        table.insert(super::properties::short(name), value);
    }
    table
}
