//! What becomes of the store in a file when the file, the disk or the power lets it down.

#![expect(clippy::expect_used, reason = "helpers of a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use candor_platform::Error;
use candor_platform::runtime;
use candor_platform::store::embedded::EmbeddedStore;
use candor_platform::store::{Append, JobLine, Store};
use candor_proto::{AttemptId, Epoch, Event, JobId, JobState, Node, OwnerId, Recorded, Sha256};
use proptest::prelude::*;
use redb::{Database, StorageBackend, TableDefinition};
use uuid::Uuid;

const OWNER: OwnerId = OwnerId::from_uuid(Uuid::from_u128(1));

fn job(number: u128) -> JobId {
    JobId::from_uuid(Uuid::from_u128(number))
}

fn event(seq: u64) -> Recorded {
    let attempt = AttemptId::from_uuid(Uuid::from_u128(seq.into()));
    let event = Event::Released { node: Node::task(0), attempt, input_digest: Sha256::of(&seq.to_be_bytes()) };
    Recorded { seq, at: seq, event }
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

fn io_error<T: std::fmt::Debug>(result: Result<T, Error>, name: &str) {
    match result {
        Err(Error::Io { what, .. }) => assert!(what.contains(name), "{what}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let first = EmbeddedStore::open(&path).await.expect("it opens");
    let in_use = Error::InUse { path: path.display().to_string() };
    assert_eq!(EmbeddedStore::open(&path).await.err(), Some(in_use.clone()));
    assert_eq!(EmbeddedStore::open_waiting(&path, 50).await.err(), Some(in_use));
    first.claim(0, OWNER).await.expect("the first is not disturbed");
    let waiting = {
        let path = path.clone();
        runtime::spawn(async move { EmbeddedStore::open_waiting(path, 30_000).await })
    };
    runtime::sleep(50).await;
    drop(first);
    let second = waiting.join().await.expect("it ends").expect("it opens once the first is gone");
    assert_eq!(second.claim(0, OWNER).await.map(|epoch| epoch.counter), Ok(2));
}

#[tokio::test]
async fn a_place_where_no_file_can_be_is_refused_with_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    io_error(EmbeddedStore::open(folder.path()).await, &folder.path().display().to_string());
    let missing = folder.path().join("missing/state");
    io_error(EmbeddedStore::open(&missing).await, &missing.display().to_string());
    assert!(!missing.exists());
}

#[tokio::test]
async fn a_newer_format_is_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    EmbeddedStore::open(&path).await.expect("it opens").close().await;
    write_number(&path, "numbers", "format", 7);
    let newer = Error::Newer { what: path.display().to_string(), found: 7, known: 1 };
    assert_eq!(EmbeddedStore::open(&path).await.err(), Some(newer.clone()));
    assert_eq!(EmbeddedStore::open(&path).await.err(), Some(newer), "it was not changed");
}

#[tokio::test]
async fn a_database_of_somebody_else_is_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    write_number(&path, "theirs", "x", 1);
    let refused = EmbeddedStore::open(&path).await;
    assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
}

fn write_number(path: &Path, table: &str, name: &str, number: u32) {
    let database = Database::create(path).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    let definition: TableDefinition<'_, &str, u32> = TableDefinition::new(table);
    transaction.open_table(definition).expect("a table").insert(name, number).expect("a row");
    transaction.commit().expect("a commit");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in [("text", b"hello".repeat(1000)), ("short", b"redb".to_vec()), ("one", vec![0, 0, 1])] {
        let path = folder.path().join(name);
        fs::write(&path, &bytes).expect("a file");
        let opened = EmbeddedStore::open(&path).await;
        assert!(matches!(opened, Err(Error::Damaged { .. })), "{name}: {opened:?}");
        assert!(fs::read(&path).is_ok_and(|now| now == bytes), "{name} was changed");
    }
}

#[tokio::test]
async fn a_file_whose_maker_died_over_it_is_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, length) in [("empty", 0), ("short", 9), ("long", 1_052_672)] {
        let path = folder.path().join(name);
        fs::write(&path, vec![0; length]).expect("a file");
        let store = EmbeddedStore::open(&path).await.expect("nothing was ever kept in it");
        assert_eq!(store.partitions(4).await, Ok(4));
    }
}

