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
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const PARTITIONS: u32 = 16;

    fn owner(number: u128) -> OwnerId {
        OwnerId::from_uuid(Uuid::from_u128(number))
    }

    fn says(number: u128, partitions: impl IntoIterator<Item = u32>) -> Announcement {
        Announcement {
            owner: owner(number),
            instance: format!("a{number}"),
            partitions: partitions.into_iter().collect(),
            leaving: false,
        }
    }

    #[test]
    fn alone_it_takes_everything_and_nothing_is_surplus() {
        let mut sharing = Sharing::new(owner(1), PARTITIONS);
        for partition in 0..PARTITIONS {
            assert_eq!(sharing.take(partition, 0), Some(Why::Unowned));
        }
        assert!(sharing.surplus(0).is_empty());
    }

    #[test]
    fn half_is_surplus_once_a_second_one_lives_and_only_as_long_as_it_lives() {
        let mut sharing = Sharing::new(owner(1), PARTITIONS);
        (0..PARTITIONS).for_each(|partition| assert!(sharing.take(partition, 0).is_some()));
        assert!(sharing.hear(&says(2, []), 100), "a new one should hear us");
        assert!(!sharing.hear(&says(2, []), 200));
        assert_eq!(sharing.surplus(200), (8..16).collect());
        assert!(sharing.surplus(200 + GONE_MS).is_empty());
    }

    #[test]
    fn why_a_partition_was_there_is_told() {
        let mut sharing = Sharing::new(owner(1), 5);
        sharing.hear(&says(2, [0, 1, 2]), 100);
        sharing.hear(&says(2, [0, 1]), 200);
        assert_eq!(sharing.take(2, 200), Some(Why::GaveUp { instance: "a2".into() }));
        assert_eq!(sharing.take(1, 900), Some(Why::Silent { instance: "a2".into(), ms: 700 }));
        sharing.hear(&Announcement { leaving: true, ..says(2, [0]) }, 1_000);
        assert_eq!(sharing.take(0, 1_000), Some(Why::Left { instance: "a2".into() }));
        sharing.lose(0);
        assert_eq!(sharing.take(0, 1_100).unwrap().to_string(), "we owned it before");
        assert_eq!(sharing.take(4, 1_100), Some(Why::Unowned));
    }

    #[test]
    fn what_a_killed_one_owned_is_taken_at_once_although_it_still_counts_as_living() {
        let mut sharing = Sharing::new(owner(1), 4);
        sharing.hear(&says(2, [2, 3]), 0);
        (0..4).for_each(|partition| assert!(sharing.take(partition, 100).is_some(), "{partition}"));
    }

    #[test]
    fn what_comes_back_unwanted_is_kept_for_a_while() {
        let mut sharing = Sharing::new(owner(1), 2);
        assert!(sharing.take(0, 0).is_some() && sharing.take(1, 0).is_some());
        sharing.hear(&says(2, []), 0);
        assert_eq!(sharing.surplus(0), BTreeSet::from([1]));
        sharing.give_up(1);
        assert_eq!(sharing.take(1, 1_000), Some(Why::Ours));
        let until = 1_000 + KEEP_MS;
        sharing.hear(&says(2, []), until);
        assert_eq!(sharing.surplus(until - 1), BTreeSet::from([0]), "the other one may go");
        assert_eq!(sharing.surplus(until), BTreeSet::from([1]));
    }

    /// Queues that pass to the consumer registered next, and assemblers around them that hear each other at once.
    struct World {
        queues: Vec<VecDeque<usize>>,
        /// Who has taken each queue's partition.
        owners: Vec<Option<usize>>,
        assemblers: Vec<Sharing>,
        alive: Vec<bool>,
        now: Millis,
    }

    impl World {
        fn new() -> Self {
            let queues = vec![VecDeque::new(); PARTITIONS as usize];
            let owners = vec![None; PARTITIONS as usize];
            Self { queues, owners, assemblers: Vec::new(), alive: Vec::new(), now: 0 }
        }

        fn join(&mut self, id: u128) {
            self.assemblers.push(Sharing::new(owner(id), PARTITIONS));
            self.alive.push(true);
            let place = self.assemblers.len() - 1;
            self.queues.iter_mut().for_each(|queue| queue.push_back(place));
        }

        fn kill(&mut self, place: usize) {
            self.alive[place] = false;
            self.queues.iter_mut().for_each(|queue| queue.retain(|other| *other != place));
            self.owners.iter_mut().filter(|owner| **owner == Some(place)).for_each(|owner| *owner = None);
        }

        /// One second: everybody speaks, surplus goes, queues pass on, and whoever stepped back registers again.
        fn second(&mut self) -> usize {
            self.now += ANNOUNCE_MS;
            for speaker in (0..self.assemblers.len()).filter(|place| self.alive[*place]).collect::<Vec<_>>() {
                let owned = self.assemblers[speaker].owned().clone();
                let word = Announcement { owner: self.assemblers[speaker].own, ..says(speaker as u128, owned) };
                let now = self.now;
                self.assemblers.iter_mut().for_each(|hearer| _ = hearer.hear(&word, now));
            }
            let (mut back, mut moved) = (Vec::new(), 0);
            for place in (0..self.assemblers.len()).filter(|place| self.alive[*place]).collect::<Vec<_>>() {
                for partition in self.assemblers[place].surplus(self.now) {
                    self.assemblers[place].give_up(partition);
                    self.owners[partition as usize] = None;
                    self.queues[partition as usize].retain(|other| *other != place);
                    back.push((partition as usize, place));
                }
            }
            for partition in 0..self.queues.len() {
                while let (None, Some(first)) = (self.owners[partition], self.queues[partition].front().copied()) {
                    if self.assemblers[first].take(partition as u32, self.now).is_some() {
                        self.owners[partition] = Some(first);
                        moved += 1;
                    } else {
                        self.queues[partition].pop_front();
                        back.push((partition, first));
                    }
                }
            }
            back.into_iter().for_each(|(partition, place)| self.queues[partition].push_back(place));
            moved
        }

        fn counts(&self) -> Vec<usize> {
            let living = self.assemblers.iter().zip(&self.alive).filter(|(_, alive)| **alive);
            living.map(|(sharing, _)| sharing.owned().len()).collect()
        }
    }

    proptest! {
        #[test]
        fn any_coming_and_going_ends_in_fair_shares_that_stay(
            steps in proptest::collection::vec((any::<bool>(), 0..4_usize, 1..4_u32), 1..8), ids in any::<u64>(),
        ) {
            let mut world = World::new();
            for (number, (kill, which, seconds)) in steps.into_iter().enumerate() {
                if kill && which < world.alive.len() && world.alive[which] {
                    world.kill(which);
                } else {
                    world.join(u128::from(ids.rotate_left(number as u32 * 7)) * 100 + number as u128);
                }
                (0..seconds).for_each(|_| _ = world.second());
            }
            if !world.alive.contains(&true) {
                world.join(1);
            }
            for _ in 0..10 {
                world.second();
            }
            prop_assert!(world.owners.iter().all(Option::is_some), "everything is owned");
            let counts = world.counts();
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            prop_assert!(most - least <= 1, "{counts:?}");
            for _ in 0..20 {
                prop_assert_eq!(world.second(), 0, "nothing moves any more");
            }
        }
    }
}
