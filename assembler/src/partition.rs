//! All live jobs of one partition in memory: who is next, what is leased, what is due.
//!
//! Pure like [`crate::decide`]: a turn takes messages and the time and gives back what must be appended
//! and done. Everything here is derived from the jobs and can be dropped and built again at any time.

mod lease;
mod rota;
mod turn;

use std::collections::{BTreeSet, HashMap, HashSet};

use candor_proto::{AttemptId, Job, JobId, Millis, Node, Recorded};

use crate::decide;
use crate::evaluate;
use crate::memo::Memo;
pub use lease::Leases;
use rota::{Rota, Seat};
pub use turn::Turn;

/// Live jobs, and everything about them that is kept for speed.
pub struct Partition {
    number: u32,
    report_to: String,
    window: u32,
    jobs: HashMap<JobId, Live>,
    due: BTreeSet<(Millis, JobId)>,
    rota: Rota,
    leases: Leases,
    /// Jobs folded from their logs since the last turn, which decides what they still owe.
    adopted: BTreeSet<JobId>,
    /// Jobs with attempts out: never more than the windows have room for, so that summing them is cheap.
    busy: HashSet<JobId>,
}

struct Live {
    job: Job,
    memo: Memo,
    seat: Seat,
    due: Option<Millis>,
    /// Decided and evolved, not yet appended.
    fresh: Vec<Recorded>,
    /// Releases whose confirm was seen since the last append.
    confirmed: Vec<(Node, AttemptId)>,
    /// Answers on their way.
    answers: usize,
}

impl Partition {
    /// An empty partition. `window` is the number of attempts that may be out per pool.
    pub fn new(number: u32, report_to: String, window: u32, lease_ms: u64) -> Self {
        Self {
            number,
            report_to,
            window,
            jobs: HashMap::new(),
            due: BTreeSet::new(),
            rota: Rota::default(),
            leases: Leases::new(lease_ms),
            adopted: BTreeSet::new(),
            busy: HashSet::new(),
        }
    }

    /// Its number.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// A job, if it is in memory.
    pub fn job(&self, job: JobId) -> Option<&Job> {
        self.jobs.get(&job).map(|live| &live.job)
    }

    /// Jobs in memory.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether no job is in memory.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Takes a job that was folded from its log. Its leases start afresh; what it owes follows in the next turn.
    pub fn adopt(&mut self, job: Job, now: Millis) {
        for node in job.running() {
            if let Some(attempt) = job.node(node).and_then(|record| record.attempt.as_ref()) {
                self.leases.begin(job.id(), node, attempt.id, now);
            }
        }
        let id = job.id();
        self.insert(job);
        self.adopted.insert(id);
        self.refresh(id);
    }

    /// The earliest time at which something is due without any message.
    pub fn next_due(&self) -> Option<Millis> {
        let due = self.due.first().map(|(at, _)| *at);
        [due, self.leases.next_due()].into_iter().flatten().min()
    }

    /// What a worker still holds: its leases begin anew.
    pub fn hold(&mut self, attempts: &[(JobId, AttemptId)], now: Millis) {
        for (_, attempt) in attempts {
            self.leases.extend(*attempt, now);
        }
    }

    fn insert(&mut self, job: Job) {
        let seat = Seat::of(&job, evaluate::fairness_key(&job));
        let (id, memo) = (job.id(), Memo::default());
        self.jobs.insert(id, Live { job, memo, seat, due: None, fresh: Vec::new(), confirmed: Vec::new(), answers: 0 });
    }

    /// Brings what is kept for speed in line with a job.
    fn refresh(&mut self, id: JobId) {
        let Some(live) = self.jobs.get_mut(&id) else { return };
        let due = decide::next_due(&live.job);
        if due != live.due {
            if let Some(before) = live.due {
                self.due.remove(&(before, id));
            }
            if let Some(at) = due {
                self.due.insert((at, id));
            }
            live.due = due;
        }
        if live.job.open_total() > 0 {
            self.busy.insert(id);
        } else {
            self.busy.remove(&id);
        }
        for (place, pool) in live.job.graph().pools().iter().enumerate() {
            if live.job.releasable_in(place).next().is_some() {
                self.rota.join(pool, &live.seat, id);
            }
        }
    }

    /// Attempts that are out, of one pool. Summed over the jobs each time: a counter of its own would leak.
    fn open(&self, pool: &str) -> u32 {
        let of = |live: &Live| {
            let place = live.job.graph().pools().iter().position(|name| name == pool);
            place.map_or(0, |place| live.job.open(place))
        };
        self.busy.iter().filter_map(|id| self.jobs.get(id)).map(of).sum()
    }

    fn forget(&mut self, id: JobId) {
        if let Some(live) = self.jobs.remove(&id)
            && let Some(due) = live.due
        {
            self.due.remove(&(due, id));
        }
        self.busy.remove(&id);
        self.leases.forget(id);
    }
}
