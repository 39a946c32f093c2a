//! What evolve keeps, found once more by walking the whole job.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use candor_proto::event::Recorded;
use candor_proto::job::{FanRecord, NodeRecord, TaskRecord};
use candor_proto::value::json_bytes;
use candor_proto::{Job, JobState, Millis, Node, TaskState};

/// Every state of a task.
pub(crate) const TASK_STATES: [TaskState; TaskState::COUNT] = [
    TaskState::Pending,
    TaskState::Ready,
    TaskState::Running,
    TaskState::Retrying,
    TaskState::AwaitingApproval,
    TaskState::Escalated,
    TaskState::OutcomeUnknown,
    TaskState::Succeeded,
    TaskState::Failed,
    TaskState::Skipped,
    TaskState::Stopped,
    TaskState::Cancelled,
];

/// Every node with its record.
pub(crate) fn nodes(job: &Job) -> Vec<(Node, &NodeRecord)> {
    let of_task = |(place, task): (u32, &'_ TaskRecord)| -> Vec<Node> {
        match &task.fan {
            None => vec![Node::task(place)],
            Some(fan) => (0..fan.total()).map(|item| Node::item(place, item)).collect(),
        }
    };
    let places: Vec<Node> = (0..).zip(job.tasks()).flat_map(of_task).collect();
    places.into_iter().map(|node| (node, job.node(node).expect("a node is there"))).collect()
}

fn count(fan: &FanRecord, state: TaskState) -> u32 {
    u32::try_from(fan.items.iter().filter(|item| item.state == state).count()).expect("a few items")
}

/// Every figure that evolve keeps is what a scan of the whole job finds.
pub(crate) fn check(job: &Job) {
    let tasks = || (0_u32..).zip(job.tasks());
    let all = nodes(job);
    let in_state = |state| all.iter().filter(move |(_, record)| record.state == state);

    let running: Vec<Node> = in_state(TaskState::Running).map(|(node, _)| *node).collect();
    assert_eq!(job.running().collect::<Vec<_>>(), running);
    assert_eq!(job.open_total() as usize, running.len());
    for pool in 0..=job.graph().pools().len() {
        let open = running.iter().filter(|node| job.graph().pool_of(node.task) == pool).count();
        assert_eq!(job.open(pool) as usize, open, "open attempts of pool {pool}");
    }
    assert!(job.unpublished().all(|node| running.contains(&node)), "only what runs may be owed to the broker");

    let retries: BTreeSet<(Millis, Node)> = in_state(TaskState::Retrying)
        .map(|(node, record)| (record.retry_at.expect("a retry has its time"), *node))
        .collect();
    assert_eq!(job.retries().collect::<BTreeSet<_>>(), retries);

    for (place, task) in tasks() {
        check_task(job, place, task);
    }
    let ended = |place: u32| job.tasks()[place as usize].state.ended();
    assert_eq!(job.unended(), tasks().filter(|(place, _)| !ended(*place)).count());
    let undecided = tasks().filter(|(_, task)| task.state == TaskState::Pending && task.waiting_on == 0);
    assert_eq!(job.undecided().collect::<Vec<_>>(), undecided.map(|(place, _)| place).collect::<Vec<_>>());
    let unjoined = tasks().filter(|(place, task)| {
        !ended(*place) && task.fan.as_ref().is_some_and(|fan| fan.items.iter().all(|item| item.state.ended()))
    });
    assert_eq!(job.unjoined().collect::<Vec<_>>(), unjoined.map(|(place, _)| place).collect::<Vec<_>>());
    let failing = tasks().filter(|(place, task)| {
        let early = job.plan().and_then(|plan| plan.tasks[*place as usize].fan_out.as_ref());
        let early = early.is_some_and(|fan_out| fan_out.fail.stops_early());
        let unstarted = |fan: &FanRecord| fan.halted.is_none() && fan.next < fan.total();
        let fails = |fan: &FanRecord| count(fan, TaskState::Failed) > 0 && unstarted(fan);
        early && !task.state.ended() && task.fan.as_deref().is_some_and(fails)
    });
    assert_eq!(job.failing().collect::<Vec<_>>(), failing.map(|(place, _)| place).collect::<Vec<_>>());
    for state in TASK_STATES {
        let tally = tasks().filter(|(_, task)| task.state == state).count();
        assert_eq!(job.tally(state) as usize, tally, "tasks that are {}", state.word());
    }
    let bytes = all.iter().filter_map(|(_, record)| record.outputs.as_deref()).map(json_bytes).sum::<usize>();
    assert_eq!(job.inline_bytes(), bytes);
    check_releasable(job);
}

