//! One delivery from its arrival to its settlement.
//!
//! The report is published first and the delivery settled after: whatever happens in between, the attempt is reported twice
//! rather than never.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use candor_platform::broker::{Properties, Settled, to_queue, worth_repeating};
use candor_platform::runtime::sync::SemaphorePermit;
use candor_platform::{Delivery, Error as PlatformError, runtime};
use candor_proto::message::{Assignment, Report};
use candor_proto::route::TASK_DELIVERIES_MAX;
use candor_proto::{ErrorClass, Message, MessageId, Millis, Outcome, TaskError};
use uuid::Uuid;

use super::{Shared, outputs};
use crate::classify::Halted;
use crate::executor::Brake;
use crate::executor::answer::TOO_LARGE_ADVICE;
use crate::trouble::Trouble;

/// How long an attempt that nobody here can run is kept before it is given back, in milliseconds, so that it does not circle.
const UNKNOWN_MS: u64 = 1_000;
/// How often an attempt that found no place is given back for another worker. Each time counts as a delivery, and after
/// [`TASK_DELIVERIES_MAX`] of them the broker takes it for a suspect; from then on this worker keeps it until there is a place.
const GIVEN_BACK_MAX: u32 = 3;
const _: () = assert!((GIVEN_BACK_MAX as i64) < TASK_DELIVERIES_MAX);
/// Pause before a report is published again, or outputs are stored again, in milliseconds; it doubles up to the second number.
pub(super) const REPEAT_MS: (u64, u64) = (100, 5_000);
/// How long an attempt is kept that the worker's own disk did not let it carry out, in milliseconds.
const TROUBLE_MS: u64 = 5_000;

/// Deals with a delivery.
pub(super) async fn deal(shared: Arc<Shared>, delivery: Delivery) {
    let assignment = match &delivery.message {
        Ok(Message::Assignment(assignment)) => assignment.clone(),
        Ok(other) => {
            tracing::warn!(kind = other.kind(), "a message that is no assignment came to a task queue");
            return dead(&shared, delivery).await;
        }
        Err(error) => {
            tracing::warn!(%error, "an assignment cannot be read");
            return dead(&shared, delivery).await;
        }
    };
    if shared.executor.registry.get(&assignment.uses).is_none() {
        shared.counters.unknown.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(action = %assignment.uses, attempt = %assignment.attempt, "this worker has no such action; given back");
        runtime::sleep(UNKNOWN_MS).await;
        return settled(delivery.again().await);
    }
    let now = shared.executor.clock.now();
    let Some(brake) = shared.held.take(assignment.job, assignment.attempt, now) else {
        shared.counters.repeated.fetch_add(1, Ordering::Relaxed);
        return settled(delivery.done().await);
    };
    let release = Release { shared: &shared, assignment: &assignment, given_back: std::cell::Cell::new(true) };
    let mut delivery = Some(delivery);
    match run(&shared, &assignment, &brake, &mut delivery).await {
        Some(mut report) => {
            outputs::by_reference(&shared, &mut report).await;
            let sent = publish(&shared, &assignment, report).await;
            release.given_back.set(false);
            match (delivery, sent) {
                (Some(delivery), true) => settled(delivery.done().await),
                (Some(delivery), false) => dead(&shared, delivery).await,
                (None, _) => {}
            }
        }
        None => {
            // First let go: it may come straight back to this worker, which would take it for a copy.
            drop(release);
            if let Some(delivery) = delivery {
                settled(delivery.again().await);
            }
        }
    }
}

/// Runs the attempt when there is room; `None` when it is to be given back.
async fn run(
    shared: &Shared,
    assignment: &Assignment,
    brake: &Brake,
    delivery: &mut Option<Delivery>,
) -> Option<Report> {
    let settle_at = shared.executor.clock.now().saturating_add(shared.settle_after_ms);
    let _place = place(shared, delivery, settle_at).await?;
    let report = if assignment.claim {
        unclaimed(shared, assignment)
    } else {
        tracing::debug!(attempt = %assignment.attempt, task = assignment.task, "attempt begins");
        let mut execution = std::pin::pin!(shared.executor.execute(assignment, brake));
        loop {
            runtime::select! {
                ended = &mut execution => match ended {
                    Ok(report) => break report,
                    Err(trouble) => {
                        waited_out(shared, trouble, assignment).await;
                        return None;
                    }
                },
                () = reached(shared, settle_at), if delivery.is_some() => settle(delivery).await,
            }
        }
    };
    shared.troubles.over();
    let given_back = report.outcome == Outcome::Cancelled && brake.why() == Some(Halted::Draining);
    (!given_back).then_some(report)
}

