//! Who owns which partitions, as one assembler knows it: who lives, what is owned, what is surplus.
//!
//! Each living assembler has a quota; the quotas add up to all partitions. Whoever is above its own gives up
//! as many as the others have room for, and no more. Pure: announcements and the time are handed in.
//! Deliberately knows no queue: a queue passes to the consumer that registered next, so a partition may go through
//! hands that pass it on, and comes back to whoever gave it up when nobody else was there to take it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use candor_proto::message::Announcement;
use candor_proto::{Millis, OwnerId};

/// How often an assembler says that it lives, in milliseconds.
pub const ANNOUNCE_MS: u64 = 1_000;
/// One that was silent for so long counts no more, in milliseconds: three of its words were lost.
pub const GONE_MS: u64 = 3 * ANNOUNCE_MS;
/// How long a partition that came back unwanted is kept, in milliseconds: somebody who has room and does not take
/// it must not leave it without an owner again and again.
pub const KEEP_MS: u64 = 10_000;

/// What one assembler knows of all.
#[derive(Debug)]
pub struct Sharing {
    own: OwnerId,
    partitions: u32,
    owned: BTreeSet<u32>,
    peers: BTreeMap<OwnerId, Peer>,
    last: BTreeMap<u32, Last>,
    /// Given up, and not heard of from anybody since.
    given: BTreeSet<u32>,
    kept: BTreeMap<u32, Millis>,
}

#[derive(Debug)]
struct Peer {
    owned: usize,
    heard_at: Millis,
}

/// The last owner of a partition that was heard of.
#[derive(Clone, Debug)]
struct Last {
    owner: OwnerId,
    instance: String,
    heard_at: Millis,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Owns,
    GaveUp,
    Left,
}

/// Why a partition was there to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody was heard of who owned it.
    Unowned,
    /// We owned it ourselves: a connection or the store was lost meanwhile, or nobody took what we gave up.
    Ours,
    /// Its owner said that it leaves.
    Left {
        /// Who.
        instance: String,
    },
    /// Its owner gave it up.
    GaveUp {
        /// Who.
        instance: String,
    },
    /// Its owner said nothing.
    Silent {
        /// Who.
        instance: String,
        /// For how long it was not heard of, in milliseconds.
        ms: u64,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unowned => f.write_str("nobody owned it"),
            Self::Ours => f.write_str("we owned it before"),
            Self::Left { instance } => write!(f, "its owner {instance} left"),
            Self::GaveUp { instance } => write!(f, "its owner {instance} gave it up"),
            Self::Silent { instance, ms } => write!(f, "its owner {instance} was not heard of for {ms} ms"),
        }
    }
}

impl Sharing {
    /// An assembler that has heard of nobody and owns nothing.
    pub fn new(own: OwnerId, partitions: u32) -> Self {
        Self {
            own,
            partitions,
            owned: BTreeSet::new(),
            peers: BTreeMap::new(),
            last: BTreeMap::new(),
            given: BTreeSet::new(),
            kept: BTreeMap::new(),
        }
    }

    /// What it owns.
    pub const fn owned(&self) -> &BTreeSet<u32> {
        &self.owned
    }

    /// Hears an assembler; `true` when it is a new one, which should hear us soon.
    pub fn hear(&mut self, announcement: &Announcement, now: Millis) -> bool {
        let Announcement { owner, instance, partitions, leaving } = announcement;
        if *owner == self.own {
            return false;
        }
        let new = !self.lives(*owner, now);
        if *leaving {
            self.peers.remove(owner);
        } else {
            self.peers.insert(*owner, Peer { owned: partitions.len(), heard_at: now });
        }
        for last in self.last.values_mut().filter(|last| last.owner == *owner) {
            last.heard_at = now;
            if last.how == How::Owns {
                last.how = if *leaving { How::Left } else { How::GaveUp };
            }
        }
        for partition in partitions {
            self.given.remove(partition);
            if !self.owned.contains(partition) {
                let how = if *leaving { How::Left } else { How::Owns };
                let last = Last { owner: *owner, instance: instance.clone(), heard_at: now, how };
                self.last.insert(*partition, last);
            }
        }
        self.peers.retain(|_, peer| now.saturating_sub(peer.heard_at) < GONE_MS);
        new && !*leaving
    }

