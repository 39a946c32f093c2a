//! A worker on its queues: what it publishes, what it settles, and in which order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use candor_platform::broker::Fate;
use candor_platform::runtime::sync::watch;
use candor_platform::{Artifacts, Broker, SystemClock, runtime};
use candor_proto::message::{Assignment, Report, Revocation};
use candor_proto::{Message, Outcome};
use candor_worker::service::Counters;
use candor_worker::{Config, Service, Trouble};
use serde_json::json;

use crate::artifacts::Full;
use crate::broker::{Happened, POOLS, Recording};
use crate::stage::{Case, Stage, case};

const TASKS: &str = "candor.tasks.default";
/// A second pool, whose assignments may have to wait for a place.
const OTHER: &str = "candor.tasks.other";

struct Running {
    broker: Arc<Recording>,
    drain: watch::Sender<bool>,
    counters: Arc<Counters>,
    trouble: watch::Receiver<Option<Trouble>>,
    service: runtime::Running<()>,
}

async fn start(stage: &Stage, grace_ms: u64) -> Running {
    start_on(stage, Recording::new("reports").await, |config| config.grace_ms = grace_ms)
}

fn start_on(stage: &Stage, broker: Arc<Recording>, adjust: impl FnOnce(&mut Config)) -> Running {
    start_with(stage, broker, Arc::clone(&stage.artifacts) as Arc<dyn Artifacts>, adjust)
}

fn start_with(
    stage: &Stage,
    broker: Arc<Recording>,
    artifacts: Arc<dyn Artifacts>,
    adjust: impl FnOnce(&mut Config),
) -> Running {
    let mut config = Config::new("one", std::env::var_os("PATH").unwrap().into_string().unwrap());
    config.work_dir = Some(stage.work.path().to_owned());
    config.concurrency = 2;
    config.pools = POOLS.map(str::to_owned).to_vec();
    adjust(&mut config);
    let service =
        Service::new(config, Arc::clone(&broker) as Arc<dyn Broker>, artifacts, Arc::new(SystemClock)).unwrap();
    let (drain, mut draining) = watch::channel(false);
    let (counters, trouble) = (service.counters(), service.trouble());
    let service = runtime::spawn(async move {
        let drained = async {
            let _ = draining.wait_for(|draining| *draining).await;
        };
        service.run(drained, std::future::pending()).await.unwrap();
    });
    Running { broker, drain, counters, trouble, service }
}

impl Running {
    async fn assign(&self, assignment: &Assignment) -> u32 {
        self.assign_to(TASKS, assignment).await
    }

    async fn assign_to(&self, queue: &str, assignment: &Assignment) -> u32 {
        self.broker.send(queue, Ok(Message::Assignment(Box::new(assignment.clone())))).await
    }

    async fn settled(&self, number: u32) -> Vec<Happened> {
        self.broker.record.until(|all| fate(all, number).is_some()).await
    }

    async fn end(self) -> Vec<Happened> {
        self.drain.send_replace(true);
        self.service.join().await.unwrap();
        self.broker.record.until(|_| true).await
    }
}

fn fate(all: &[Happened], number: u32) -> Option<Fate> {
    all.iter().find_map(|one| match one {
        Happened::Settled(settled, fate) if *settled == number => Some(fate.clone()),
        Happened::Settled(..) | Happened::Published(..) | Happened::Abandoned(_) => None,
    })
}

fn reports(all: &[Happened]) -> Vec<&Report> {
    let report = |one| match one {
        &Happened::Published(_, Message::Report(ref report)) => Some(&**report),
        _ => None,
    };
    all.iter().filter_map(report).collect()
}

