//! A process that writes to the store is killed at any moment, again and again: what it was told is there, is there.

#![expect(clippy::expect_used, reason = "helpers of a test may panic")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use candor_platform::runtime;
use candor_platform::store::embedded::EmbeddedStore;
use candor_platform::store::{Append, JobLine, Store};
use candor_proto::{AttemptId, Event, JobId, JobState, Node, OwnerId, Recorded, Sha256};
use uuid::Uuid;

/// Tells the writing process where the store is; without it that test has nothing to do.
const PLACE: &str = "CANDOR_TEST_STORE";
/// Jobs that are written to at once, so that commits have several appends.
const JOBS: u128 = 4;
/// How often the process is killed.
const KILLS: u64 = 40;

fn event(seq: u64) -> Recorded {
    let attempt = AttemptId::from_uuid(Uuid::from_u128(seq.into()));
    let event = Event::Released { node: Node::task(0), attempt, input_digest: Sha256::of(&seq.to_be_bytes()) };
    Recorded { seq, at: seq, event }
}

fn job(number: u128) -> JobId {
    JobId::from_uuid(Uuid::from_u128(number))
}

fn grow(number: u128, expected_seq: u64, count: u64) -> Append {
    let line = JobLine {
        job: job(number),
        workflow: "w".into(),
        state: JobState::InProgress,
        result: None,
        created_at: 1,
        ended_at: None,
        total: 0,
        succeeded: 0,
        failed: 0,
        running: 0,
    };
    let events = (expected_seq + 1..=expected_seq + count).map(event).collect();
    Append { job: job(number), expected_seq, events, line, live: true }
}

/// The process that is killed: this test, run by the other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_writing_process_writes_until_it_is_killed() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let store = EmbeddedStore::open_waiting(PathBuf::from(place), 10_000).await.expect("it opens");
    let store = std::sync::Arc::new(store);
    let epoch = store.claim(0, OwnerId::from_uuid(Uuid::now_v7())).await.expect("a claim");
    let writers: Vec<_> = (0..JOBS)
        .map(|number| {
            let store = store.clone();
            runtime::spawn(async move {
                let mut length = store.log(0, job(number), 0, usize::MAX).await.expect("a log").len() as u64;
                for turn in 0.. {
                    let count = 1 + turn % 7;
                    store.append(0, epoch, vec![grow(number, length, count)]).await.expect("an append");
                    length += count;
                    // One write, so that the line is whole or not there.
                    let line = format!("{number} {length}\n");
                    std::io::stderr().write_all(line.as_bytes()).expect("somebody listens");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().await;
    }
}

fn start(place: &Path) -> (Child, BufReader<ChildStderr>) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "the_writing_process_writes_until_it_is_killed", "--nocapture"])
        .env(PLACE, place)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the writing process");
    let told = child.stderr.take().expect("it is piped");
    (child, BufReader::new(told))
}

/// Reads what the process was told until `count` lines came, kills it, and reads the rest.
fn kill_after(place: &Path, count: u64, acknowledged: &mut BTreeMap<u128, u64>) {
    let (mut child, mut told) = start(place);
    let mut line = String::new();
    let mut seen = 0;
    let mut killed = false;
    loop {
        if !killed && seen >= count {
            child.kill().expect("it can be killed");
            killed = true;
        }
        line.clear();
        if told.read_line(&mut line).expect("a line") == 0 {
            break;
        }
        let (number, length) = line.trim_end().split_once(' ').expect("a job and a length");
        let (number, length) = (number.parse().expect(&line), length.parse().expect("a length"));
        assert!(acknowledged.insert(number, length).is_none_or(|before| before < length));
        seen += 1;
    }
    child.wait().expect("it is gone");
    assert!(killed, "it ended by itself");
}

#[test]
fn whatever_was_acknowledged_survives_a_kill_at_any_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("state");
    let mut acknowledged = BTreeMap::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for kill in 0..KILLS {
        // At first before or while the file is made, later after a few or many appends.
        kill_after(&place, kill * kill % 97, &mut acknowledged);
        runtime.block_on(async {
            let store = EmbeddedStore::open_waiting(&place, 10_000).await.expect("it opens after a kill");
            for number in 0..JOBS {
                let log = store.log(0, job(number), 0, usize::MAX).await.expect("a log");
                let least = acknowledged.get(&number).copied().unwrap_or(0);
                assert!(log.len() as u64 >= least, "kill {kill}: {} events instead of {least}", log.len());
                assert!(log == (1..=log.len() as u64).map(event).collect::<Vec<_>>());
                acknowledged.insert(number, log.len() as u64);
            }
            store.close().await;
        });
    }
    assert!(acknowledged.values().sum::<u64>() > KILLS, "hardly anything was written");
}

#[test]
fn a_kill_while_the_file_is_made_leaves_a_store_or_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for round in 0..30_u64 {
        let place = folder.path().join(format!("state-{round}"));
        let (mut child, told) = start(&place);
        // Wherever it is by then: starting, making the file, claiming, writing.
        runtime.block_on(runtime::sleep(round / 2));
        child.kill().expect("it can be killed");
        let acknowledged = told.lines().map_while(Result::ok).filter(|line| line.contains(' ')).count();
        child.wait().expect("it is gone");
        runtime.block_on(async {
            let store = EmbeddedStore::open_waiting(&place, 10_000).await.expect("it opens after a kill");
            let live = store.live(0).await.expect("the live jobs").len();
            assert!(live > 0 || acknowledged == 0, "round {round}: {acknowledged} appends are gone");
            store.close().await;
        });
    }
}
