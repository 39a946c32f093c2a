//! A partition with a log, a broker and workers around it, all of them vectors.
//!
//! After every turn the stage checks what must hold of every turn: sequences fit, nothing is published
//! that is not recorded, windows and limits are kept, and the log folds to the state in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use candor_assembler::decide::{Effect, Input};
use candor_assembler::partition::{Partition, Turn};
use candor_proto::event::Recorded;
use candor_proto::message::{Assignment, DirectiveReply, Message, Order, PlanReady, ReplyTo};
use candor_proto::{Answer, AttemptId, Event, Job, JobId, Millis, Node, Outcome, Plan, TaskState};
use candor_workflow::catalogue::Catalogue;
use uuid::Uuid;

use crate::dice::Dice;
use crate::sketch::Story;
use crate::work;

pub(crate) const START: Millis = 1_790_000_000_000;
pub(crate) const LEASE_MS: u64 = 15_000;

/// A fresh id of an attempt, from the dice.
pub(crate) fn attempt(dice: &mut Dice) -> AttemptId {
    AttemptId::from_uuid(Uuid::from_u64_pair(dice.next(), dice.next()))
}

pub(crate) fn job_id(number: u64) -> JobId {
    JobId::from_uuid(Uuid::from_u64_pair(1, number))
}

pub(crate) fn asker(name: &str) -> ReplyTo {
    ReplyTo {
        queue: name.into(),
        correlation_id: Some(format!("about {name}")),
        content_type: "application/json".into(),
    }
}

pub(crate) fn ready(job: JobId, plan: Plan) -> PlanReady {
    PlanReady {
        job,
        plan_hash: plan.hash(),
        plan,
        inputs: Story::inputs(),
        priority: Default::default(),
        tenant: None,
        submitted_at: START,
        request_digest: candor_proto::Sha256::of(b"request"),
        reply_to: Some(asker("client")),
        recorded_to: Some("planner".into()),
    }
}

/// An answer that left the system.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) job: JobId,
    pub(crate) to: ReplyTo,
    pub(crate) answer: Answer,
}

pub(crate) struct Stage {
    pub(crate) partition: Partition,
    pub(crate) window: u32,
    pub(crate) now: Millis,
    pub(crate) dice: Dice,
    pub(crate) logs: BTreeMap<JobId, Vec<Recorded>>,
    pub(crate) live: BTreeSet<JobId>,
    pub(crate) queue: Vec<Assignment>,
    pub(crate) answers: Vec<Answered>,
    pub(crate) refusals: Vec<(ReplyTo, String)>,
    pub(crate) recorded: Vec<String>,
    pub(crate) revoked: BTreeSet<AttemptId>,
    /// Jobs that were revoked as a whole.
    pub(crate) revoked_jobs: Vec<JobId>,
    /// What was said about directives.
    pub(crate) directed: Vec<DirectiveReply>,
    pub(crate) illegal: Vec<&'static str>,
    pub(crate) known: Vec<&'static str>,
    /// Published and not yet confirmed.
    pub(crate) unconfirmed: Vec<Posted>,
    /// How often each attempt went to a pool.
    pub(crate) published: HashMap<AttemptId, u32>,
    /// Appends so far.
    pub(crate) appends: usize,
    /// Releases by job, in the order in which they were made.
    pub(crate) releases: Vec<(JobId, Node)>,
    /// Attempts whose success is in a log.
    pub(crate) settled: BTreeSet<AttemptId>,
    /// Attempts that failed or were given back. A repetition may still be under way, and its success counts.
    pub(crate) given_up: BTreeSet<AttemptId>,
    /// How often each attempt was carried out.
    pub(crate) executions: HashMap<AttemptId, u32>,
    /// Where it all stops: after so many appending turns, with so many of the last one's effects published.
    pub(crate) crash_at: Option<(usize, usize)>,
    /// The number of effects of every turn that appended something.
    pub(crate) effects_by_turn: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Posted {
    Release(JobId, Node, AttemptId),
    Answer(JobId),
}

impl Stage {
    pub(crate) fn new(seed: u64, window: u32) -> Self {
        Self {
            partition: Partition::new(0, "candor.assembler.0".into(), window, LEASE_MS),
            window,
            now: START,
            dice: Dice::new(seed),
            logs: BTreeMap::new(),
            live: BTreeSet::new(),
            queue: Vec::new(),
            answers: Vec::new(),
            refusals: Vec::new(),
            recorded: Vec::new(),
            revoked: BTreeSet::new(),
            revoked_jobs: Vec::new(),
            directed: Vec::new(),
            illegal: Vec::new(),
            known: Vec::new(),
            unconfirmed: Vec::new(),
            published: HashMap::new(),
            appends: 0,
            releases: Vec::new(),
            settled: BTreeSet::new(),
            given_up: BTreeSet::new(),
            executions: HashMap::new(),
            crash_at: None,
            effects_by_turn: Vec::new(),
        }
    }

