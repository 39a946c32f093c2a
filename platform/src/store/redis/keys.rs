//! The names of what lies in Redis.
//!
//! What belongs to one partition carries the same hash tag, so that a script finds all its keys on one node of a
//! cluster.

use candor_proto::{Epoch, JobId, Millis};
use uuid::Uuid;

/// The keys of one deployment.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) const fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// What is true of the whole store: a hash.
    pub(super) fn facts(&self) -> String {
        format!("{{{}}}:facts", self.prefix)
    }

    pub(super) fn partition(&self, partition: u32) -> PartitionKeys {
        PartitionKeys { tag: format!("{{{}:{partition}}}", self.prefix) }
    }
}

/// The keys of one partition.
pub(super) struct PartitionKeys {
    tag: String,
}

impl PartitionKeys {
    /// The newest epoch: a text.
    pub(super) fn epoch(&self) -> String {
        format!("{}:epoch", self.tag)
    }

    /// The number of appends so far.
    pub(super) fn tick(&self) -> String {
        format!("{}:tick", self.tag)
    }

    /// The places of the live jobs, sorted.
    pub(super) fn live(&self) -> String {
        format!("{}:live", self.tag)
    }

    /// The places of all jobs, sorted.
    pub(super) fn jobs(&self) -> String {
        format!("{}:jobs", self.tag)
    }

    /// By job: its line.
    pub(super) fn lines(&self) -> String {
        format!("{}:lines", self.tag)
    }

    /// By job: its place in lists.
    pub(super) fn places(&self) -> String {
        format!("{}:places", self.tag)
    }

    /// The events of a job, each an element of the list.
    pub(super) fn log(&self, job: JobId) -> String {
        format!("{}:log:{}", self.tag, name(job))
    }
}

/// A job's name in keys and fields.
pub(super) fn name(job: JobId) -> String {
    job.uuid().to_string()
}

/// Where a job stands in lists: as text it sorts by time, then by id.
pub(super) fn place(at: Millis, job: JobId) -> String {
    format!("{at:016x} {}", job.uuid())
}

/// The job at a place.
pub(super) fn job_at(place: &str) -> Option<JobId> {
    let (_, job) = place.split_once(' ')?;
    job.parse::<Uuid>().ok().map(JobId::from_uuid)
}

/// An epoch as it is written and compared.
pub(super) fn epoch(epoch: Epoch) -> String {
    format!("{} {}", epoch.counter, epoch.owner.uuid())
}
