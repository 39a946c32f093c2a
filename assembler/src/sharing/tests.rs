//! Comings and goings, step by step and at random.

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