/// Fills a store and gives back what must be in it.
async fn filled(store: &EmbeddedStore) -> BTreeMap<u128, u64> {
    let epoch = store.claim(0, OWNER).await.expect("a claim");
    let mut lengths = BTreeMap::new();
    for turn in 0..6 {
        let batch = (0..5).map(|number| grow(number, turn * 40, 40)).collect();
        store.append(0, epoch, batch).await.expect("an append");
    }
    lengths.extend((0..5).map(|number| (number, 240)));
    lengths
}

/// Everything the store says is what was written; it may refuse to say it.
async fn says_nothing_wrong(store: &EmbeddedStore, lengths: &BTreeMap<u128, u64>) -> Result<(), Error> {
    let mut live = store.live(0).await?;
    live.sort();
    assert_eq!(live, lengths.keys().map(|number| job(*number)).collect::<Vec<_>>());
    for (number, length) in lengths {
        let log = store.log(0, job(*number), 0, usize::MAX).await?;
        assert!(log == (1..=*length).map(event).collect::<Vec<_>>(), "job {number} says something else");
        store.line(0, job(*number)).await?;
    }
    store.lines(0, 100).await.map(drop)
}

#[tokio::test]
async fn a_damaged_file_is_refused_or_still_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let store = EmbeddedStore::open(&path).await.expect("it opens");
    let lengths = filled(&store).await;
    store.close().await;
    let whole = fs::read(&path).expect("the file");
    let mut refused = 0;
    for round in 0..120_usize {
        let mut bytes = whole.clone();
        // Spread over the file by a multiplicative sequence, so that headers, trees and bodies are all hit.
        let at = round.wrapping_mul(0x9E37_79B9_7F4A_7C15) % bytes.len();
        // An empty file is a new one, so something is always left.
        let at = if round < 40 { at % 20_000 } else { at }.max(1);
        match round % 4 {
            0 => bytes.truncate(at),
            1 => bytes[at..].iter_mut().take(4096).for_each(|byte| *byte = 0),
            _ => bytes[at] ^= 1 << (round % 8),
        }
        let path = folder.path().join(format!("damaged-{round}"));
        fs::write(&path, &bytes).expect("a file");
        let said = match EmbeddedStore::open(&path).await {
            Ok(store) => {
                let said = says_nothing_wrong(&store, &lengths).await;
                store.close().await;
                said
            }
            Err(error) => Err(error),
        };
        match said {
            Ok(()) => {}
            Err(Error::Damaged { .. }) => refused += 1,
            Err(other) => panic!("round {round}: {other}"),
        }
    }
    assert!(refused > 20, "only {refused} were noticed");
}

/// A disk that can be full, fail, and lose what was not synced.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug)]
struct Platter {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// Since the last sync.
    writes: Vec<(usize, Vec<u8>)>,
    capacity: usize,
    /// Operations until one fails; none where nothing does.
    fails_in: Option<usize>,
}

impl Default for Platter {
    fn default() -> Self {
        Self { now: Vec::new(), synced: Vec::new(), writes: Vec::new(), capacity: usize::MAX, fails_in: None }
    }
}

impl Disk {
    fn with<T>(&self, work: impl FnOnce(&mut Platter) -> T) -> T {
        work(&mut self.0.lock().expect("nobody panics with the disk"))
    }

    fn operation<T>(&self, work: impl FnOnce(&mut Platter) -> io::Result<T>) -> io::Result<T> {
        self.with(|platter| {
            match &mut platter.fails_in {
                Some(0) => {
                    platter.fails_in = None;
                    return Err(io::Error::other("the disk hiccups"));
                }
                Some(left) => *left -= 1,
                None => {}
            }
            work(platter)
        })
    }

