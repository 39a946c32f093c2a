//! The store's own thread: takes what waits, commits it at once, answers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use candor_proto::{Epoch, JobId, OwnerId, Recorded};
use redb::{Database, ReadableDatabase};
use uuid::Uuid;

use super::file::Opener;
use super::tables::{Prepared, Reader, Tried, Trouble, Writer};
use crate::error::{Error, Result};
use crate::runtime::sync::{mpsc, oneshot};
use crate::store::JobLine;

/// Requests that share one commit: enough that the disk's sync is not felt, few enough to answer soon.
const GROUP_MAX: usize = 256;

pub(super) type Reply<T> = oneshot::Sender<Result<T>>;

/// What the thread is asked.
pub(super) enum Request {
    Write(Write),
    Read(Read),
}

/// What needs a commit.
pub(super) enum Write {
    Partitions { wanted: u32, reply: Reply<u32> },
    Deployment { proposed: Option<Uuid>, reply: Reply<Option<Uuid>> },
    Claim { partition: u32, owner: OwnerId, reply: Reply<Epoch> },
    Append { partition: u32, epoch: Epoch, batch: Vec<Prepared>, reply: Reply<()> },
}

/// What is answered from the last commit.
pub(super) enum Read {
    Confirm { partition: u32, epoch: Epoch, reply: Reply<()> },
    Live { partition: u32, reply: Reply<Vec<JobId>> },
    Log { partition: u32, job: JobId, after: u64, max: usize, reply: Reply<Vec<Recorded>> },
    Line { partition: u32, job: JobId, reply: Reply<Option<JobLine>> },
    Lines { partition: u32, max: usize, reply: Reply<Vec<JobLine>> },
}

impl Write {
    fn refuse(self, error: Error) {
        match self {
            Self::Partitions { reply, .. } => answer(reply, Err(error)),
            Self::Deployment { reply, .. } => answer(reply, Err(error)),
            Self::Claim { reply, .. } => answer(reply, Err(error)),
            Self::Append { reply, .. } => answer(reply, Err(error)),
        }
    }
}

impl Read {
    fn refuse(self, error: Error) {
        match self {
            Self::Confirm { reply, .. } => answer(reply, Err(error)),
            Self::Live { reply, .. } => answer(reply, Err(error)),
            Self::Log { reply, .. } => answer(reply, Err(error)),
            Self::Line { reply, .. } => answer(reply, Err(error)),
            Self::Lines { reply, .. } => answer(reply, Err(error)),
        }
    }
}

/// Whoever asked may be gone by now; then nobody needs the answer.
fn answer<T>(reply: Reply<T>, result: Result<T>) {
    drop(reply.send(result));
}

/// An answer that is given once the fate of the transaction is known.
type Held = Box<dyn FnOnce(Option<&Error>)>;

fn hold<T: 'static>(reply: Reply<T>, result: Result<T>) -> Held {
    Box::new(move |failed| answer(reply, failed.map_or(result, |error| Err(error.clone()))))
}

/// Serves until nobody can ask any more.
pub(super) fn run(opener: &Opener, mut requests: mpsc::Receiver<Request>, opened: oneshot::Sender<Result<()>>) {
    let mut database = match guarded(opener, || opener.open()) {
        Ok(database) => {
            answer(opened, Ok(()));
            Some(database)
        }
        Err(error) => return answer(opened, Err(error)),
    };
    let mut group = Vec::with_capacity(GROUP_MAX);
    while requests.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        let (mut writes, mut reads) = (Vec::new(), Vec::new());
        for request in group.drain(..) {
            match request {
                Request::Write(write) => writes.push(write),
                Request::Read(read) => reads.push(read),
            }
        }
        if let Err(error) = reopen(opener, &mut database) {
            writes.into_iter().for_each(|request| request.refuse(error.clone()));
            reads.into_iter().for_each(|request| request.refuse(error.clone()));
            continue;
        }
        let served = guarded(opener, || {
            if let Some(database) = &database {
                commit(opener, database, writes)?;
                look(opener, database, reads)?;
            }
            Ok(())
        });
        if let Err(error) = served {
            tracing::warn!(%error, "the store is opened anew");
            // redb refuses everything after a failed write; opened anew it goes on from its last commit.
            let closing = database.take();
            drop(guarded(opener, || {
                drop(closing);
                Ok(())
            }));
        }
    }
}

