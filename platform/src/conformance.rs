//! What every broker, store and artifact store must do, as suites that any implementation runs unchanged.
//!
//! An implementation brings a factory that makes fresh stages; a suite runs one promise after the other, each on
//! a stage of its own. Nothing here relies on an effect being seen at once: what must happen is waited for, with
//! a bound, and what must not happen is watched for a moment.

#![expect(clippy::expect_used, reason = "a suite reports by panicking, as a test does")]

pub mod artifacts;
pub mod broker;
pub mod store;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::runtime;

/// How long anything may take that must happen, in milliseconds: a broker that starts or hands over included.
pub const WAIT_MS: u64 = 30_000;

/// How long nothing must be seen before it counts as not happening, in milliseconds.
pub const QUIET_MS: u64 = 150;

/// How long one promise may take altogether, in milliseconds.
const PROMISE_MS: u64 = 180_000;

/// One promise: what it says, and how it is checked on a stage of its own.
pub struct Promise<S: ?Sized> {
    /// What it says, as the name of a test.
    pub name: &'static str,
    check: fn(Arc<S>) -> BoxFuture<'static, ()>,
}

impl<S: ?Sized + Send + Sync + 'static> Promise<S> {
    /// Whether the promise is kept on this stage; a panic has said why where it is not.
    pub async fn kept(&self, stage: Arc<S>) -> bool {
        let running = runtime::spawn((self.check)(stage));
        runtime::timeout(PROMISE_MS, running.join()).await.flatten().is_some()
    }
}

/// The promises of a suite, from the names of the functions that check them.
macro_rules! promises {
    ($($check:path),+ $(,)?) => {
        vec![$(crate::conformance::Promise {
            name: stringify!($check),
            check: |stage| Box::pin($check(stage)),
        }),+]
    };
}
use promises;

/// Panics with the names of the promises that were broken.
fn report(suite: &str, broken: &[&str]) {
    assert!(broken.is_empty(), "{suite}: {} promises were broken: {}", broken.len(), broken.join(", "));
}

/// The value that a future comes to, within the time that anything may take.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    runtime::timeout(WAIT_MS, future).await.unwrap_or_else(|| panic!("{what}: nothing came within {WAIT_MS} ms"))
}

/// Whether a future comes to nothing for a moment.
async fn quiet<T>(future: impl Future<Output = T>) -> bool {
    runtime::timeout(QUIET_MS, future).await.is_none()
}

/// Asks again and again until the answer is there.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            runtime::sleep(20).await;
        }
    };
    soon(what, asking).await
}