/// A place among the attempts that run at once; `None` when the attempt is to be given back: because the worker
/// drains, or because the broker would not let it hold the delivery for longer.
async fn place<'a>(
    shared: &'a Shared,
    delivery: &mut Option<Delivery>,
    settle_at: Millis,
) -> Option<SemaphorePermit<'a>> {
    let mut draining = shared.draining.subscribe();
    let mut place = std::pin::pin!(shared.places.acquire());
    loop {
        runtime::select! {
            place = &mut place => return place.ok(),
            () = super::becomes_true(&mut draining) => return None,
            () = reached(shared, settle_at), if delivery.is_some() => {
                if delivery.as_ref().is_some_and(|delivery| delivery.redelivered < GIVEN_BACK_MAX) {
                    tracing::info!("an attempt waited long for a place; given back for another worker");
                    return None;
                }
                settle(delivery).await;
            }
        }
    }
}

/// Waits until the clock says so.
async fn reached(shared: &Shared, at: Millis) {
    runtime::sleep(at.saturating_sub(shared.executor.clock.now())).await;
}

/// The broker would take the delivery away soon: from now on the attempt lives by what the worker says it holds.
async fn settle(delivery: &mut Option<Delivery>) {
    if let Some(delivery) = delivery.take() {
        settled(delivery.done().await);
    }
}

/// The worker's own disk did not let it: the attempt keeps its place for a while, so that it does not circle and the
/// disk has time to become better.
async fn waited_out(shared: &Shared, trouble: Trouble, assignment: &Assignment) {
    tracing::error!(%trouble, attempt = %assignment.attempt, "the worker's own disk does not let it; the attempt is given back");
    shared.troubles.met(trouble);
    let mut draining = shared.draining.subscribe();
    runtime::select! {
        () = runtime::sleep(TROUBLE_MS) => {}
        () = super::becomes_true(&mut draining) => {}
    }
}

/// An attempt that must be granted before it starts is not started by a worker that cannot ask.
fn unclaimed(shared: &Shared, assignment: &Assignment) -> Report {
    let now = shared.executor.clock.now();
    let error = TaskError::new(ErrorClass::System, "claim", "this worker cannot claim tasks that change the world");
    Report {
        job: assignment.job,
        attempt: assignment.attempt,
        node: assignment.node,
        input_digest: assignment.input_digest,
        outcome: Outcome::Fail { error: error.with_advice("use a build that can") },
        stored: None,
        usage: candor_proto::message::Usage { started_at: now, ended_at: now, ..Default::default() },
        worker: shared.executor.instance.clone(),
        traceparent: assignment.traceparent.clone(),
    }
}

/// Publishes until it is known to have arrived; `false` when it never can.
async fn publish(shared: &Shared, assignment: &Assignment, mut report: Report) -> bool {
    let (mut pause_ms, longest_ms) = REPEAT_MS;
    loop {
        let properties = Properties {
            correlation_id: Some(report.job.to_string()),
            timestamp: Some(shared.executor.clock.now()),
            traceparent: report.traceparent.clone(),
            ..Properties::fresh(MessageId::from_uuid(Uuid::new_v4()))
        };
        let message = to_queue(&assignment.report_to, Message::Report(Box::new(report.clone())), properties);
        let result = shared.broker.publish(vec![message]).await.pop().unwrap_or(Ok(()));
        let Err(error) = result else { return true };
        if worth_repeating(&error) {
            tracing::warn!(%error, attempt = %report.attempt, "a report was not taken; it is sent again");
            runtime::sleep(pause_ms).await;
            pause_ms = (pause_ms * 2).min(longest_ms);
        } else if let (PlatformError::Message(error), Outcome::Done { .. }) = (&error, &report.outcome) {
            let error = TaskError::new(ErrorClass::Execution, "output_too_large", error.to_string());
            report.outcome = Outcome::Fail { error: error.with_advice(TOO_LARGE_ADVICE) };
            report.stored = None;
        } else {
            tracing::error!(%error, attempt = %report.attempt, "a report cannot be delivered");
            return false;
        }
    }
}

async fn dead(shared: &Shared, delivery: Delivery) {
    shared.counters.dead.fetch_add(1, Ordering::Relaxed);
    settled(delivery.dead().await);
}

fn settled(settled: Settled) {
    match settled {
        Settled::Yes => {}
        Settled::TooLate => tracing::debug!("a delivery was settled too late; it comes again and is dropped then"),
    }
}

/// Lets the attempt go, also when dealing with it panics.
struct Release<'a> {
    shared: &'a Shared,
    assignment: &'a Assignment,
    given_back: std::cell::Cell<bool>,
}

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.shared.held.release(self.assignment.attempt, self.given_back.get());
    }
}
