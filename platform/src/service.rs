//! How a service comes to its end: first it drains, then it stops.
//!
//! Owns the two words and the signals that say them. Deliberately does not know what a service does meanwhile.

use std::io;
use std::pin::pin;

use futures_util::future::{Either, select};

use crate::runtime::sync::watch;
use crate::runtime::{self, Running, Signals};

/// How far a service is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// It works.
    Running,
    /// It takes nothing new and finishes what it has.
    Draining,
    /// It ends now; whoever comes next finds everything in the store and the queues.
    Stopping,
}

/// What a service looks at. Cloned, it is the same.
#[derive(Clone, Debug)]
pub struct Drain {
    phase: watch::Receiver<Phase>,
}

/// What moves it on; never back. Cloned, it is the same.
#[derive(Clone, Debug)]
pub struct Switch {
    phase: watch::Sender<Phase>,
}

impl Drain {
    /// A service that runs, and what moves it on. When the last switch is dropped it stays in its phase.
    pub fn new() -> (Switch, Self) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (Switch { phase: sender }, Self { phase: receiver })
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Returns once the service should take nothing new; at once when it should not already.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Returns once the service should end now; at once when it should already.
    pub async fn stopping(&self) {
        self.reached(Phase::Stopping).await;
    }

    /// The future's value, or `None` when the service should end before it is there.
    pub async fn or_stopping<F: Future>(&self, future: F) -> Option<F::Output> {
        let (stopping, future) = (pin!(self.stopping()), pin!(future));
        match select(stopping, future).await {
            Either::Left(((), _)) => None,
            Either::Right((value, _)) => Some(value),
        }
    }

    async fn reached(&self, phase: Phase) {
        let mut watched = self.phase.clone();
        if watched.wait_for(|found| *found >= phase).await.is_err() {
            // Nobody is left who could move it on.
            std::future::pending::<()>().await;
        }
    }
}

impl Switch {
    /// From now on nothing new.
    pub fn drain(&self) {
        self.move_to(Phase::Draining);
    }

    /// From now on nothing at all.
    pub fn stop(&self) {
        self.move_to(Phase::Stopping);
    }

    /// One step on: from running to draining, from draining to stopping. Says where it is now.
    pub fn next(&self) -> Phase {
        let phase = self.following();
        self.move_to(phase);
        phase
    }

    /// Another one for the same service.
    pub fn drain_token(&self) -> Drain {
        Drain { phase: self.phase.subscribe() }
    }

    /// Moves on with every SIGINT and SIGTERM: the first drains, the second ends.
    /// `told` is called each time with the phase that begins, to say so to a person; before it begins, because the
    /// process may be over a moment after.
    pub fn on_signals(&self, told: impl Fn(Phase) + Send + 'static) -> io::Result<Running<()>> {
        let mut signals = Signals::new()?;
        let switch = self.clone();
        Ok(runtime::spawn(async move {
            loop {
                signals.next().await;
                let phase = switch.following();
                tracing::info!(?phase, "a signal came");
                told(phase);
                switch.move_to(phase);
            }
        }))
    }

    fn following(&self) -> Phase {
        match *self.phase.borrow() {
            Phase::Running => Phase::Draining,
            Phase::Draining | Phase::Stopping => Phase::Stopping,
        }
    }

    fn move_to(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let on = *phase < to;
            if on {
                *phase = to;
            }
            on
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a future is there without waiting.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        futures_util::FutureExt::now_or_never(future)
    }

    #[test]
    fn a_service_drains_before_it_stops_and_never_goes_back() {
        let (switch, drain) = Drain::new();
        assert_eq!(drain.phase(), Phase::Running);
        assert_eq!(now(drain.draining()), None);
        switch.drain();
        assert_eq!(now(drain.draining()), Some(()));
        assert_eq!(now(drain.stopping()), None);
        switch.stop();
        switch.drain();
        assert_eq!(drain.phase(), Phase::Stopping);
        assert_eq!(now(drain.draining()), Some(()));
        assert_eq!(now(drain.stopping()), Some(()));
        assert_eq!(switch.next(), Phase::Stopping);
    }

    #[test]
    fn the_first_step_drains_and_the_second_stops() {
        let (switch, drain) = Drain::new();
        assert_eq!(switch.next(), Phase::Draining);
        assert_eq!(switch.next(), Phase::Stopping);
        assert_eq!(switch.drain_token().phase(), Phase::Stopping);
        assert_eq!(now(drain.or_stopping(std::future::pending::<()>())), Some(None));
    }

    #[test]
    fn work_goes_on_while_it_drains() {
        let (switch, drain) = Drain::new();
        switch.drain();
        assert_eq!(now(drain.or_stopping(async { 7 })), Some(Some(7)));
    }

    #[test]
    fn without_a_switch_it_stays_as_it_is() {
        let (switch, drain) = Drain::new();
        drop(switch);
        assert_eq!(now(drain.draining()), None);
        assert_eq!(drain.phase(), Phase::Running);
    }
}
