//! Whatever is done in whatever order, with kills in between, Redis and the simple store in memory say the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use candor_platform::store::Store;
use candor_platform::store::redis::Settings;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::model::{Real, run, step};
use crate::stage::{Server, ready};

struct Prefixed {
    server: Server,
    prefix: String,
}

#[async_trait]
impl Real for Prefixed {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(ready(Settings { prefix: self.prefix.clone(), ..self.server.settings() }).await)
    }

    async fn close(&self) {
        self.server.restarted();
    }
}

#[test]
fn a_real_redis_says_what_the_simple_store_says() {
    let Some(server) = Server::start() else { return };
    let count = AtomicU32::new(0);
    let mut runner = TestRunner::new(ProptestConfig { cases: 16, ..ProptestConfig::default() });
    let compared = runner.run(&prop::collection::vec(step(), 1..25), |steps| {
        let prefix = format!("case-{}", count.fetch_add(1, Ordering::Relaxed));
        run(&Prefixed { server: server.clone(), prefix }, steps);
        Ok(())
    });
    compared.expect("they say the same");
}