fn reopen(opener: &Opener, database: &mut Option<Database>) -> Result<()> {
    if database.is_none() {
        *database = Some(guarded(opener, || opener.open())?);
    }
    Ok(())
}

/// A damaged file can bring the library to panic: that is damage too, and no reason to take the process down.
fn guarded<T>(opener: &Opener, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Error::Damaged {
            what: opener.what().to_owned(),
            reason: "reading it failed in an unforeseen way".to_owned(),
        })
    })
}

/// Writes everything in one transaction and answers once it is on the disk.
fn commit(opener: &Opener, database: &Database, requests: Vec<Write>) -> Result<()> {
    if requests.is_empty() {
        return Ok(());
    }
    let mut held: Vec<Held> = Vec::with_capacity(requests.len());
    let mut left = requests.into_iter();
    let committed = opener.begin(database).and_then(|transaction| {
        let mut writer = Writer::open(&transaction).map_err(|trouble| opener.trouble("writing", trouble))?;
        for request in left.by_ref() {
            let (answer, failed) = write(opener, &mut writer, request);
            held.push(answer);
            failed.map_or(Ok(()), Err)?;
        }
        drop(writer);
        transaction.commit().map_err(|error| opener.error("writing", error.into()))
    });
    let failed = committed.as_ref().err();
    held.into_iter().for_each(|answer| answer(failed));
    if let Some(error) = failed {
        left.for_each(|request| request.refuse(error.clone()));
    }
    committed
}

/// Does one write, and says whether the file failed at it.
fn write(opener: &Opener, writer: &mut Writer<'_>, request: Write) -> (Held, Option<Error>) {
    fn split<T: 'static>(opener: &Opener, reply: Reply<T>, tried: Tried<T>) -> (Held, Option<Error>) {
        match tried {
            Ok(value) => (hold(reply, Ok(value)), None),
            Err(Trouble::Refused(error)) => (hold(reply, Err(error)), None),
            Err(trouble @ Trouble::File(_)) => {
                let error = opener.trouble("writing", trouble);
                (hold(reply, Err(error.clone())), Some(error))
            }
        }
    }
    match request {
        Write::Partitions { wanted, reply } => split(opener, reply, writer.partitions(wanted)),
        Write::Deployment { proposed, reply } => split(opener, reply, writer.deployment(proposed)),
        Write::Claim { partition, owner, reply } => split(opener, reply, writer.claim(partition, owner)),
        Write::Append { partition, epoch, batch, reply } => {
            split(opener, reply, writer.append(partition, epoch, &batch))
        }
    }
}

/// Answers questions from what is committed.
fn look(opener: &Opener, database: &Database, requests: Vec<Read>) -> Result<()> {
    if requests.is_empty() {
        return Ok(());
    }
    let transaction = match database.begin_read() {
        Ok(transaction) => transaction,
        Err(error) => {
            let error = opener.error("reading", error.into());
            requests.into_iter().for_each(|request| request.refuse(error.clone()));
            return Err(error);
        }
    };
    let reader = Reader { transaction: &transaction, what: opener.what() };
    for request in requests {
        read(opener, &reader, request);
    }
    Ok(())
}

fn read(opener: &Opener, reader: &Reader<'_>, request: Read) {
    fn told<T>(opener: &Opener, tried: Tried<T>) -> Result<T> {
        tried.map_err(|trouble| opener.trouble("reading", trouble))
    }
    match request {
        Read::Confirm { partition, epoch, reply } => answer(reply, told(opener, reader.confirm(partition, epoch))),
        Read::Live { partition, reply } => answer(reply, told(opener, reader.live(partition))),
        Read::Log { partition, job, after, max, reply } => {
            answer(reply, told(opener, reader.log(partition, job, after, max)));
        }
        Read::Line { partition, job, reply } => answer(reply, told(opener, reader.line(partition, job))),
        Read::Lines { partition, max, reply } => answer(reply, told(opener, reader.lines(partition, max))),
    }
}
