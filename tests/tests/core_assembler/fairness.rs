//! Who goes first: windows, turns, keys and priorities.

use candor_proto::message::{Message, PlanReady};
use candor_proto::plan::{FanOut, Needs, Over, Priority};
use candor_proto::{JobId, Plan, Task};
use serde_json::json;

use crate::sketch::{Fan, Fate, Items, Sketch, Story};
use crate::stage::{Stage, job_id, ready};
use crate::work;

/// A task that does its work at the first attempt.
pub(crate) fn plain() -> Sketch {
    Sketch {
        all: Vec::new(),
        any: Vec::new(),
        when: None,
        reads: Vec::new(),
        fan: None,
        max_attempts: 1,
        retry_on: Vec::new(),
        check: None,
        sure: None,
        fates: vec![Fate::Done],
        other_pool: false,
        priority: None,
    }
}

pub(crate) fn story(tasks: Vec<Sketch>) -> Story {
    Story { tasks, summary: None, says: None, output: None }
}

fn many(items: u32) -> Plan {
    let fan = FanOut {
        over: Over::ForEach(json!((0..items).collect::<Vec<_>>())),
        max_parallel: None,
        fail: Default::default(),
    };
    let task = Task { id: "t0".into(), uses: "work".into(), fan_out: Some(fan), ..Task::default() };
    Plan { name: "many".into(), tasks: vec![task], ..Plan::default() }
}

fn few(tasks: usize, chained: bool) -> Plan {
    let tasks = (0..tasks).map(|place| {
        let needs = (chained && place > 0).then(|| format!("t{}", place - 1)).into_iter().collect();
        let needs = Needs { all: needs, any: Vec::new() };
        Task { id: format!("t{place}"), uses: "work".into(), needs, ..Task::default() }
    });
    Plan { name: "few".into(), tasks: tasks.collect(), ..Plan::default() }
}

fn submit(stage: &mut Stage, number: u64, plan: Plan, change: impl FnOnce(&mut PlanReady)) -> JobId {
    let job = job_id(number);
    let mut ready = ready(job, plan);
    change(&mut ready);
    stage.turn(&[Message::PlanReady(Box::new(ready))]);
    job
}

/// Workers take the oldest assignment, one at a time, until `enough`.
fn work_until(stage: &mut Stage, enough: impl Fn(&Stage) -> bool) {
    let any = story(vec![plain(); 12]);
    while !enough(stage) {
        assert!(!stage.queue.is_empty(), "there is something to do");
        let assignment = stage.queue.remove(0);
        let outcome = work::outcome(&any, &assignment);
        stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))]);
    }
}

#[test]
fn a_job_of_four_tasks_beside_one_of_ten_thousand_ends_after_few_releases() {
    for (chained, most) in [(false, 3 * 8), (true, 4 * (8 + 2) + 8)] {
        let mut stage = Stage::new(1, 8);
        submit(&mut stage, 1, many(10_000), |_| {});
        work_until(&mut stage, |stage| stage.releases.len() >= 100);
        let before = stage.releases.len();
        let small = submit(&mut stage, 2, few(4, chained), |_| {});
        work_until(&mut stage, |stage| stage.answers.iter().any(|answered| answered.job == small));
        let releases = stage.releases.len() - before;
        assert!(releases <= most, "{releases} releases, and {most} are enough");
    }
}

#[test]
fn jobs_of_one_key_share_one_place_in_the_round() {
    let mut stage = Stage::new(1, 4);
    for number in 1..=9 {
        submit(&mut stage, number, many(1_000), |ready| ready.tenant = Some("crowd".into()));
    }
    let alone = submit(&mut stage, 10, many(1_000), |ready| ready.tenant = Some("alone".into()));
    let before = stage.releases.len();
    work_until(&mut stage, |stage| stage.releases.len() >= before + 200);
    let own = stage.releases[before..].iter().filter(|(job, _)| *job == alone).count();
    assert!((99..=101).contains(&own), "{own} of 200 releases");
    let first = stage.releases[before..].iter().filter(|(job, _)| *job == job_id(1)).count();
    assert!((10..=13).contains(&first), "the nine share the rest, {first} each");
}

