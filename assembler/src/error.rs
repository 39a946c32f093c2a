//! What can keep an assembler from its work.

/// Why a partition cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Broker, store or artifacts.
    #[error(transparent)]
    Platform(#[from] candor_platform::Error),
    /// A job's log was written by a newer build.
    #[error("the log of {job} has format {found}; this build reads up to {known}")]
    NewerLog {
        /// Which job.
        job: candor_proto::JobId,
        /// Its format.
        found: u32,
        /// The newest that this build reads.
        known: u32,
    },
    /// A defect of this build.
    #[error("partition {partition} met a defect of this build; the program's log says where")]
    Panicked {
        /// Which partition.
        partition: u32,
    },
}

impl Error {
    /// Whether waiting and loading the partition again may help, without anything being changed by a person.
    pub const fn worth_waiting(&self) -> bool {
        match self {
            Self::Platform(candor_platform::Error::Stale { .. } | candor_platform::Error::UnknownEpoch { .. }) => true,
            Self::Platform(error) => error.transient(),
            Self::NewerLog { .. } | Self::Panicked { .. } => false,
        }
    }
}