    /// One turn, with everything appended and published; `false` where the power fails in the middle of it.
    pub(crate) fn turn(&mut self, messages: &[Message]) -> bool {
        let turn = self.decide(messages);
        self.carry_out(turn)
    }

    fn carry_out(&mut self, turn: Turn) -> bool {
        let appended = !turn.appends.is_empty();
        self.append(&turn);
        let mut effects = self.finish(turn);
        if appended {
            self.effects_by_turn.push(effects.len());
        }
        let fails = appended && self.crash_at.is_some_and(|(turn, _)| turn == self.effects_by_turn.len());
        if let (true, Some((_, published))) = (fails, self.crash_at) {
            effects.truncate(published);
        }
        self.publish(effects);
        !fails
    }

    /// What the partition decides, checked and not yet carried out.
    pub(crate) fn decide(&mut self, messages: &[Message]) -> Turn {
        for message in messages {
            self.recall(message);
        }
        let inputs: Vec<Input> = messages.iter().map(|message| self.input(message)).collect();
        let dice = &mut self.dice;
        self.partition.turn(&inputs, self.now, &mut || attempt(dice))
    }

    /// What the shell hands to the core. Whoever directs wants to hear what becomes of it.
    fn input(&self, message: &Message) -> Input {
        let directed = matches!(message, Message::Directive(_));
        let parent = match message {
            Message::Directive(directive) => match directive.order {
                Order::Rerun { parent, .. } => Some(Ok(self.logs.get(&parent).cloned().unwrap_or_default())),
                _ => None,
            },
            _ => None,
        };
        Input { reply_to: directed.then(|| asker("person")), parent, ..Input::from(message.clone()) }
    }

    /// A request that came again may be about a job that is over: its log is loaded once more.
    fn recall(&mut self, message: &Message) {
        if let Message::PlanReady(_) | Message::PlanRefused(_) | Message::Directive(_) = message
            && let Some(job) = message.job()
            && self.partition.job(job).is_none()
            && self.logs.contains_key(&job)
        {
            let folded = self.folded(job);
            self.partition.adopt(folded, self.now);
        }
    }

    /// The store takes the appends of a turn, all or nothing.
    pub(crate) fn append(&mut self, turn: &Turn) {
        let jobs: BTreeSet<JobId> = turn.appends.iter().map(|append| append.job).collect();
        assert_eq!(jobs.len(), turn.appends.len(), "one append per job");
        for append in &turn.appends {
            let log = self.logs.entry(append.job).or_default();
            assert_eq!(append.expected_seq, log.len() as u64, "the sequence fits");
            assert!(!append.events.is_empty(), "an append appends");
            for recorded in &append.events {
                assert_eq!(recorded.seq, log.len() as u64 + 1, "events are numbered");
                if recorded.at < self.now {
                    // Taken over from the job that this one does again.
                    log.push(recorded.clone());
                    continue;
                }
                assert_eq!(recorded.at, self.now);
                match &recorded.event {
                    Event::Released { node, .. } => self.releases.push((append.job, *node)),
                    Event::Succeeded(success) => assert!(self.settled.insert(success.attempt)),
                    Event::Failed(failure) => {
                        assert!(failure.attempt.is_none_or(|attempt| self.given_up.insert(attempt)));
                    }
                    Event::Lost { attempt, .. } => assert!(self.given_up.insert(*attempt)),
                    _ => {}
                }
                log.push(recorded.clone());
            }
            if append.live {
                self.live.insert(append.job);
            } else {
                self.live.remove(&append.job);
            }
            self.appends += 1;
        }
    }

    /// What a turn wants done, with answers written while their jobs are in memory; then jobs are forgotten.
    pub(crate) fn finish(&mut self, turn: Turn) -> Vec<Done> {
        self.illegal.extend(turn.illegal.iter().map(|(_, why)| *why));
        self.known.extend(turn.known.iter().map(|(_, why)| *why));
        let done = self.written(turn.effects);
        self.check();
        self.partition.forget_all(&turn.over);
        done
    }

    fn written(&self, effects: Vec<(JobId, Effect)>) -> Vec<Done> {
        let write = |(job, effect)| match effect {
            Effect::Answer { to } => {
                let state = self.partition.job(job).expect("a job that is answered is in memory");
                let answer = candor_assembler::answer(state, &Catalogue::default()).expect("it has ended");
                Done::Answer(Answered { job, to, answer })
            }
            effect => Done::Effect(job, effect),
        };
        effects.into_iter().map(write).collect()
    }

