//! Who owns the partitions, and what happens when an owner goes.

use std::collections::BTreeMap;

use candor_tests::server::until;
use candor_tests::services::Deployment;

use crate::{end, running, submit};

const PARTITIONS: usize = 16;

/// How many partitions each of these assemblers owns, from what they say.
fn owned(deployment: &Deployment, assemblers: &[usize]) -> Vec<usize> {
    let count = |place: &usize| {
        let mut owned: BTreeMap<String, bool> = BTreeMap::new();
        for line in deployment.log(*place).lines() {
            let Some(partition) = line.split("partition=").nth(1).and_then(|rest| rest.split_whitespace().next())
            else {
                continue;
            };
            if line.contains("taken over") {
                owned.insert(partition.to_owned(), true);
            } else if line.contains("given up") {
                owned.insert(partition.to_owned(), false);
            }
        }
        owned.values().filter(|owned| **owned).count()
    };
    assemblers.iter().map(count).collect()
}

#[test]
fn assemblers_share_the_partitions_and_take_over_from_one_that_is_killed() {
    let Some(mut deployment) = running(1, 2, 1) else { return };
    let (first, second) = (0, 1);
    until("two assemblers to have eight each", || owned(&deployment, &[first, second]) == [8, 8]);
    let third = deployment.start(&["assembler"]);
    until("a third to make it four to six each", || {
        let owned = owned(&deployment, &[first, second, third]);
        owned.iter().sum::<usize>() == PARTITIONS && owned.iter().all(|own| (4..=6).contains(own))
    });
    // A quiet job whose only open thing is a retry timer, in every partition that changes hands.
    let jobs: Vec<String> = (0..12)
        .map(|number| {
            submit(&deployment, &format!("name: quiet-{number}\ntasks:\n  - {{ id: a, run: 'test \"$CANDOR_ATTEMPT\" -gt 1', retry: {{ max_attempts: 2, backoff: constant, delay: 6s, on: [execution] }} }}\n"))
        })
        .collect();
    until("every first attempt to have failed", || {
        jobs.iter().all(|job| deployment.json(&["status", job])["tasks"]["a"]["state"] == "retrying")
    });
    deployment.kill(first);
    until("the others to have everything", || owned(&deployment, &[second, third]).iter().sum::<usize>() == PARTITIONS);
    let told = deployment.log(second) + &deployment.log(third);
    assert!(told.contains("its owner assembler-0 was not heard of for"), "a takeover says why: {told}");
    for job in &jobs {
        assert_eq!(end(&deployment, job)["result"], "complete");
    }
}
