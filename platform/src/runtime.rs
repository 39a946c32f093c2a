//! The only door to spawning, sleeping, selecting and blocking work, so that a simulator can take its place.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

pub use tokio::io;
pub use tokio::net::{TcpListener, UnixListener, UnixStream};
pub use tokio::select;
pub use tokio::sync;

/// A task that runs beside this one. Dropped, it goes on; see [`Running::abort`].
#[derive(Debug)]
pub struct Running<T>(tokio::task::JoinHandle<T>);

impl<T> Running<T> {
    /// Waits for its end; `None` when it panicked or was aborted.
    pub async fn join(self) -> Option<T> {
        self.0.await.ok()
    }

    /// Ends it at its next wait.
    pub fn abort(&self) {
        self.0.abort();
    }
}

/// Runs a future beside this one.
pub fn spawn<F>(future: F) -> Running<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    Running(tokio::spawn(future))
}

/// Waits.
pub async fn sleep(ms: u64) {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// The future's value, or `None` when it takes longer.
pub async fn timeout<F: Future>(ms: u64, future: F) -> Option<F::Output> {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    tokio::time::timeout(Duration::from_millis(ms), future).await.ok()
}

/// The future's value, or `None` when it panicked. What it held is dropped by then; what it only borrowed may be
/// half changed and must not be used any more.
pub async fn caught<F: Future>(future: F) -> Option<F::Output> {
    AssertUnwindSafe(future).catch_unwind().await.ok()
}

/// Runs work that blocks on a thread made for that; `None` when it panicked.
pub async fn blocking<T, F>(work: F) -> Option<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    tokio::task::spawn_blocking(work).await.ok()
}

/// Lets other tasks run.
pub async fn yield_now() {
    tokio::task::yield_now().await;
}

/// Runs a thread of its own.
pub fn thread<F>(name: &str, work: F) -> std::io::Result<std::thread::JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// A thread with a runtime of its own, for tasks that must get their turn however busy the others are: a heartbeat that
/// comes late is a connection lost. Dropped, it goes on until its main future ends; what still runs then is dropped.
#[derive(Clone, Debug)]
pub struct Dedicated(tokio::runtime::Handle);

impl Dedicated {
    /// Starts the thread and runs `main` on it.
    pub fn start<F>(name: &str, main: impl FnOnce(Self) -> F + Send + 'static) -> std::io::Result<Self>
    where
        F: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let dedicated = Self(runtime.handle().clone());
        let main_of = dedicated.clone();
        thread(name, move || {
            runtime.block_on(main(main_of));
            // A name that is still being looked up must not keep the thread.
            runtime.shutdown_background();
        })?;
        Ok(dedicated)
    }

    /// Runs a future on that thread, from wherever this is called.
    pub fn spawn<F>(&self, future: F) -> Running<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Running(self.0.spawn(future))
    }
}

/// A moment of this process, to measure how long something took. Unlike a clock it never jumps.
#[derive(Clone, Copy, Debug)]
pub struct Moment(tokio::time::Instant);

impl Moment {
    /// This one.
    pub fn now() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Milliseconds since then.
    pub fn elapsed_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The signals that ask a process to end: SIGINT and SIGTERM.
#[derive(Debug)]
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on these signals no longer end the process by themselves.
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Returns when the next of them comes.
    pub async fn next(&mut self) {
        let interrupt = std::pin::pin!(self.interrupt.recv());
        let terminate = std::pin::pin!(self.terminate.recv());
        futures_util::future::select(interrupt, terminate).await;
    }
}

/// The threads that everything runs on.
pub fn start() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
