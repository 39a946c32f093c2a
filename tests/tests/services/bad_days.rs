//! Servers that die and come back, under load.

use candor_tests::server::{RabbitMq, Redis, until};
use candor_tests::services::Deployment;

use crate::{end, start, submit};

/// A job of many small tasks whose outputs can be computed here.
fn work(number: usize) -> String {
    format!(
        "name: work-{number}\ntasks:\n  - {{ id: many, for_each: \"${{{{ lists.range(200) }}}}\", run: 'awk -v n=\"${{{{ item }}}}\" \"BEGIN {{ print n * 7 }}\"' }}\n"
    )
}

fn right(summary: &serde_json::Value) {
    assert_eq!(summary["result"], "complete", "{summary}");
    let outputs = summary["tasks"]["many"]["outputs"].as_array().expect("a list");
    for (number, output) in outputs.iter().enumerate() {
        assert_eq!(output["stdout"], format!("{}\n", number * 7), "item {number}");
    }
}

fn under_load(mut disturb: impl FnMut(&mut RabbitMq, &mut Redis)) {
    let (Some(mut rabbitmq), Some(mut redis)) = (RabbitMq::start(""), Redis::start()) else { return };
    let mut deployment = Deployment::over(&rabbitmq.url(), &redis.url());
    start(&mut deployment, 1, 2, 2);
    // RabbitMQ 3.10 writes the names of new queues down some seconds late, and a queue that is killed before never
    // answers again. Stopped in good order it has written them.
    rabbitmq.controlled(&["stop_app"]);
    rabbitmq.controlled(&["start_app"]);
    let jobs: Vec<String> = (0..4).map(|number| submit(&deployment, &work(number))).collect();
    until("the work to have begun", || {
        deployment.json(&["status", &jobs[0]])["tasks"]["many"]["items"]["succeeded"].as_u64() > Some(5)
    });
    disturb(&mut rabbitmq, &mut redis);
    for job in &jobs {
        right(&end(&deployment, job));
    }
    right(&end(&deployment, &submit(&deployment, &work(9))));
}

#[test]
fn a_broker_that_is_killed_and_comes_back_loses_nothing() {
    under_load(|rabbitmq, _| {
        rabbitmq.kill();
        rabbitmq.restart();
    });
}

#[test]
fn a_store_that_is_killed_and_comes_back_loses_nothing() {
    under_load(|_, redis| {
        redis.kill();
        redis.restart();
    });
}

#[test]
fn both_at_once_lose_nothing() {
    under_load(|rabbitmq, redis| {
        rabbitmq.kill();
        redis.kill();
        redis.restart();
        rabbitmq.restart();
    });
}
