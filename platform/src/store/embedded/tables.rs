//! What lies in the file, and the one place that reads and writes it.
//!
//! Every body is sealed, so that a damaged page is not taken for a log.

use std::collections::HashMap;

use candor_proto::codec::{Encoding, read, write};
use candor_proto::{Epoch, JobId, Millis, OwnerId, Recorded};
use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use uuid::Uuid;

use super::STORE_FORMAT;
use crate::error::{Error, Result};
use crate::store::seal::{line_place, log_place, opened, sealed};
use crate::store::{Append, JobLine};

/// Numbers of the whole file, by name.
const NUMBERS: TableDefinition<'_, &str, u32> = TableDefinition::new("numbers");
/// Ids of the whole file, by name.
const IDS: TableDefinition<'_, &str, u128> = TableDefinition::new("ids");
/// By partition: the newest epoch's counter and owner.
const EPOCHS: TableDefinition<'_, u32, (u64, u128)> = TableDefinition::new("epochs");
/// By partition and job: the number of events, when the job was recorded, whether it is live.
const HEADS: TableDefinition<'_, (u32, u128), (u64, Millis, bool)> = TableDefinition::new("heads");
/// By partition, job and the first event's number: some events in a row.
const LOGS: TableDefinition<'_, (u32, u128, u64), &[u8]> = TableDefinition::new("logs");
/// By partition, time and job: the live jobs.
const LIVE: TableDefinition<'_, (u32, Millis, u128), ()> = TableDefinition::new("live");
/// By partition, time and job: the lines of all jobs.
const LINES: TableDefinition<'_, (u32, Millis, u128), &[u8]> = TableDefinition::new("lines");

/// Events in one row of the log: few rows for a big append, and little to decode for a short read.
const EVENTS_PER_ROW: usize = 128;
/// How a log's rows and lines are called in errors of the codec.
const KIND: &str = "store record";

/// Why a request came to nothing: by itself, or because the file does not work.
pub(super) enum Trouble {
    /// Only this request is refused; nothing was written for it.
    Refused(Error),
    /// The file: everything of this transaction is void.
    File(Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::File(Box::new(error.into()))
    }
}

pub(super) type Tried<T> = std::result::Result<T, Trouble>;

/// An append as it is written; made on the caller's thread, so that the store's own only writes.
pub(super) struct Prepared {
    job: JobId,
    expected_seq: u64,
    events: u64,
    rows: Vec<(u64, Vec<u8>)>,
    line: Vec<u8>,
    line_at: Millis,
    live: bool,
}

impl Prepared {
    pub(super) fn new(partition: u32, append: &Append) -> Result<Self> {
        let Append { job, expected_seq, events, line, live } = append;
        for (expected, recorded) in (*expected_seq..).map(|seq| seq.saturating_add(1)).zip(events) {
            if recorded.seq != expected {
                return Err(Error::Stale {
                    partition,
                    reason: format!("an event of {job} is numbered {} instead of {expected}", recorded.seq),
                });
            }
        }
        let mut rows = Vec::with_capacity(events.len().div_ceil(EVENTS_PER_ROW));
        for chunk in events.chunks(EVENTS_PER_ROW) {
            let first = chunk.first().map_or(0, |recorded| recorded.seq);
            let body = write(&chunk, Encoding::MessagePack, KIND)?;
            rows.push((first, sealed(&log_place(partition, *job, first), &body)));
        }
        let body = write(line, Encoding::MessagePack, KIND)?;
        Ok(Self {
            job: *job,
            expected_seq: *expected_seq,
            events: events.len() as u64,
            rows,
            line: sealed(&line_place(partition, *job), &body),
            line_at: line.created_at,
            live: *live,
        })
    }
}

/// Checks that the file is ours, or makes it so.
pub(super) fn prepare(transaction: &WriteTransaction, what: &str) -> Tried<()> {
    let fresh = transaction.list_tables()?.next().is_none();
    let mut numbers = transaction.open_table(NUMBERS)?;
    let format = numbers.get("format")?.map(|found| found.value());
    match format {
        Some(found) if found > STORE_FORMAT => {
            return Err(Trouble::Refused(Error::Newer { what: what.to_owned(), found, known: STORE_FORMAT }));
        }
        Some(_) => {}
        None if fresh => {
            numbers.insert("format", STORE_FORMAT)?;
        }
        None => {
            let reason = "it is a database, but not of ours".to_owned();
            return Err(Trouble::Refused(Error::Damaged { what: what.to_owned(), reason }));
        }
    }
    transaction.open_table(IDS)?;
    transaction.open_table(EPOCHS)?;
    transaction.open_table(HEADS)?;
    transaction.open_table(LOGS)?;
    transaction.open_table(LIVE)?;
    transaction.open_table(LINES)?;
    Ok(())
}

