//! The broker over RabbitMQ.
//!
//! Two connections, one for publishing and one for everything else, each looked after by a supervisor that makes it
//! anew for ever, on a thread of its own so that heartbeats never wait for work. A connection that ends takes its
//! consumers, its private queues and the right to settle its deliveries with it; whoever consumes registers again.
//! **Who declares again:** this module. It remembers what this process declared, and a queue that is missing when
//! somebody consumes from it is made again first, with its bindings; so a wiped server or a deleted queue is mended
//! by the consumers that come back. An error of a single channel ends what used that channel and nothing else.
//!
//! Deliberately knows nothing of what messages mean but this: what has no type in the queue of jobs is a request.

mod board;
mod cleanse;
mod consumer;
mod declare;
mod dial;
mod known;
mod limits;
mod properties;
mod publish;
mod reactor;
mod refusal;
mod session;
mod settle;
mod supervisor;
mod tls;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use candor_proto::route::{Queue, Routes, Topology};

use self::board::Board;
use self::consumer::AmqpConsumer;
use self::declare::Declaring;
use self::dial::Dial;
use self::known::{Declared, Known};
use self::limits::{CLOSE_MS, CONNECT_MS};
use self::publish::Publisher;
use self::refusal::Who;
use self::session::{Session, Side, State, live};
use self::supervisor::Supervisor;
use super::{Binding, Broker, Consumer, Outgoing, Standing};
use crate::error::{Error, Result};
use crate::link::Link;
use crate::runtime::sync::watch;
use crate::runtime::{self, Dedicated};
use crate::server_url::ServerUrl;

/// The schemes of URLs that [`AmqpBroker`] understands.
pub const SCHEMES: [&str; 2] = ["amqp", "amqps"];

/// Where RabbitMQ is, and who we are to it.
#[derive(Clone, Debug)]
pub struct AmqpSettings {
    /// `amqp://` or `amqps://`; the path is the virtual host. `heartbeat` (seconds), `frame_max` (bytes) and
    /// `channel_max` may follow as parameters.
    pub url: ServerUrl,
    /// Authorities to trust beside those of the system, as a PEM file.
    pub ca_file: Option<PathBuf>,
    /// What the server's operator sees.
    pub connection_name: String,
    /// The names of the deployment.
    pub routes: Routes,
}

impl AmqpSettings {
    /// Settings for a URL, under the usual names.
    pub fn new(url: ServerUrl) -> Self {
        Self { url, ca_file: None, connection_name: "candor".to_owned(), routes: Routes::default() }
    }
}

/// A connection to RabbitMQ that comes back.
pub struct AmqpBroker {
    who: Who,
    jobs: String,
    board: Arc<Board>,
    known: Arc<Known>,
    publisher: Publisher,
    publishing: watch::Receiver<State>,
    consuming: watch::Receiver<State>,
    closing: watch::Sender<bool>,
}

impl AmqpBroker {
    /// Begins to connect, and goes on for as long as it takes; see [`AmqpBroker::link`]. Fails only for settings that
    /// can never work.
    pub fn connect(settings: &AmqpSettings) -> Result<Arc<Self>> {
        let dial = Arc::new(Dial::new(settings)?);
        let who = dial.who.clone();
        let board = Arc::new(Board::new(who.server.clone()));
        let known = Arc::<Known>::default();
        let closing = watch::Sender::new(false);
        let states = [watch::Sender::new(State::Waiting), watch::Sender::new(State::Waiting)];
        let [publishing, consuming] = states.each_ref().map(watch::Sender::subscribe);
        let start = {
            let (dial, board, closing) = (Arc::clone(&dial), Arc::clone(&board), closing.subscribe());
            move |home: Dedicated| async move {
                let supervisor = |side, state| {
                    let (dial, board, closing) = (Arc::clone(&dial), Arc::clone(&board), closing.clone());
                    Supervisor { side, dial, board, state, closing, home: home.clone() }.run()
                };
                let [publishing, consuming] = states;
                let both = (supervisor(Side::Publishing, publishing), supervisor(Side::Consuming, consuming));
                futures_util::future::join(both.0, both.1).await;
            }
        };
        Dedicated::start("amqp", start).map_err(|error| Error::io("starting a thread", &error))?;
        Ok(Arc::new(Self {
            publisher: Publisher::new(publishing.clone(), who.clone(), Arc::clone(&known)),
            jobs: settings.routes.jobs(),
            who,
            board,
            known,
            publishing,
            consuming,
            closing,
        }))
    }

    /// How the way to the server stands.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.board.watch()
    }

    /// Waits until the way to the server is open; where it is not in time, why. A command waits for seconds; a service
    /// that starts waits with `u64::MAX`, for ever.
    pub async fn up(&self, within_ms: u64) -> Result<()> {
        let mut link = self.link();
        let up = runtime::timeout(within_ms, link.wait_for(Link::is_up)).await.is_some_and(|waited| waited.is_ok());
        if up {
            return Ok(());
        }
        match &*self.board.watch().borrow() {
            Link::Up => Ok(()),
            Link::Blocked { reason } => Err(self.who.lost(&format!("it takes no messages at the moment: {reason}"))),
            Link::Down { reason } => Err(reason.clone()),
        }
    }

    async fn session(&self) -> Result<Arc<Session>> {
        match live(&self.consuming, &self.who).await {
            // Why there is none says more than that there is none.
            Err(Error::Unreachable { .. }) => match &*self.board.watch().borrow() {
                Link::Down { reason } => Err(reason.clone()),
                Link::Up | Link::Blocked { .. } => Err(self.who.lost("no connection")),
            },
            other => other,
        }
    }
}

impl std::fmt::Debug for AmqpBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AmqpBroker").field("server", &self.who.server).finish_non_exhaustive()
    }
}

impl Drop for AmqpBroker {
    fn drop(&mut self) {
        self.closing.send_replace(true);
    }
}

#[async_trait]
impl Broker for AmqpBroker {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        let session = self.session().await?;
        Declaring::new(&session, &self.known).topology(topology).await
    }

    async fn declare_private(&self, queue: &Queue, bindings: &[Binding]) -> Result<()> {
        let session = self.session().await?;
        let declared = Declared { queue: queue.clone(), bindings: bindings.to_vec() };
        Declaring::new(&session, &self.known).private(declared).await
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<()>> {
        self.publisher.publish(batch).await
    }

    async fn consume(&self, queue: &str, prefetch: u32) -> Result<Box<dyn Consumer>> {
        let session = self.session().await?;
        let requests = queue == self.jobs;
        let opened = AmqpConsumer::open(Arc::clone(&session), queue, prefetch, requests).await;
        let consumer = match opened {
            Err(Error::NoQueue { .. }) if self.known.ever(queue) => {
                Declaring::new(&session, &self.known).again(queue).await?;
                AmqpConsumer::open(session, queue, prefetch, requests).await?
            }
            other => other?,
        };
        Ok(Box::new(consumer))
    }

    async fn standing(&self, queue: &str) -> Result<Option<Standing>> {
        let session = self.session().await?;
        Declaring::new(&session, &self.known).standing(queue).await
    }

    async fn close(&self) {
        self.closing.send_replace(true);
        for state in [&self.publishing, &self.consuming] {
            let closed = |state: &State| match state {
                State::Closed => true,
                State::Waiting | State::Live(_) => false,
            };
            let mut state = state.clone();
            let _ = runtime::timeout(CLOSE_MS + CONNECT_MS, state.wait_for(closed)).await;
        }
    }
}