    /// The broker takes these effects.
    pub(crate) fn publish(&mut self, effects: Vec<Done>) {
        for done in effects {
            match done {
                Done::Answer(answered) => {
                    self.unconfirmed.push(Posted::Answer(answered.job));
                    self.answers.push(answered);
                }
                Done::Effect(job, effect) => self.publish_one(job, effect),
            }
        }
    }

    fn publish_one(&mut self, job: JobId, effect: Effect) {
        match effect {
            Effect::Assign { pool, assignment } => {
                let plan = self.folded(job).plan().expect("it has a plan").clone();
                assert_eq!(pool, plan.tasks[assignment.node.task as usize].pool());
                let released = self.logs[&job].iter().any(|recorded| {
                    matches!(&recorded.event, Event::Released { node, attempt, input_digest }
                        if *node == assignment.node && *attempt == assignment.attempt
                            && *input_digest == assignment.input_digest)
                });
                assert!(released, "an assignment is published after its release is recorded");
                let over = self.settled.contains(&assignment.attempt) || self.given_up.contains(&assignment.attempt);
                assert!(!over, "what is recorded is not carried out again");
                *self.published.entry(assignment.attempt).or_default() += 1;
                self.unconfirmed.push(Posted::Release(job, assignment.node, assignment.attempt));
                self.queue.push(*assignment);
            }
            Effect::Revoke(revocation) if revocation.attempts.is_empty() => self.revoked_jobs.push(revocation.job),
            Effect::Revoke(revocation) => self.revoked.extend(revocation.attempts),
            Effect::Recorded { to } => self.recorded.push(to),
            Effect::Answer { .. } => unreachable!("written before"),
            Effect::Refuse { to, message } => {
                let Message::Refusal(refusal) = *message else { panic!("a refusal") };
                self.refusals.push((to, refusal.error.code));
            }
            Effect::DirectiveReply { to, reply } => {
                assert_eq!(to, asker("person"));
                self.directed.push(reply);
            }
        }
    }

    /// The broker confirms one of what it took.
    pub(crate) fn confirm(&mut self, place: usize) -> bool {
        match self.unconfirmed.swap_remove(place) {
            Posted::Release(job, node, attempt) => {
                self.partition.confirm_releases([(job, node, attempt)]);
                true
            }
            Posted::Answer(job) => {
                let turn = self.partition.confirm_answers([job], self.now);
                self.carry_out(turn)
            }
        }
    }

    /// A job as its log has it.
    pub(crate) fn folded(&self, job: JobId) -> Job {
        let mut folded = Job::new(job);
        for recorded in self.logs.get(&job).into_iter().flatten() {
            folded.evolve(recorded);
        }
        folded
    }

    /// Begins with a log that somebody else wrote.
    pub(crate) fn adopt_log(&mut self, job: JobId, log: &[Recorded]) {
        self.settled.extend(log.iter().filter_map(|recorded| match &recorded.event {
            Event::Succeeded(success) => Some(success.attempt),
            _ => None,
        }));
        self.given_up.extend(log.iter().filter_map(|recorded| match &recorded.event {
            Event::Failed(failure) => failure.attempt,
            Event::Lost { attempt, .. } => Some(*attempt),
            _ => None,
        }));
        self.logs.insert(job, log.to_vec());
        self.live.insert(job);
    }

    /// Throws memory away and begins again from the logs.
    pub(crate) fn crash(&mut self, workers_gone: bool) {
        self.partition = Partition::new(0, "candor.assembler.0".into(), self.window, LEASE_MS);
        self.unconfirmed.clear();
        if workers_gone {
            self.queue.clear();
        }
        let mut owed = Vec::new();
        for job in self.live.clone() {
            let folded = self.folded(job);
            self.partition.adopt(folded, self.now);
            owed.extend(self.partition.owed(job, workers_gone));
        }
        let done = self.written(owed);
        self.publish(done);
        self.owes_nothing(workers_gone);
    }

    /// After a takeover every attempt whose release nobody confirmed is on its way again, and where the
    /// workers are gone every attempt that is out.
    fn owes_nothing(&self, workers_gone: bool) {
        for job in &self.live {
            let mut unconfirmed = BTreeMap::new();
            for recorded in &self.logs[job] {
                match &recorded.event {
                    Event::Released { node, attempt, .. } => {
                        unconfirmed.insert(*node, *attempt);
                    }
                    Event::Published { nodes } if !workers_gone => {
                        unconfirmed.retain(|node, _| !nodes.contains(node));
                    }
                    _ => {}
                }
            }
            let folded = self.folded(*job);
            for (node, attempt) in unconfirmed {
                let out = folded.node(node).is_some_and(|record| record.state == TaskState::Running);
                let queued = self.queue.iter().any(|assignment| assignment.attempt == attempt);
                assert_eq!(out && !folded.state().ended(), out && queued, "{} is owed", folded.name(node));
            }
        }
    }