/// All tables, open for writing.
pub(super) struct Writer<'txn> {
    numbers: Table<'txn, &'static str, u32>,
    ids: Table<'txn, &'static str, u128>,
    epochs: Table<'txn, u32, (u64, u128)>,
    heads: Table<'txn, (u32, u128), (u64, Millis, bool)>,
    logs: Table<'txn, (u32, u128, u64), &'static [u8]>,
    live: Table<'txn, (u32, Millis, u128), ()>,
    lines: Table<'txn, (u32, Millis, u128), &'static [u8]>,
}

impl<'txn> Writer<'txn> {
    pub(super) fn open(transaction: &'txn WriteTransaction) -> Tried<Self> {
        Ok(Self {
            numbers: transaction.open_table(NUMBERS)?,
            ids: transaction.open_table(IDS)?,
            epochs: transaction.open_table(EPOCHS)?,
            heads: transaction.open_table(HEADS)?,
            logs: transaction.open_table(LOGS)?,
            live: transaction.open_table(LIVE)?,
            lines: transaction.open_table(LINES)?,
        })
    }

    pub(super) fn partitions(&mut self, wanted: u32) -> Tried<u32> {
        let wanted = wanted.max(1);
        let found = self.numbers.get("partitions")?.map(|found| found.value());
        match found {
            None => {
                self.numbers.insert("partitions", wanted)?;
                Ok(wanted)
            }
            Some(found) if found == wanted => Ok(found),
            Some(found) => Err(Trouble::Refused(Error::Partitions { found, wanted })),
        }
    }

    pub(super) fn deployment(&mut self, proposed: Option<Uuid>) -> Tried<Option<Uuid>> {
        let found = self.ids.get("deployment")?.map(|found| Uuid::from_u128(found.value()));
        if let (None, Some(proposed)) = (found, proposed) {
            self.ids.insert("deployment", proposed.as_u128())?;
        }
        Ok(found.or(proposed))
    }

    pub(super) fn claim(&mut self, partition: u32, owner: OwnerId) -> Tried<Epoch> {
        let newest = self.epochs.get(partition)?.map_or(0, |found| found.value().0);
        let counter = newest.saturating_add(1);
        self.epochs.insert(partition, (counter, owner.uuid().as_u128()))?;
        Ok(Epoch { counter, owner })
    }

    /// All checks come before the first write: a refused batch leaves nothing behind.
    pub(super) fn append(&mut self, partition: u32, epoch: Epoch, batch: &[Prepared]) -> Tried<()> {
        newest(&self.epochs, partition, epoch)?;
        let mut heads: HashMap<JobId, Option<(u64, Millis, bool)>> = HashMap::with_capacity(batch.len());
        for append in batch {
            let known = match heads.get(&append.job) {
                Some(known) => *known,
                None => self.heads.get((partition, key(append.job)))?.map(|head| head.value()),
            };
            let (seq, at, _) = known.unwrap_or((0, append.line_at, false));
            if seq != append.expected_seq {
                let reason = format!("the log of {} has {seq} events instead of {}", append.job, append.expected_seq);
                return Err(Trouble::Refused(Error::Stale { partition, reason }));
            }
            heads.insert(append.job, Some((seq + append.events, at, append.live)));
        }
        for append in batch {
            for (first, row) in &append.rows {
                self.logs.insert((partition, key(append.job), *first), row.as_slice())?;
            }
        }
        // The last of several appends for one job says how its line is.
        let lines: HashMap<JobId, &[u8]> = batch.iter().map(|append| (append.job, append.line.as_slice())).collect();
        for (job, head) in heads {
            let Some((seq, at, live)) = head else { continue };
            let place = (partition, at, key(job));
            let before = self.heads.insert((partition, key(job)), (seq, at, live))?.map(|head| head.value());
            if let Some(line) = lines.get(&job) {
                self.lines.insert(place, *line)?;
            }
            match (before.is_some_and(|(_, _, live)| live), live) {
                (false, true) => drop(self.live.insert(place, ())?),
                (true, false) => drop(self.live.remove(place)?),
                (true, true) | (false, false) => {}
            }
        }
        Ok(())
    }
}

