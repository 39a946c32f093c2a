//! Commands that start a part.

use clap::Args;

use crate::settings::{AllInOne, Assembling, Flags, Place, Planning, Working};

/// `candor up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) settings: Flags<AllInOne>,
}

/// `candor planner`.
#[derive(Debug, Args)]
pub(crate) struct Planner {
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
    #[command(flatten)]
    pub(crate) settings: Flags<Planning>,
}

/// `candor assembler`.
#[derive(Debug, Args)]
pub(crate) struct Assembler {
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
    #[command(flatten)]
    pub(crate) settings: Flags<Assembling>,
}

/// `candor worker`.
#[derive(Debug, Args)]
pub(crate) struct Worker {
    #[command(flatten)]
    pub(crate) place: Flags<Place>,
    #[command(flatten)]
    pub(crate) settings: Flags<Working>,
}