    /// A partition came to us: takes it and says why it was there, or says nothing, and then it is to be passed on at once.
    pub fn take(&mut self, partition: u32, now: Millis) -> Option<Why> {
        let came_back = self.given.contains(&partition);
        // Whoever owned it and did not say that it gave it up has no consumer any more, and takes nothing.
        let gone = self.last.get(&partition).filter(|last| last.how == How::Owns).map(|last| last.owner);
        if self.owned.len() >= self.quota(now) && self.room(now, gone) > 0 && !came_back {
            self.given.insert(partition);
            return None;
        }
        if came_back {
            self.kept.insert(partition, now.saturating_add(KEEP_MS));
        }
        self.given.remove(&partition);
        let why = self.why(partition, now);
        let ours = Last { owner: self.own, instance: String::new(), heard_at: now, how: How::Owns };
        self.last.insert(partition, ours);
        self.owned.insert(partition);
        Some(why)
    }

    /// What is owned above the quota, as far as others have room for it. The highest numbers go first.
    pub fn surplus(&self, now: Millis) -> BTreeSet<u32> {
        let over = self.owned.len().saturating_sub(self.quota(now));
        let kept = |partition: &u32| self.kept.get(partition).is_some_and(|until| now < *until);
        let count = over.min(self.room(now, None));
        self.owned.iter().rev().filter(|partition| !kept(partition)).take(count).copied().collect()
    }

    /// It was given up, so that another takes it.
    pub fn give_up(&mut self, partition: u32) {
        if self.owned.remove(&partition) {
            self.given.insert(partition);
        }
    }

    /// It is not owned any more, for another reason.
    pub fn lose(&mut self, partition: u32) {
        self.owned.remove(&partition);
    }

    fn why(&self, partition: u32, now: Millis) -> Why {
        let Some(Last { owner, instance, heard_at, how }) = self.last.get(&partition).cloned() else {
            return Why::Unowned;
        };
        match how {
            How::Owns if owner == self.own => Why::Ours,
            How::Owns => Why::Silent { instance, ms: now.saturating_sub(heard_at) },
            How::GaveUp => Why::GaveUp { instance },
            How::Left => Why::Left { instance },
        }
    }

    fn lives(&self, owner: OwnerId, now: Millis) -> bool {
        self.peers.get(&owner).is_some_and(|peer| now.saturating_sub(peer.heard_at) < GONE_MS)
    }

    /// The living, we among them.
    fn living(&self, now: Millis) -> BTreeSet<OwnerId> {
        let peers = self.peers.keys().copied().filter(|owner| self.lives(*owner, now));
        peers.chain(std::iter::once(self.own)).collect()
    }

    fn quota(&self, now: Millis) -> usize {
        quotas(self.partitions, &self.living(now)).get(&self.own).copied().unwrap_or(0)
    }

    /// How many partitions the others, but for one, are below their quotas.
    fn room(&self, now: Millis, but: Option<OwnerId>) -> usize {
        let quotas = quotas(self.partitions, &self.living(now));
        let others = quotas.iter().filter(|(owner, _)| **owner != self.own && Some(**owner) != but);
        others.map(|(owner, quota)| quota.saturating_sub(self.peers.get(owner).map_or(0, |peer| peer.owned))).sum()
    }
}

/// How many partitions each of the living is to own; what does not divide goes to the first ids. Everybody who
/// knows the same living comes to the same.
fn quotas(partitions: u32, living: &BTreeSet<OwnerId>) -> BTreeMap<OwnerId, usize> {
    let (all, count) = (partitions as usize, living.len().max(1));
    living.iter().enumerate().map(|(rank, owner)| (*owner, all / count + usize::from(rank < all % count))).collect()
}

#[cfg(test)]
mod tests;
