//! Many tasks, long tasks, and workers that come and go meanwhile.

use std::collections::BTreeMap;

use candor_tests::server::{RabbitMq, Redis, until};
use candor_tests::services::Deployment;

use crate::{end, running, start, submit};

/// How often each task was begun, over all workers.
fn begun(deployment: &Deployment) -> BTreeMap<String, usize> {
    let mut begun = BTreeMap::new();
    for line in deployment.logs().lines().filter(|line| line.contains("attempt begins")) {
        let attempt = line.split("attempt=").nth(1).and_then(|rest| rest.split_whitespace().next());
        *begun.entry(attempt.expect("it names its attempt").to_owned()).or_default() += 1;
    }
    begun
}

#[test]
fn ten_thousand_tasks_run_once_each_while_a_worker_comes_and_another_goes() {
    let Some(mut deployment) = running(1, 1, 0) else { return };
    deployment.set("CANDOR_LOG", "info,candor_worker=debug");
    let first = deployment.start(&["worker"]);
    deployment.start(&["worker"]);
    let job = submit(
        &deployment,
        "name: many\ntasks:\n  - { id: a, for_each: \"${{ lists.range(10000) }}\", uses: noop, with: { n: \"${{ item }}\" } }\n",
    );
    until("some to be done", || {
        deployment.json(&["status", &job])["tasks"]["a"]["items"]["succeeded"].as_u64() > Some(500)
    });
    deployment.start(&["worker"]);
    assert!(deployment.drain(first).success());
    let summary = end(&deployment, &job);
    assert_eq!(
        summary["tasks"]["a"]["items"],
        serde_json::json!({"total": 10000, "succeeded": 10000, "failed": 0, "failures": []})
    );
    let begun = begun(&deployment);
    assert_eq!((begun.len(), begun.values().filter(|times| **times > 1).count()), (10_000, 0));
    assert!(!deployment.logs().contains("ERROR"), "no error");
}

#[test]
fn a_task_that_outlives_the_brokers_consumer_time_out_runs_once() {
    let (Some(rabbitmq), Some(redis)) = (RabbitMq::start("consumer_timeout = 2000\n"), Redis::start()) else { return };
    // The server looks for late consumers once a minute; here it looks all the time.
    rabbitmq.controlled(&["eval", "application:set_env(rabbit, channel_tick_interval, 500)."]);
    let mut deployment = Deployment::over(&rabbitmq.url(), &redis.url());
    deployment.set("CANDOR_LOG", "info,candor_worker=debug");
    deployment.set("CANDOR_SETTLE_AFTER", "1s");
    start(&mut deployment, 1, 1, 2);
    let job = submit(&deployment, "name: long\ntasks:\n  - { id: a, run: \"sleep 8; echo done\" }\n");
    assert_eq!(end(&deployment, &job)["tasks"]["a"]["outputs"]["stdout"], "done\n");
    assert_eq!(begun(&deployment).values().collect::<Vec<_>>(), [&1]);
}