async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            runtime::sleep(5).await;
        }
    };
    runtime::timeout(10_000, wait).await.unwrap();
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("an assignment is reported and only then settled", |stage| async move {
            let worker = start(&stage, 1_000).await;
            let assignment = stage.assignment("noop", json!({"a": 1}));
            let number = worker.assign(&assignment).await;
            let all = worker.settled(number).await;
            assert!(matches!(&all[0], Happened::Published(queue, Message::Report(_)) if queue == "reports"), "{all:?}");
            assert_eq!(all[1], Happened::Settled(number, Fate::Done));
            let report = reports(&all)[0];
            assert_eq!((report.attempt, report.worker.as_str()), (assignment.attempt, "one"));
            assert!(matches!(&report.outcome, Outcome::Done { outputs, .. } if outputs["a"] == 1));
            worker.end().await;
        }),
        case("outputs that are too large to travel are stored, and the report says where", |stage| async move {
            let worker = start(&stage, 1_000).await;
            let with = json!({"list": (0..400_000).collect::<Vec<_>>(), "half": 2.0, "text": "ü"});
            let (large, small) = (stage.assignment("noop", with.clone()), stage.assignment("noop", json!({"a": "b"})));
            let numbers = [worker.assign(&large).await, worker.assign(&small).await];
            worker.settled(numbers[0]).await;
            let all = worker.settled(numbers[1]).await;
            let reported = |of: &Assignment| reports(&all).into_iter().find(|one| one.attempt == of.attempt).cloned();
            let (large, small) = (reported(&large).unwrap(), reported(&small).unwrap());
            assert!(matches!(&small.outcome, Outcome::Done { outputs, .. } if outputs["a"] == "b"));
            assert_eq!(small.stored, None);
            assert!(matches!(&large.outcome, Outcome::Done { outputs, .. } if outputs.is_empty()));
            let body = stage.artifacts.get(large.stored.unwrap().sha256, u64::MAX).await.unwrap();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), with, "2.0 is not 2");
            worker.end().await;
        }),
        case(
            "what a full disk of the worker's own keeps from its end is given back and not reported",
            |stage| async move {
                let full = Arc::new(Full::new(Arc::clone(&stage.artifacts)));
                let mut worker = start_with(
                    &stage,
                    Recording::new("reports").await,
                    Arc::clone(&full) as Arc<dyn Artifacts>,
                    |config| config.grace_ms = 1_000,
                );
                let script = "head -c 100000 /dev/zero | tr '\\0' x; echo x > out/a";
                let number = worker.assign(&stage.assignment("shell", json!({"run": script}))).await;
                let trouble = worker.trouble.wait_for(Option::is_some).await.unwrap().clone().unwrap();
                assert!(trouble.message.contains("No space left"), "{trouble}");
                let trouble = worker.trouble.clone();
                let all = worker.end().await;
                assert!(reports(&all).is_empty(), "{all:?}");
                assert!(matches!(fate(&all, number), Some(Fate::Again)), "{all:?}");
                assert!(trouble.borrow().is_some());
            },
        ),
        case("a full disk that only the program sees is the program's failure", |stage| async move {
            let worker = start(&stage, 1_000).await;
            let number = worker.assign(&stage.assignment("shell", json!({"run": "echo x > /dev/full"}))).await;
            let all = worker.settled(number).await;
            assert!(matches!(&reports(&all)[0].outcome, Outcome::Fail { error } if error.code == "exit"), "{all:?}");
            worker.end().await;
        }),
        case("a report that is not taken is sent again", |stage| async move {
            let worker = start(&stage, 1_000).await;
            *worker.broker.failing.lock().unwrap() = 2;
            let number = worker.assign(&stage.assignment("noop", json!({}))).await;
            let all = worker.settled(number).await;
            assert_eq!((reports(&all).len(), fate(&all, number)), (1, Some(Fate::Done)));
            worker.end().await;
        }),
        case("a copy of an attempt is dropped", |stage| async move {
            let worker = start(&stage, 1_000).await;
            let assignment = stage.assignment("shell", json!({"run": "sleep 0.2"}));
            let (first, second) = (worker.assign(&assignment).await, worker.assign(&assignment).await);
            worker.settled(second).await;
            worker.settled(first).await;
            let third = worker.assign(&assignment).await;
            let all = worker.settled(third).await;
            assert_eq!(reports(&all).len(), 1);
            assert_eq!(worker.counters.repeated.load(Ordering::Relaxed), 2);
            worker.end().await;
        }),
        case("an unknown action is given back and counted", |stage| async move {
            let worker = start(&stage, 1_000).await;
            let number = worker.assign(&stage.assignment("from.the.future", json!({}))).await;
            let all = worker.settled(number).await;
            assert_eq!((fate(&all, number), reports(&all).len()), (Some(Fate::Again), 0));
            assert_eq!(worker.counters.unknown.load(Ordering::Relaxed), 1);
            worker.end().await;
        }),
        case("what cannot be read, or is no assignment, goes to the dead", |stage| async move {
            let worker = start(&stage, 1_000).await;
            let unreadable = worker.broker.send(TASKS, Err(candor_proto::Error::TooLarge { bytes: 9 })).await;
            let job = stage.assignment("noop", json!({})).job;
            let strange = worker.broker.send(TASKS, Ok(Message::Planned(candor_proto::message::Planned { job }))).await;
            worker.settled(unreadable).await;
            let all = worker.settled(strange).await;
            assert_eq!((fate(&all, unreadable), fate(&all, strange)), (Some(Fate::Dead), Some(Fate::Dead)));
            worker.end().await;
        }),
        case("a revocation ends an attempt, also one that comes after it", |stage| async move {
            let worker = start(&stage, 1_000).await;
            let (running, later) = (
                stage.assignment("shell", json!({"run": "sleep 83"})),
                stage.assignment("shell", json!({"run": "sleep 84"})),
            );
            let number = worker.assign(&running).await;
            let revoke =
                |assignment: &Assignment| Revocation { job: assignment.job, attempts: vec![assignment.attempt] };
            for revocation in [revoke(&running), revoke(&later)] {
                let private = worker.broker.send("candor.worker.one", Ok(Message::Revocation(revocation))).await;
                worker.settled(private).await;
            }
            let second = worker.assign(&later).await;
            worker.settled(number).await;
            let all = worker.settled(second).await;
            let outcomes: Vec<_> = reports(&all).iter().map(|report| report.outcome.clone()).collect();
            assert_eq!(outcomes, [Outcome::Cancelled, Outcome::Cancelled]);
            worker.end().await;
        }),
        case("a draining worker finishes what runs and gives back what waits", |stage| async move {
            let worker = start(&stage, 10_000).await;
            let gate = stage.work.path().join("drained");
            let script = format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display());
            let assignments: Vec<_> = (0..3).map(|_| stage.assignment("shell", json!({"run": script}))).collect();
            let mut numbers = Vec::new();
            for (assignment, queue) in assignments.iter().zip([TASKS, TASKS, OTHER]) {
                numbers.push(worker.assign_to(queue, assignment).await);
            }
            until(|| assignments.iter().filter(|assignment| crate::stage::runs(assignment.attempt)).count() == 2).await;
            // All three have arrived, and there are places for two.
            let unsettled = || worker.broker.depth(TASKS).unsettled + worker.broker.depth(OTHER).unsettled;
            until(|| unsettled() == 3).await;
            worker.drain.send_replace(true);
            until(|| unsettled() == 2).await;
            std::fs::write(&gate, "").unwrap();
            let all = worker.end().await;
            std::fs::remove_file(gate).unwrap();
            let fates: Vec<_> = numbers.iter().map(|number| fate(&all, *number)).collect();
            let count = |wanted: Fate| fates.iter().filter(|fate| **fate == Some(wanted.clone())).count();
            assert_eq!((count(Fate::Done), count(Fate::Again), reports(&all).len()), (2, 1, 2), "{fates:?}");
        }),
        case("what waits long for a place is given back, and in the end it runs once", |stage| async move {
            let broker = Recording::new("reports").await;
            let worker = start_on(&stage, broker, |config| config.settle_after_ms = 50);
            let gate = stage.work.path().join("waited");
            let script = format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display());
            let assignments: Vec<_> = (0..3).map(|_| stage.assignment("shell", json!({"run": script}))).collect();
            let running = [worker.assign(&assignments[0]).await, worker.assign(&assignments[1]).await];
            until(|| assignments.iter().filter(|assignment| crate::stage::runs(assignment.attempt)).count() == 2).await;
            let waiting = worker.assign_to(OTHER, &assignments[2]).await;
            // Nobody holds a delivery for long: what runs lives by its lease, what waits goes back, but not for ever.
            let fates = |all: &[Happened], number: u32| -> Vec<Fate> {
                all.iter()
                    .filter_map(|one| match one {
                        Happened::Settled(settled, fate) if *settled == number => Some(fate.clone()),
                        Happened::Settled(..) | Happened::Published(..) | Happened::Abandoned(_) => None,
                    })
                    .collect()
            };
            let settled = |all: &[Happened]| {
                running.iter().chain([&waiting]).all(|number| fates(all, *number).contains(&Fate::Done))
            };
            let all = worker.broker.record.until(settled).await;
            assert_eq!(fates(&all, waiting), [Fate::Again, Fate::Again, Fate::Again, Fate::Done]);
            assert_eq!((fates(&all, running[0]), reports(&all).len()), (vec![Fate::Done], 0));
            std::fs::write(&gate, "").unwrap();
            let all = worker.broker.record.until(|all| reports(all).len() == 3).await;
            assert!(reports(&all).iter().all(|report| matches!(report.outcome, Outcome::Done { .. })));
            assert_eq!(worker.end().await.len(), all.len(), "and nothing is said twice");
            std::fs::remove_file(gate).unwrap();
        }),
        case("a worker waits for a broker that is not there yet", |stage| async move {
            let broker = Recording::new("reports").await;
            *broker.absent.lock().unwrap() = 3;
            let worker = start_on(&stage, broker, |_| {});
            let number = worker.assign(&stage.assignment("noop", json!({}))).await;
            worker.settled(number).await;
            assert_eq!(*worker.broker.absent.lock().unwrap(), 0);
            worker.end().await;
        }),
        case("a worker that waits for its broker can be told to end", |stage| async move {
            let broker = Recording::new("reports").await;
            *broker.absent.lock().unwrap() = u32::MAX;
            start_on(&stage, broker, |_| {}).end().await;
        }),
        case("after its connection broke a worker hears revocations again", |stage| async move {
            let worker = start(&stage, 1_000).await;
            let first = worker.assign(&stage.assignment("noop", json!({}))).await;
            worker.settled(first).await;
            worker.broker.break_off().await;
            let running = stage.assignment("shell", json!({"run": "sleep 87"}));
            let number = worker.assign(&running).await;
            until(|| crate::stage::runs(running.attempt)).await;
            let revocation = Revocation { job: running.job, attempts: vec![] };
            worker.broker.send("candor.worker.one", Ok(Message::Revocation(revocation))).await;
            let all = worker.settled(number).await;
            assert_eq!(reports(&all).last().unwrap().outcome, Outcome::Cancelled);
            worker.end().await;
        }),
        case("a worker whose grace is over stops what runs and reports nothing of it", |stage| async move {
            let worker = start(&stage, 300).await;
            let assignment = stage.assignment("shell", json!({"run": "setsid sleep 85 & sleep 85"}));
            let number = worker.assign(&assignment).await;
            until(|| crate::stage::runs(assignment.attempt)).await;
            let all = worker.end().await;
            assert_eq!((fate(&all, number), reports(&all).len()), (Some(Fate::Again), 0));
        }),
        case("what is held long is said", |stage| async move {
            let worker = start(&stage, 100).await;
            let assignment = stage.assignment("shell", json!({"run": "sleep 86"}));
            worker.assign(&assignment).await;
            let holding = |all: &[Happened]| {
                all.iter().find_map(|one| match one {
                    Happened::Published(queue, Message::Holding(holding)) => Some((queue.clone(), holding.clone())),
                    _ => None,
                })
            };
            let all = worker.broker.record.until(|all| holding(all).is_some()).await;
            let (queue, said) = holding(&all).unwrap();
            assert_eq!(queue, format!("candor.assembler.{}", assignment.job.partition(16)));
            assert_eq!(said.attempts, [(assignment.job, assignment.attempt)]);
            worker.end().await;
        }),
        case("an attempt that must be claimed is not started", |stage| async move {
            let worker = start(&stage, 100).await;
            let mut assignment = stage.assignment("noop", json!({}));
            assignment.claim = true;
            let number = worker.assign(&assignment).await;
            let all = worker.settled(number).await;
            assert!(matches!(&reports(&all)[0].outcome, Outcome::Fail { error } if error.code == "claim"));
            worker.end().await;
        }),
    ]
}
