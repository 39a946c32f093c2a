//! The socket that the client library reads and writes: plain or TLS, cleansed, and cut when we say so.
//!
//! The library has no way to give up a connection whose server does not answer; a wire that was cut fails at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use async_rs::Tokio;
use async_rs::traits::Reactor;
use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::client::TlsStream;
use futures_util::task::AtomicWaker;

use super::cleanse::Cleanser;
use crate::runtime::sync::watch;

/// The socket as the runtime gives it.
pub(super) type Socket = <Tokio as Reactor>::TcpStream;

/// Bytes read from the socket at once.
const READ_BYTES: usize = 16 * 1024;

/// Cuts a wire, from wherever; also one that is still being made.
#[derive(Debug)]
pub(super) struct Cut {
    done: AtomicBool,
    reader: AtomicWaker,
    told: watch::Sender<bool>,
}

impl Cut {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { done: AtomicBool::new(false), reader: AtomicWaker::new(), told: watch::Sender::new(false) })
    }

    /// Lets everything that uses the wire fail from now on.
    pub(super) fn cut(&self) {
        self.done.store(true, Ordering::SeqCst);
        self.told.send_replace(true);
        self.reader.wake();
    }

    /// Waits until it is cut.
    pub(super) async fn done(&self) {
        let _ = self.told.subscribe().wait_for(|cut| *cut).await;
    }

    fn check(&self) -> io::Result<()> {
        if self.done.load(Ordering::SeqCst) { Err(Self::error()) } else { Ok(()) }
    }

    pub(super) fn error() -> io::Error {
        io::Error::new(io::ErrorKind::ConnectionAborted, "given up")
    }
}

/// Cuts a wire when it is dropped before somebody kept it.
pub(super) struct CutUnlessKept(Option<Arc<Cut>>);

impl CutUnlessKept {
    pub(super) const fn new(cut: Arc<Cut>) -> Self {
        Self(Some(cut))
    }

    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CutUnlessKept {
    fn drop(&mut self) {
        if let Some(cut) = self.0.take() {
            cut.cut();
        }
    }
}

/// A socket, plain or encrypted.
pub(super) enum Way {
    Plain(Socket),
    Encrypted(Box<TlsStream<Socket>>),
}

/// One connection's bytes.
pub(super) struct Wire {
    way: Way,
    cut: Arc<Cut>,
    cleanser: Cleanser,
    raw: Box<[u8]>,
    ready: Vec<u8>,
    given: usize,
}

impl Wire {
    pub(super) fn new(way: Way, cut: Arc<Cut>) -> Self {
        let raw = vec![0; READ_BYTES].into_boxed_slice();
        Self { way, cut, cleanser: Cleanser::default(), raw, ready: Vec::new(), given: 0 }
    }

    /// Gives out what is ready; 0 when nothing is.
    fn give(&mut self, buffer: &mut [u8]) -> usize {
        let ready = &self.ready[self.given..];
        let count = ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&ready[..count]);
        self.given += count;
        if self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
        }
        count
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let wire = &mut *self;
        wire.cut.reader.register(context.waker());
        loop {
            wire.cut.check()?;
            let given = wire.give(buffer);
            if given > 0 || buffer.is_empty() {
                return Poll::Ready(Ok(given));
            }
            let read = match &mut wire.way {
                Way::Plain(socket) => Pin::new(socket).poll_read(context, &mut wire.raw),
                Way::Encrypted(stream) => Pin::new(stream).poll_read(context, &mut wire.raw),
            };
            match read {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(0)),
                Poll::Ready(Ok(count)) => wire.cleanser.feed(&wire.raw[..count], &mut wire.ready),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        match &mut self.way {
            Way::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Way::Encrypted(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check()?;
        match &mut self.way {
            Way::Plain(socket) => Pin::new(socket).poll_flush(context),
            Way::Encrypted(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Plain(socket) => Pin::new(socket).poll_close(context),
            Way::Encrypted(stream) => Pin::new(stream).poll_close(context),
        }
    }
}
