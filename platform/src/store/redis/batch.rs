//! A batch as the server gets it: encoded and sealed, one piece for each job.

use std::collections::HashMap;

use candor_proto::codec::{Encoding, write};
use candor_proto::{Epoch, JobId};
use redis::{Script, ScriptInvocation};

use super::keys::{self, PartitionKeys};
use crate::error::{Error, Result};
use crate::store::Append;
use crate::store::seal::{line_place, log_place, sealed};

/// How a log's events and lines are called in errors of the codec.
pub(super) const KIND: &str = "store record";
/// Arguments of a command, at most: what the server takes is 1,048,576.
const ARGUMENTS_MAX: usize = 1_000_000;
/// Arguments that say what one job's events are.
const FIELDS: usize = 6;

/// What is appended to one job's log.
struct Piece {
    job: JobId,
    expected_seq: u64,
    events: Vec<Vec<u8>>,
    place: String,
    line: Vec<u8>,
    live: bool,
}

/// A batch, ready to be sent.
pub(super) struct Batch(Vec<Piece>);

impl Batch {
    /// Several appends for one job become one; what does not follow on the one before is refused here.
    pub(super) fn new(partition: u32, appends: Vec<Append>) -> Result<Self> {
        let mut pieces: Vec<Piece> = Vec::with_capacity(appends.len());
        let mut known: HashMap<JobId, usize> = HashMap::with_capacity(appends.len());
        let mut arguments = 0;
        for Append { job, expected_seq, events, line, live } in appends {
            let at = *known.entry(job).or_insert_with(|| {
                let place = keys::place(line.created_at, job);
                pieces.push(Piece { job, expected_seq, events: Vec::new(), place, line: Vec::new(), live });
                pieces.len() - 1
            });
            let Some(piece) = pieces.get_mut(at) else { continue };
            let length = piece.expected_seq.saturating_add(piece.events.len() as u64);
            let misnumbered =
                (expected_seq..).zip(&events).find(|(before, event)| event.seq != before.saturating_add(1));
            let reason = match misnumbered {
                _ if length != expected_seq => {
                    format!("the log of {job} has {length} events instead of {expected_seq}")
                }
                Some((before, event)) => format!("an event of {job} is numbered {} behind {before}", event.seq),
                None => String::new(),
            };
            if !reason.is_empty() {
                return Err(Error::Stale { partition, reason });
            }
            for event in &events {
                let body = write(event, Encoding::MessagePack, KIND)?;
                piece.events.push(sealed(&log_place(partition, job, event.seq), &body));
            }
            piece.line = sealed(&line_place(partition, job), &write(&line, Encoding::MessagePack, KIND)?);
            piece.live = live;
            arguments += FIELDS + events.len();
        }
        if arguments > ARGUMENTS_MAX {
            let reason = format!("{arguments} pieces at once, more than the {ARGUMENTS_MAX} that Redis takes");
            return Err(Error::Io { what: format!("appending to partition {partition}"), reason });
        }
        Ok(Self(pieces))
    }

    /// The call that appends it.
    pub(super) fn call<'a>(
        &self,
        script: &'a Script,
        partition: &PartitionKeys,
        epoch: Epoch,
        floor: u64,
    ) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        for key in [partition.epoch(), partition.tick(), partition.live(), partition.jobs(), partition.lines()] {
            call.key(key);
        }
        call.key(partition.places());
        call.arg(keys::epoch(epoch)).arg(floor).arg(self.0.len());
        for piece in &self.0 {
            call.key(partition.log(piece.job));
            call.arg(keys::name(piece.job)).arg(piece.expected_seq).arg(&piece.place).arg(&piece.line);
            call.arg(u8::from(piece.live)).arg(piece.events.len());
        }
        for event in self.0.iter().flat_map(|piece| &piece.events) {
            call.arg(event);
        }
        call
    }
}