#[test]
fn a_fairness_key_of_the_workflow_may_read_an_input() {
    let mut stage = Stage::new(1, 2);
    for number in 1..=5 {
        let plan = Plan { fairness_key: Some("${{ inputs.yes ? 'crowd' : 'x' }}".into()), ..many(100) };
        submit(&mut stage, number, plan, |_| {});
    }
    let alone = submit(&mut stage, 6, many(100), |_| {});
    let before = stage.releases.len();
    work_until(&mut stage, |stage| stage.releases.len() >= before + 60);
    let own = stage.releases[before..].iter().filter(|(job, _)| *job == alone).count();
    assert!((29..=31).contains(&own), "{own} of 60 releases");
}

#[test]
fn a_job_of_high_priority_goes_before_all_others_and_one_of_low_after() {
    let mut stage = Stage::new(1, 2);
    let low = submit(&mut stage, 1, many(50), |ready| ready.priority = Priority::Low);
    submit(&mut stage, 2, many(50), |_| {});
    let high = submit(&mut stage, 3, many(50), |ready| ready.priority = Priority::High);
    let before = stage.releases.len();
    work_until(&mut stage, |stage| stage.releases.len() >= before + 100);
    let order: Vec<JobId> = stage.releases[before..].iter().map(|(job, _)| *job).collect();
    assert!(order[..50].iter().all(|job| *job == high));
    assert!(order[50..].iter().all(|job| *job == job_id(2)));
    assert_eq!(stage.releases.iter().filter(|(job, _)| *job == low).count(), 2, "only what was out before");
}

#[test]
fn within_a_job_tasks_go_by_priority_and_then_in_the_order_of_the_plan() {
    let mut stage = Stage::new(1, 1);
    let mut plan = few(5, false);
    plan.tasks[3].priority = Some(Priority::High);
    plan.tasks[0].priority = Some(Priority::Low);
    let job = submit(&mut stage, 1, plan, |_| {});
    work_until(&mut stage, |stage| stage.answers.len() == 1);
    let order: Vec<u32> = stage.releases.iter().map(|(_, node)| node.task).collect();
    assert_eq!(order, [3, 1, 2, 4, 0]);
    assert_eq!(stage.answers[0].job, job);
}

#[test]
fn a_pool_without_workers_keeps_no_other_pool_waiting() {
    let mut stage = Stage::new(1, 2);
    let mut plan = few(8, false);
    for task in &mut plan.tasks[..4] {
        task.pool = Some("away".into());
    }
    submit(&mut stage, 1, plan, |_| {});
    let any = story(vec![plain(); 8]);
    while let Some(place) = stage.queue.iter().position(|assignment| assignment.node.task >= 4) {
        let assignment = stage.queue.remove(place);
        let outcome = work::outcome(&any, &assignment);
        stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))]);
    }
    let done = stage.folded(job_id(1)).tally(candor_proto::TaskState::Succeeded);
    assert_eq!(done, 4);
}

#[test]
fn a_fan_out_that_stops_at_its_first_failure_starts_nothing_after_an_item_that_cannot_be_released() {
    let mut second = plain();
    second.any = vec![0, 1];
    second.reads = vec![(0, crate::sketch::Form::ForItem)];
    second.fan = Some(Fan {
        items: Items::Numbers(vec![7, 1, 8, 9]),
        fail: candor_proto::plan::FailPolicy::One,
        max_parallel: None,
    });
    // The first task fails and stands in `all` too, so that its outputs are missing rather than null.
    second.all = vec![0];
    second.when = Some(crate::sketch::When::Always);
    let tasks = vec![Sketch { fates: vec![Fate::Exit], ..plain() }, plain(), second];
    let story = story(tasks);
    let mut stage = Stage::new(1, 8);
    stage.turn(&[Message::PlanReady(Box::new(ready(job_id(1), story.plan())))]);
    while !stage.queue.is_empty() {
        let (assignment, outcome) = stage.work(&story, 0);
        stage.turn(&[Message::Report(Box::new(work::report(&assignment, outcome)))]);
    }
    let items: Vec<Option<u32>> =
        stage.releases.iter().filter(|(_, node)| node.task == 2).map(|(_, node)| node.item).collect();
    assert_eq!(items, [Some(0)], "the item before it, and none after it");
}
