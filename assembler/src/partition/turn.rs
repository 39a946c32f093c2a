//! One turn: a batch of messages and the time in; appends, effects and notices out.

use std::collections::BTreeSet;

use candor_platform::store::{Append, JobLine};
use candor_proto::message::{Message, Notice};
use candor_proto::{AttemptId, Event, Job, JobId, Millis, Node, Recorded, TaskState};

use super::Partition;
use crate::decide::{self, Decision, Effect, Input, Now, Verdict};
use crate::notice;

/// What a turn came to.
#[derive(Debug, Default)]
pub struct Turn {
    /// To be appended, at most one per job.
    pub appends: Vec<Append>,
    /// To be done after the append, in this order.
    pub effects: Vec<(JobId, Effect)>,
    /// To be told to whoever watches, after the append.
    pub notices: Vec<Notice>,
    /// Jobs that are over: to be forgotten once the effects are on their way.
    pub over: Vec<JobId>,
    /// Messages that were dealt with before, with the reason.
    pub known: Vec<(JobId, &'static str)>,
    /// Messages that fit nothing that is recorded, with the reason.
    pub illegal: Vec<(JobId, &'static str)>,
}

impl Partition {
    /// Deals with a batch of messages, with everything that is due, and with what follows from both.
    pub fn turn(&mut self, inputs: &[Input], at: Millis, attempts: &mut dyn FnMut() -> AttemptId) -> Turn {
        let mut turn = Turn::default();
        let mut touched: BTreeSet<JobId> = std::mem::take(&mut self.adopted);
        for input in inputs {
            if let Message::Holding(holding) = &input.message {
                self.hold(&holding.attempts, at);
            } else if let Some(job) = input.message.job() {
                self.react(job, input, at, attempts, &mut turn, &mut touched);
            }
        }
        // Each once: advancing a job goes on until nothing of it is due, and one that cannot be dealt with must
        // not keep the others waiting.
        let due: Vec<JobId> = self.due.iter().take_while(|(due, _)| *due <= at).map(|(_, job)| *job).collect();
        for job in due {
            touched.insert(job);
            self.advance(job, at, attempts, &mut turn);
        }
        self.expire(at, &mut turn, &mut touched);
        let mut pending = touched.clone();
        while !pending.is_empty() {
            for job in std::mem::take(&mut pending) {
                self.advance(job, at, attempts, &mut turn);
            }
            self.release(at, attempts, &mut turn, &mut touched, &mut pending);
        }
        self.collect(&touched, at, &mut turn);
        turn
    }

    /// What a job owes after its log was folded: releases nobody confirmed, and answers.
    /// With `workers_gone` every attempt that is out is published again, because none of them runs any more.
    pub fn owed(&mut self, job: JobId, workers_gone: bool) -> Vec<(JobId, Effect)> {
        let report_to = self.report_to.clone();
        let Some(live) = self.jobs.get_mut(&job) else { return Vec::new() };
        let nodes: Vec<Node> =
            if workers_gone { live.job.running().collect() } else { live.job.unpublished().collect() };
        let mut effects: Vec<Effect> = nodes
            .into_iter()
            .filter_map(|node| decide::assignment(&live.job, &mut live.memo, node, &report_to))
            .collect();
        if live.job.state().ended() && !live.job.answered() {
            effects.extend(live.job.askers().iter().map(|to| Effect::Answer { to: to.clone() }));
            live.answers = live.job.askers().len();
        }
        effects.into_iter().map(|effect| (job, effect)).collect()
    }

    /// The broker confirmed these releases. Recorded with the next append.
    pub fn confirm_releases(&mut self, releases: impl IntoIterator<Item = (JobId, Node, AttemptId)>) {
        for (job, node, attempt) in releases {
            if let Some(live) = self.jobs.get_mut(&job) {
                live.confirmed.push((node, attempt));
            }
        }
    }

    /// Answers were confirmed, or cannot be delivered. Of which jobs they were the last, the turn records.
    pub fn confirm_answers(&mut self, jobs: impl IntoIterator<Item = JobId>, at: Millis) -> Turn {
        let (mut turn, mut answered) = (Turn::default(), BTreeSet::new());
        for job in jobs {
            let Some(live) = self.jobs.get_mut(&job) else { continue };
            live.answers = live.answers.saturating_sub(1);
            if live.answers == 0 && live.job.state().ended() && !live.job.answered() {
                self.record(job, Decision::event(Event::Answered), at, &mut turn);
                answered.insert(job);
            }
        }
        self.collect(&answered, at, &mut turn);
        turn
    }

    fn react(
        &mut self,
        id: JobId,
        input: &Input,
        at: Millis,
        attempts: &mut dyn FnMut() -> AttemptId,
        turn: &mut Turn,
        touched: &mut BTreeSet<JobId>,
    ) {
        if !self.jobs.contains_key(&id) {
            match &input.message {
                // A directive may come before its plan.
                Message::PlanReady(_) | Message::PlanRefused(_) | Message::Directive(_) => self.insert(Job::new(id)),
                _ => {
                    turn.illegal.push((id, "no such job is live"));
                    return;
                }
            }
        }
        let Some(live) = self.jobs.get_mut(&id) else { return };
        let mut now = Now { at, attempts, report_to: &self.report_to };
        match decide::react(&live.job, &mut live.memo, input, &mut now) {
            Verdict::Advance(decision) => {
                if let Message::Report(report) = &input.message {
                    self.leases.end(report.attempt);
                }
                self.record(id, decision, at, turn);
                touched.insert(id);
            }
            Verdict::AlreadyKnown(why) => {
                touched.insert(id);
                turn.known.push((id, why));
            }
            Verdict::Illegal(why) => turn.illegal.push((id, why)),
        }
        if self.jobs.get(&id).is_some_and(|live| live.job.seq() == 0) {
            self.forget(id);
        }
    }

    fn advance(&mut self, id: JobId, at: Millis, attempts: &mut dyn FnMut() -> AttemptId, turn: &mut Turn) {
        while let Some(live) = self.jobs.get_mut(&id) {
            let mut now = Now { at, attempts: &mut *attempts, report_to: &self.report_to };
            let Some(decision) = decide::advance(&live.job, &mut live.memo, &mut now) else { break };
            let before = live.job.progress();
            self.record(id, decision, at, turn);
            if self.jobs.get(&id).is_some_and(|live| live.job.progress() == before) {
                // A defect, and one that must not take the whole partition with it.
                turn.illegal.push((id, "a step was decided that changes nothing"));
                break;
            }
        }
        self.refresh(id);
    }

    /// Fills each pool's window with the nodes whose turn it is.
    fn release(
        &mut self,
        at: Millis,
        attempts: &mut dyn FnMut() -> AttemptId,
        turn: &mut Turn,
        touched: &mut BTreeSet<JobId>,
        pending: &mut BTreeSet<JobId>,
    ) {
        for pool in self.rota.pools() {
            let mut room = self.window.saturating_sub(self.open(&pool));
            while room > 0 {
                let Some(id) = self.rota.take(&pool) else { break };
                let Some(live) = self.jobs.get_mut(&id) else { continue };
                let Some(place) = live.job.graph().pools().iter().position(|name| *name == pool) else { continue };
                let Some(node) = live.job.releasable_in(place).next().and_then(|task| live.job.next_releasable(task))
                else {
                    continue;
                };
                let mut now = Now { at, attempts: &mut *attempts, report_to: &self.report_to };
                let decision = decide::release(&live.job, &mut live.memo, node, &mut now);
                match decision.events.first() {
                    Some(Event::Released { attempt, .. }) => {
                        self.leases.begin(id, node, *attempt, at);
                        room -= 1;
                    }
                    // It could not be released: what follows from that is decided before more of this job is.
                    Some(_) | None => {
                        pending.insert(id);
                    }
                }
                touched.insert(id);
                self.record(id, decision, at, turn);
                if !pending.contains(&id) {
                    self.refresh(id);
                }
            }
        }
    }

    /// Attempts that were silent for too long are published again.
    fn expire(&mut self, at: Millis, turn: &mut Turn, touched: &mut BTreeSet<JobId>) {
        while let Some((id, node, attempt)) = self.leases.take_expired(at) {
            let Some(live) = self.jobs.get_mut(&id) else { continue };
            let out = live.job.node(node).is_some_and(|record| {
                record.state == TaskState::Running && record.attempt.as_ref().is_some_and(|newest| newest.id == attempt)
            });
            if !out {
                self.leases.end(attempt);
            } else if let Some(effect) = decide::assignment(&live.job, &mut live.memo, node, &self.report_to) {
                turn.effects.push((id, effect));
            } else {
                // Another build resolved its parameters to something else: it can never be handed out again as it
                // was recorded, and counts as lost. A report of it that comes all the same is still known.
                self.leases.end(attempt);
                touched.insert(id);
                self.record(id, Decision::event(Event::Lost { node, attempt }), at, turn);
            }
        }
    }

    /// Evolves the job by what was decided, and keeps it for the append.
    fn record(&mut self, id: JobId, decision: Decision, at: Millis, turn: &mut Turn) {
        let Some(live) = self.jobs.get_mut(&id) else { return };
        let new = decision.events.into_iter().map(|event| (at, event));
        for (at, event) in new.chain(decision.past.into_iter().map(|past| (past.at, past.event))) {
            if let Event::Stopped { task, .. } = event {
                for node in live.job.running_of(task) {
                    if let Some(attempt) = live.job.node(node).and_then(|record| record.attempt.as_ref()) {
                        self.leases.end(attempt.id);
                    }
                }
            }
            let recorded = Recorded { seq: live.job.seq() + 1, at, event };
            live.job.evolve(&recorded);
            live.memo.forget_stale(&live.job, &recorded.event);
            if matches!(recorded.event, Event::Accepted(_)) {
                live.seat = super::Seat::of(&live.job, crate::evaluate::fairness_key(&live.job));
            }
            live.fresh.push(recorded);
        }
        for effect in decision.effects {
            if matches!(effect, Effect::Answer { .. }) {
                live.answers += 1;
            }
            turn.effects.push((id, effect));
        }
    }

    /// Turns what is fresh into appends, and forgets the jobs that are over.
    fn collect(&mut self, touched: &BTreeSet<JobId>, at: Millis, turn: &mut Turn) {
        for id in touched {
            let Some(live) = self.jobs.get_mut(id) else { continue };
            if live.job.answered() {
                turn.over.push(*id);
            }
            if live.fresh.is_empty() {
                continue;
            }
            // Confirms ride along: by themselves they are worth no append.
            // The confirm of an attempt says nothing about a later one of the same node.
            let unpublished: BTreeSet<Node> = live.job.unpublished().collect();
            let is_out = |node: Node, attempt: AttemptId| {
                let newest = live.job.node(node).and_then(|record| record.attempt.as_ref());
                unpublished.contains(&node) && newest.is_some_and(|newest| newest.id == attempt)
            };
            let mut nodes: Vec<Node> =
                live.confirmed.drain(..).filter(|(node, id)| is_out(*node, *id)).map(|(node, _)| node).collect();
            nodes.dedup();
            if !nodes.is_empty() {
                let recorded = Recorded { seq: live.job.seq() + 1, at, event: Event::Published { nodes } };
                live.job.evolve(&recorded);
                live.fresh.push(recorded);
            }
            let events = std::mem::take(&mut live.fresh);
            turn.notices.extend(notice::of(&live.job, &events, at));
            let live_after = !live.job.answered();
            turn.appends.push(Append {
                job: *id,
                expected_seq: live.job.seq() - events.len() as u64,
                events,
                line: line(&live.job),
                live: live_after,
            });
            self.refresh(*id);
        }
    }

    /// Lets go of jobs that are over, after their last append.
    pub fn forget_all(&mut self, over: &[JobId]) {
        for id in over {
            self.forget(*id);
        }
    }
}

/// The line of a job in lists.
pub(super) fn line(job: &Job) -> JobLine {
    let workflow = job.plan().map(|plan| plan.name.clone()).unwrap_or_default();
    JobLine {
        job: job.id(),
        workflow,
        state: job.state(),
        result: job.result(),
        created_at: job.created_at(),
        ended_at: job.ended_at(),
        total: u32::try_from(job.tasks().len()).unwrap_or(u32::MAX),
        succeeded: job.tally(TaskState::Succeeded),
        failed: job.tally(TaskState::Failed),
        running: job.tally(TaskState::Running),
    }
}