/// Refuses an epoch that is not, as a whole, the partition's newest.
fn newest(epochs: &impl ReadableTable<u32, (u64, u128)>, partition: u32, epoch: Epoch) -> Tried<()> {
    let found = epochs.get(partition)?.map(|found| found.value());
    let reason = match found {
        Some((counter, owner)) if counter == epoch.counter && owner == epoch.owner.uuid().as_u128() => return Ok(()),
        Some((counter, owner)) => {
            let owner = OwnerId::from_uuid(Uuid::from_u128(owner));
            format!("its epoch is {counter} of {owner}, not {} of {}", epoch.counter, epoch.owner)
        }
        None => format!("it has no epoch at all, not even {}", epoch.counter),
    };
    Err(Trouble::Refused(Error::Stale { partition, reason }))
}

/// What can be asked of one state of the file.
pub(super) struct Reader<'a> {
    pub(super) transaction: &'a ReadTransaction,
    pub(super) what: &'a str,
}

impl Reader<'_> {
    pub(super) fn confirm(&self, partition: u32, epoch: Epoch) -> Tried<()> {
        newest(&self.transaction.open_table(EPOCHS)?, partition, epoch)
    }

    pub(super) fn live(&self, partition: u32) -> Tried<Vec<JobId>> {
        let table = self.transaction.open_table(LIVE)?;
        let mut jobs = Vec::new();
        for row in table.range((partition, 0, 0)..=(partition, Millis::MAX, u128::MAX))? {
            jobs.push(job(row?.0.value().2));
        }
        Ok(jobs)
    }

    pub(super) fn log(&self, partition: u32, job: JobId, after: u64, max: usize) -> Tried<Vec<Recorded>> {
        let id = key(job);
        let head = self.transaction.open_table(HEADS)?.get((partition, id))?.map(|head| head.value());
        let length = head.map_or(0, |(seq, _, _)| seq);
        let wanted = usize::try_from(length.saturating_sub(after)).unwrap_or(usize::MAX).min(max);
        let mut events: Vec<Recorded> = Vec::new();
        if wanted == 0 {
            return Ok(events);
        }
        let table = self.transaction.open_table(LOGS)?;
        let next = after.saturating_add(1);
        let begin = table.range((partition, id, 0)..=(partition, id, next))?.next_back();
        let begin = begin.transpose()?.map_or(next, |(place, _)| place.value().2);
        for row in table.range((partition, id, begin)..=(partition, id, u64::MAX))? {
            let (place, body) = row?;
            let place = log_place(partition, job, place.value().2);
            let row: Vec<Recorded> = self.unseal(&place, body.value(), || format!("the log of {job}"))?;
            events.extend(row.into_iter().filter(|recorded| recorded.seq > after));
            if events.len() >= wanted {
                break;
            }
        }
        events.truncate(wanted);
        let whole = events.len() == wanted && events.iter().zip(next..).all(|(recorded, seq)| recorded.seq == seq);
        if whole { Ok(events) } else { Err(self.damaged(format!("events of {job} after {after} are missing"))) }
    }

    pub(super) fn line(&self, partition: u32, job: JobId) -> Tried<Option<JobLine>> {
        let Some((_, at, _)) = self.transaction.open_table(HEADS)?.get((partition, key(job)))?.map(|head| head.value())
        else {
            return Ok(None);
        };
        match self.transaction.open_table(LINES)?.get((partition, at, key(job)))? {
            Some(body) => self.unseal_line(partition, job, body.value()).map(Some),
            None => Err(self.damaged(format!("the line of {job} is missing"))),
        }
    }

    pub(super) fn lines(&self, partition: u32, max: usize) -> Tried<Vec<JobLine>> {
        let table = self.transaction.open_table(LINES)?;
        let mut lines = Vec::new();
        for row in table.range((partition, 0, 0)..=(partition, Millis::MAX, u128::MAX))?.rev().take(max) {
            let (place, body) = row?;
            lines.push(self.unseal_line(partition, job(place.value().2), body.value())?);
        }
        Ok(lines)
    }

    fn unseal_line(&self, partition: u32, job: JobId, body: &[u8]) -> Tried<JobLine> {
        self.unseal(&line_place(partition, job), body, || format!("the line of {job}"))
    }

    fn unseal<T: serde::de::DeserializeOwned>(
        &self,
        place: &[u8],
        sealed: &[u8],
        name: impl Fn() -> String,
    ) -> Tried<T> {
        let Some(body) = opened(place, sealed) else {
            return Err(self.damaged(format!("{} is not what was written", name())));
        };
        read(body, Encoding::MessagePack, KIND).map_err(|error| self.damaged(format!("{}: {error}", name())))
    }

    fn damaged(&self, reason: String) -> Trouble {
        Trouble::Refused(Error::Damaged { what: self.what.to_owned(), reason })
    }
}

fn key(job: JobId) -> u128 {
    job.uuid().as_u128()
}

fn job(key: u128) -> JobId {
    JobId::from_uuid(Uuid::from_u128(key))
}
