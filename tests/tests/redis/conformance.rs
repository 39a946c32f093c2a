//! The suite of every store, on a server of its own and on a cluster of one node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use candor_platform::conformance::store::{StoreFactory, StoreStage, every_promise};
use candor_platform::store::Store;
use candor_platform::store::redis::Settings;

use crate::stage::{Server, on_threads, ready};

/// One server, and a prefix of its own for every stage.
struct Stages {
    server: Server,
    count: AtomicU32,
}

struct Stage {
    server: Server,
    prefix: String,
}

#[async_trait]
impl StoreFactory for Stages {
    async fn fresh(&self) -> Arc<dyn StoreStage> {
        let prefix = format!("stage-{}", self.count.fetch_add(1, Ordering::Relaxed));
        Arc::new(Stage { server: self.server.clone(), prefix })
    }
}

#[async_trait]
impl StoreStage for Stage {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(ready(Settings { prefix: self.prefix.clone(), ..self.server.settings() }).await)
    }

    async fn restart(&self) {
        self.server.restarted();
    }
}

fn every_promise_on(server: Server) {
    on_threads(every_promise(&Stages { server, count: AtomicU32::new(0) }));
}

#[test]
fn a_real_redis_keeps_every_promise() {
    let Some(server) = Server::start() else { return };
    every_promise_on(server);
}

#[test]
fn a_cluster_of_one_node_keeps_every_promise() {
    // Its second port would be the first one and 10,000, which there may not be.
    let second = candor_tests::server::free_port().to_string();
    let cluster = ["--cluster-enabled", "yes", "--cluster-port", &second];
    let durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    let Some(server) = Server::start_with(&[cluster.as_slice(), &durable].concat()) else { return };
    assert_eq!(server.say(&["cluster", "addslotsrange", "0", "16383"]), "OK");
    every_promise_on(server);
}