fn check_releasable(job: &Job) {
    let open = job.state() == JobState::InProgress && !job.budget_spent() && !job.cancelled();
    let may = |task: &TaskRecord, limit: Option<u32>| match &task.fan {
        None => task.state == TaskState::Ready,
        Some(fan) => {
            let room = limit.is_none_or(|limit| count(fan, TaskState::Running) < limit);
            room && fan.items.iter().any(|item| item.state == TaskState::Ready)
        }
    };
    let Some(plan) = job.plan() else {
        assert_eq!(job.releasable().count(), 0);
        return;
    };
    let limit = |task: u32| plan.tasks[task as usize].fan_out.as_ref().and_then(|fan_out| fan_out.max_parallel);
    let scanned: Vec<u32> = (0..)
        .zip(job.tasks())
        .filter(|(place, task)| open && may(task, limit(*place)))
        .map(|(place, _)| place)
        .collect();
    assert_eq!(job.releasable().collect::<BTreeSet<_>>(), scanned.iter().copied().collect::<BTreeSet<_>>());
    for pool in 0..job.graph().pools().len() {
        let mut wanted: Vec<u32> = scanned.iter().copied().filter(|task| job.graph().pool_of(*task) == pool).collect();
        wanted.sort_by_key(|task| Reverse(plan.tasks[*task as usize].priority.unwrap_or(plan.priority)));
        assert_eq!(job.releasable_in(pool).collect::<Vec<_>>(), wanted);
    }
    for task in 0..plan.tasks.len() as u32 {
        let next = job.next_releasable(task).map(|node| job.node(node).expect("it is there").state);
        assert_eq!(next, scanned.contains(&task).then_some(TaskState::Ready), "the next of task {task}");
    }
}

fn check_task(job: &Job, place: u32, task: &TaskRecord) {
    let plan = job.plan().expect("a job with tasks has a plan");
    let ended = |name: &str| {
        job.task(job.graph().place(name).expect("it is of the plan")).is_some_and(|task| task.state.ended())
    };
    let needs: BTreeSet<&str> = plan.tasks[place as usize].needs.iter().collect();
    assert_eq!(task.waiting_on as usize, needs.into_iter().filter(|name| !ended(name)).count());
    assert_eq!(task.ended_at.is_some(), task.state.ended());
    match &task.fan {
        None => assert_eq!(task.state, task.node.state),
        Some(fan) => check_fan(task, fan),
    }
    for record in task.fan.iter().flat_map(|fan| &fan.items).chain([&task.node]) {
        assert_eq!(record.retry_at.is_some(), record.state == TaskState::Retrying);
        assert_eq!(
            record.outputs.is_some(),
            record.state == TaskState::Succeeded && task.fan.is_none() || record.outputs.is_some()
        );
        assert!(record.outputs.is_none() || record.state == TaskState::Succeeded);
        assert!(record.state != TaskState::Running || record.attempts > 0 && record.attempt.is_some());
    }
}

fn check_fan(task: &TaskRecord, fan: &FanRecord) {
    assert_eq!(fan.open, count(fan, TaskState::Running));
    assert_eq!(fan.succeeded, count(fan, TaskState::Succeeded));
    assert_eq!(fan.failed, count(fan, TaskState::Failed));
    assert_eq!(fan.stopped, count(fan, TaskState::Stopped));
    let all_ended = fan.items.iter().all(|item| item.state.ended());
    assert_eq!(fan.ended(), all_ended);
    assert!(all_ended || !task.state.ended(), "nothing of a task that has ended is under way");
    for (place, item) in (0..).zip(&fan.items) {
        let fresh = place >= fan.next && fan.halted.is_none();
        let offered = !task.state.ended() && (fresh || fan.again.contains(&place));
        assert_eq!(item.state == TaskState::Ready, offered, "item {place}");
    }
}

/// What has ended stays as it is, whatever comes.
pub(crate) fn check_step(before: &Job, after: &Job, recorded: &Recorded) {
    assert_eq!(after.seq(), recorded.seq);
    assert_eq!(after.created_at(), if before.seq() == 0 { recorded.at } else { before.created_at() });
    if before.state().ended() {
        let kept = |job: &Job| (job.state(), job.result(), job.ended_at(), format!("{:?}", job.tasks()));
        assert_eq!(kept(before), kept(after));
    }
    assert_eq!(after.result().is_some(), after.state().ended());
    assert!(before.accepted().is_none() || before.accepted() == after.accepted());
    assert!(before.refused().is_none() || before.refused() == after.refused());
    assert!(after.accepted().is_none() || after.refused().is_none());
    for (node, was) in nodes(before).into_iter().filter(|(_, was)| was.state.ended()) {
        let is = after.node(node).expect("what has ended stays");
        assert_eq!((is.state, &is.outputs, is.confidence), (was.state, &was.outputs, was.confidence), "{node:?}");
    }
    for (was, is) in before.tasks().iter().zip(after.tasks()).filter(|(was, _)| was.state.ended()) {
        assert_eq!((is.state, is.ended_at, is.caused_by, is.stop), (was.state, was.ended_at, was.caused_by, was.stop));
    }
}
