//! The conformance suite of the trait, unchanged, over one server and a prefix for each stage.

use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::Broker;
use candor_platform::conformance::broker::{BrokerFactory, BrokerStage, every_promise};
use candor_proto::route::Routes;
use candor_tests::server::RabbitMq;

use crate::stage::{WAIT_MS, connect, routes};

struct Server(Arc<RabbitMq>);

#[async_trait]
impl BrokerFactory for Server {
    async fn fresh(&self) -> Arc<dyn BrokerStage> {
        Arc::new(Stage { server: Arc::clone(&self.0), routes: routes() })
    }
}

struct Stage {
    server: Arc<RabbitMq>,
    routes: Routes,
}

#[async_trait]
impl BrokerStage for Stage {
    fn routes(&self) -> Routes {
        self.routes.clone()
    }

    async fn connect(&self) -> Arc<dyn Broker> {
        let broker = connect(&self.server, &self.routes);
        broker.up(WAIT_MS).await.expect("the server is there");
        broker
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_keeps_every_promise() {
    let Some(server) = RabbitMq::start("") else { return };
    every_promise(&Server(Arc::new(server))).await;
}

#[tokio::test]
async fn it_keeps_them_on_one_thread_too() {
    let Some(server) = RabbitMq::start("") else { return };
    every_promise(&Server(Arc::new(server))).await;
}