    /// The power is cut: of what was not synced only what `survives` says is there.
    fn cut(&self, survives: &[bool]) -> Self {
        let mut bytes = self.with(|platter| platter.synced.clone());
        let writes = self.with(|platter| platter.writes.clone());
        for ((at, piece), _) in writes.iter().zip(survives.iter().cycle()).filter(|(_, survives)| **survives) {
            let end = at + piece.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at..end].copy_from_slice(piece);
        }
        // A longer file is known by its length, whatever became of its content.
        let length = self.with(|platter| platter.now.len());
        bytes.resize(length.max(bytes.len()), 0);
        let platter = Platter { now: bytes.clone(), synced: bytes, ..Platter::default() };
        Self(Arc::new(Mutex::new(platter)))
    }

    async fn open(&self) -> Result<EmbeddedStore, Error> {
        let disk = self.clone();
        EmbeddedStore::open_on("the disk", move || Ok(disk.clone())).await
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|platter| platter.now.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|platter| {
            let from = usize::try_from(offset).expect("small");
            let read = platter.now.get(from..from + out.len());
            out.copy_from_slice(read.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.operation(|platter| {
            platter.now.resize(usize::try_from(length).expect("small"), 0);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.operation(|platter| {
            platter.synced = platter.now.clone();
            platter.writes.clear();
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.operation(|platter| {
            let from = usize::try_from(offset).expect("small");
            let end = from + data.len();
            // As with a sparse file: room is taken when something is written, not when the file is made longer.
            if end > platter.capacity {
                return Err(io::ErrorKind::StorageFull.into());
            }
            platter.now[from..end].copy_from_slice(data);
            platter.writes.push((from, data.to_vec()));
            Ok(())
        })
    }
}

/// Appends until it is refused or `turns` are over; says how long the log is for sure.
async fn write_on(store: &EmbeddedStore, epoch: Epoch, from: u64, turns: u64) -> (u64, Result<(), Error>) {
    let mut length = from;
    for _ in 0..turns {
        if let Err(error) = store.append(0, epoch, vec![grow(1, length, 50)]).await {
            return (length, Err(error));
        }
        length += 50;
    }
    (length, Ok(()))
}

async fn length(store: &EmbeddedStore) -> u64 {
    let log = store.log(0, job(1), 0, usize::MAX).await.expect("a log");
    assert!(log == (1..=log.len() as u64).map(event).collect::<Vec<_>>());
    log.len() as u64
}

#[tokio::test]
async fn a_full_disk_refuses_and_the_store_goes_on_when_there_is_room() {
    let disk = Disk::default();
    let store = disk.open().await.expect("it opens");
    let epoch = store.claim(0, OWNER).await.expect("a claim");
    let (written, _) = write_on(&store, epoch, 0, 3).await;
    disk.with(|platter| platter.capacity = platter.now.len());
    let (written, full) = write_on(&store, epoch, written, 10_000).await;
    io_error(full, "the disk");
    io_error(store.append(0, epoch, vec![grow(2, 0, 5_000)]).await, "the disk");
    assert_eq!(length(&store).await, written, "what was acknowledged can still be read");
    disk.with(|platter| platter.capacity = usize::MAX);
    let (written, went_on) = write_on(&store, epoch, written, 20).await;
    assert_eq!(went_on, Ok(()));
    store.close().await;
    assert_eq!(length(&disk.open().await.expect("it opens")).await, written);
}

#[tokio::test]
async fn one_failed_operation_anywhere_loses_nothing_that_was_acknowledged() {
    for fails_in in 0..60 {
        let disk = Disk::default();
        let store = disk.open().await.expect("it opens");
        let epoch = store.claim(0, OWNER).await.expect("a claim");
        let (written, _) = write_on(&store, epoch, 0, 2).await;
        disk.with(|platter| platter.fails_in = Some(fails_in));
        let (written, hiccup) = write_on(&store, epoch, written, 8).await;
        if let Err(error) = hiccup {
            io_error::<()>(Err(error), "the disk");
        }
        disk.with(|platter| platter.fails_in = None);
        // Whether the refused append is there nobody can know, but nothing less and nothing else.
        let now = length(&store).await;
        assert!(now == written || now == written + 50, "{fails_in}: {now} instead of {written}");
        let (written, went_on) = write_on(&store, epoch, now, 3).await;
        assert_eq!(went_on, Ok(()), "{fails_in}");
        store.close().await;
        assert_eq!(length(&disk.open().await.expect("it opens")).await, written);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn a_power_cut_loses_nothing_that_was_acknowledged(
        turns in 1..12_u64,
        fails_in in 0..40_usize,
        survives in prop::collection::vec(any::<bool>(), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let disk = Disk::default();
            let store = disk.open().await.expect("it opens");
            let epoch = store.claim(0, OWNER).await.expect("a claim");
            let (written, _) = write_on(&store, epoch, 0, turns).await;
            // It stops in the middle of a later commit, as if that were the moment of the cut.
            disk.with(|platter| platter.fails_in = Some(fails_in));
            let (written, _) = write_on(&store, epoch, written, 1).await;
            let after = disk.cut(&survives);
            let store = after.open().await.expect("it opens after the cut");
            let now = length(&store).await;
            assert!(now == written || now == written + 50, "{now} instead of {written}");
            assert_eq!(store.confirm(0, epoch).await, Ok(()));
            let (_, went_on) = write_on(&store, epoch, now, 2).await;
            assert_eq!(went_on, Ok(()));
        });
    }
}