    /// Moves the clock to the next time at which something is due; `false` when nothing is.
    pub(crate) fn wait(&mut self) -> bool {
        let Some(due) = self.partition.next_due() else { return false };
        self.now = self.now.max(due);
        true
    }

    /// A worker takes the assignment at this place of the queue and carries it out.
    pub(crate) fn work(&mut self, story: &Story, place: usize) -> (Assignment, Outcome) {
        let assignment = self.queue.swap_remove(place);
        *self.executions.entry(assignment.attempt).or_default() += 1;
        let outcome = work::outcome(story, &assignment);
        (assignment, outcome)
    }

    /// The same where there are several jobs, the first of them [`job_id`] 1.
    pub(crate) fn work_of(&mut self, stories: &[Story], place: usize) -> (Assignment, Outcome) {
        let number = usize::try_from(self.queue[place].job.uuid().as_u64_pair().1).unwrap();
        self.work(&stories[number - 1], place)
    }

    /// What must hold after every turn.
    fn check(&self) {
        let mut open: HashMap<String, u32> = HashMap::new();
        for job in self.logs.keys() {
            let Some(live) = self.partition.job(*job) else { continue };
            assert_eq!(live.seq() as usize, self.logs[job].len(), "nothing is in memory that is not in the log");
            for (place, pool) in live.graph().pools().iter().enumerate() {
                *open.entry(pool.clone()).or_default() += live.open(place);
            }
            check_job(live);
        }
        for (pool, open) in open {
            assert!(open <= self.window, "{open} attempts are out in {pool}, and {} may be", self.window);
        }
    }
}

/// Something to be published.
pub(crate) enum Done {
    Answer(Answered),
    Effect(JobId, Effect),
}

/// What must hold of a job at any time: every counter says what a walk over the job says.
pub(crate) fn check_job(job: &Job) {
    let Some(plan) = job.plan() else { return };
    let mut open = vec![0; job.graph().pools().len()];
    let mut tally = [0; TaskState::COUNT];
    let mut unended = 0;
    let retries: BTreeSet<Node> = job.retries().map(|(_, node)| node).collect();
    let mut retrying = BTreeSet::new();
    for (record, place) in job.tasks().iter().zip(0_u32..) {
        tally[record.state as usize] += 1;
        unended += usize::from(!record.state.ended());
        let pool = job.graph().pool_of(place);
        let most = plan.tasks[place as usize].retry.max_attempts;
        let nodes: Vec<(Node, TaskState, u32)> = match &record.fan {
            None => vec![(Node::task(place), record.node.state, record.node.attempts)],
            Some(fan) => (0..fan.total())
                .map(|item| {
                    let node = &fan.items[item as usize];
                    (Node::item(place, item), node.state, node.attempts)
                })
                .collect(),
        };
        let mut running = 0;
        for (node, state, attempts) in nodes {
            assert!(attempts <= most, "{} had {attempts} attempts of {most}", job.name(node));
            running += u32::from(state == TaskState::Running);
            if state == TaskState::Retrying {
                retrying.insert(node);
            }
            assert!(!record.state.ended() || state.ended(), "{} lives in a dead task", job.name(node));
        }
        open[pool] += running;
        if let Some(fan) = &record.fan {
            assert_eq!(fan.open, running, "{}", plan.tasks[place as usize].id);
            let limit = plan.tasks[place as usize].fan_out.as_ref().and_then(|fan| fan.max_parallel);
            assert!(limit.is_none_or(|limit| running <= limit), "max_parallel is kept");
            let count = |state: TaskState| fan.items.iter().filter(|item| item.state == state).count() as u32;
            assert_eq!(
                (fan.succeeded, fan.failed, fan.stopped),
                (count(TaskState::Succeeded), count(TaskState::Failed), count(TaskState::Stopped)),
            );
        }
        let waits = record.state == TaskState::Pending;
        let waiting = job.graph().dependencies(place).collect::<BTreeSet<_>>();
        let waiting = waiting.iter().filter(|task| !job.tasks()[**task as usize].state.ended()).count();
        if waits {
            assert_eq!(record.waiting_on as usize, waiting, "dependencies are counted");
        } else {
            assert_eq!(waiting, 0, "nothing is decided before its dependencies have ended");
        }
    }
    assert_eq!(retries, retrying, "every retry has its time");
    assert_eq!(unended, job.unended());
    for (pool, open) in open.iter().enumerate() {
        assert_eq!(job.open(pool), *open, "open attempts are counted");
    }
    for state in [TaskState::Pending, TaskState::Running, TaskState::Succeeded, TaskState::Failed] {
        assert_eq!(job.tally(state), tally[state as usize]);
    }
    for node in job.unpublished() {
        assert_eq!(job.node(node).unwrap().state, TaskState::Running);
    }
}
