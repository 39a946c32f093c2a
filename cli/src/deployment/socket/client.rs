//! The side of a command.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::artifacts::folder::Folder;
use candor_platform::broker::{Properties, Standing};
use candor_platform::runtime::UnixStream;
use candor_platform::store::JobLine;
use candor_platform::{Artifacts, runtime};
use candor_proto::message::ErrorBody;
use candor_proto::route::Routes;
use candor_proto::{JobId, Message, Recorded};

use super::frame::{put, take};
use super::{Call, Parcel, Reply, SOCKET};
use crate::deployment::{Deployment, Letter, Letters, Mailbox};
use crate::failure::{Code, Exit, Failure};

/// How long `candor up` may take to answer, in milliseconds: a page of a large log included.
const ANSWER_MS: u64 = 30_000;

/// A running `candor up`.
pub(in crate::deployment) struct Socket {
    path: PathBuf,
    artifacts: PathBuf,
    routes: Routes,
    partitions: u32,
}

impl Socket {
    /// The one of this folder; `None` where nobody listens.
    pub(in crate::deployment) async fn connect(folder: &Path, artifacts: PathBuf) -> Result<Option<Self>, Failure> {
        let path = folder.join(SOCKET);
        let Ok(stream) = UnixStream::connect(&path).await else { return Ok(None) };
        match ask_on(stream, &path, &Call::Hello).await?.0 {
            Reply::Hello { partitions, .. } => {
                Ok(Some(Self { path, artifacts, routes: Routes::default(), partitions }))
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn ask(&self, call: &Call) -> Result<(Reply, UnixStream), Failure> {
        let stream = UnixStream::connect(&self.path).await.map_err(|error| gone(&self.path, &error))?;
        ask_on(stream, &self.path, call).await
    }
}

async fn ask_on(mut stream: UnixStream, path: &Path, call: &Call) -> Result<(Reply, UnixStream), Failure> {
    let asking = async {
        put(&mut stream, call).await?;
        take::<Reply>(&mut stream).await
    };
    match runtime::timeout(ANSWER_MS, asking).await {
        Some(Ok(Some(Reply::Failed { code, message, advice }))) => {
            Err(Failure { exit: Exit::Unable, body: ErrorBody { code, message, advice } })
        }
        Some(Ok(Some(reply))) => Ok((reply, stream)),
        Some(Ok(None)) => Err(gone(path, &std::io::ErrorKind::UnexpectedEof.into())),
        Some(Err(error)) => Err(gone(path, &error)),
        None => Err(gone(path, &std::io::ErrorKind::TimedOut.into())),
    }
}

fn gone(path: &Path, error: &std::io::Error) -> Failure {
    Failure::store(Code::NobodyListens, format!("`candor up` does not answer on {}: {error}", path.display()))
        .advice("see whether `candor up` still runs; it must be the same version as this command")
}

fn unexpected(reply: &Reply) -> Failure {
    tracing::debug!(?reply, "unexpected reply");
    Failure::internal("`candor up` answered something else than was asked")
}

#[async_trait]
impl Deployment for Socket {
    fn routes(&self) -> &Routes {
        &self.routes
    }

    fn partitions(&self) -> u32 {
        self.partitions
    }

    async fn artifacts(&self) -> Result<Arc<dyn Artifacts>, Failure> {
        Ok(Arc::new(Folder::open(&self.artifacts).await?))
    }

    async fn mailbox(&self) -> Result<Mailbox, Failure> {
        match self.ask(&Call::Mailbox).await? {
            (Reply::Mailbox(address), stream) => Ok(Mailbox { address, letters: Box::new(Streamed::new(stream)) }),
            (other, _) => Err(unexpected(&other)),
        }
    }

    async fn notices(&self, job: JobId) -> Result<Box<dyn Letters>, Failure> {
        match self.ask(&Call::Notices(job)).await? {
            (Reply::Notices, stream) => Ok(Box::new(Streamed::new(stream))),
            (other, _) => Err(unexpected(&other)),
        }
    }

    async fn send(&self, queue: String, message: Message, properties: Properties) -> Result<(), Failure> {
        match self.ask(&Call::Send(Box::new(Parcel::new(queue, message, properties)))).await? {
            (Reply::Sent, _) => Ok(()),
            (other, _) => Err(unexpected(&other)),
        }
    }

    async fn line(&self, job: JobId) -> Result<Option<JobLine>, Failure> {
        match self.ask(&Call::Line(job)).await? {
            (Reply::Line(line), _) => Ok(line),
            (other, _) => Err(unexpected(&other)),
        }
    }

    async fn lines(&self, max: usize) -> Result<Vec<JobLine>, Failure> {
        match self.ask(&Call::Lines(max)).await? {
            (Reply::Lines(lines), _) => Ok(lines),
            (other, _) => Err(unexpected(&other)),
        }
    }

    async fn page(&self, job: JobId, after: u64) -> Result<Vec<Recorded>, Failure> {
        match self.ask(&Call::Page(job, after)).await? {
            (Reply::Page(page), _) => Ok(page),
            (other, _) => Err(unexpected(&other)),
        }
    }

    async fn standing(&self, queue: &str) -> Result<Option<Standing>, Failure> {
        match self.ask(&Call::Standing(queue.to_owned())).await? {
            (Reply::Standing(standing), _) => Ok(standing),
            (other, _) => Err(unexpected(&other)),
        }
    }
}

/// What comes over a socket. Frames are read by a task of their own, because a read that is given up half way
/// would lose the beginning of a frame.
struct Streamed {
    incoming: runtime::sync::mpsc::Receiver<Message>,
    _reading: runtime::Running<()>,
}

/// Messages that may wait for the command.
const WAITING_MAX: usize = 10_000;

impl Streamed {
    fn new(mut stream: UnixStream) -> Self {
        let (sender, incoming) = runtime::sync::mpsc::channel(WAITING_MAX);
        let reading = runtime::spawn(async move {
            while let Ok(Some(Reply::Letter(message))) = take::<Reply>(&mut stream).await {
                if sender.send(*message).await.is_err() {
                    return;
                }
            }
        });
        Self { incoming, _reading: reading }
    }
}

#[async_trait]
impl Letters for Streamed {
    async fn next_batch(&mut self, max: usize, linger_ms: u64) -> Vec<Letter> {
        let Some(first) = self.incoming.recv().await else { return Vec::new() };
        let mut messages = vec![first];
        let more = async {
            while messages.len() < max
                && let Some(message) = self.incoming.recv().await
            {
                messages.push(message);
            }
        };
        // What was taken stands in the vector, also where the time is over.
        let _ = runtime::timeout(linger_ms, more).await;
        messages.into_iter().map(|message| Letter { message: Ok(message) }).collect()
    }
}
