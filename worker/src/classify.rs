//! What the end of an attempt means: from how it ended to an outcome, one row for each way.

use candor_proto::{ErrorClass, Outcome, TaskError};
use nix::sys::signal::Signal;

use crate::supervisor::{Cause, Ended, How, Status};

/// How the run of an action ended, seen from the worker.
#[derive(Debug)]
pub enum Run {
    /// It answered.
    Answered(Outcome),
    /// It panicked.
    Panicked,
    /// It did not end in time after it was told to.
    Stuck,
}

/// Why an attempt was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halted {
    /// Its time was up.
    Timeout {
        /// How much it had, in milliseconds.
        ms: u64,
    },
    /// The job was cancelled, or its attempt replaced.
    Revoked,
    /// The worker is about to end.
    Draining,
}

/// The outcome of an attempt.
pub fn classify(run: Run, halted: Option<Halted>) -> Outcome {
    match (run, halted) {
        (Run::Answered(Outcome::Cancelled), Some(Halted::Timeout { ms }))
        | (Run::Stuck, Some(Halted::Timeout { ms })) => Outcome::Fail { error: timeout(ms) },
        (Run::Answered(answer), _) => answer,
        (Run::Panicked, _) => Outcome::Fail {
            error: TaskError::new(ErrorClass::System, "panic", "the action panicked")
                .with_advice("this is a mistake in the worker; its log has the place"),
        },
        (Run::Stuck, Some(Halted::Revoked | Halted::Draining) | None) => Outcome::Cancelled,
    }
}

/// What the end of a program means: `Ok` with its exit code when it ended by itself with one of `ok_codes`.
pub fn program(how: &How, ok_codes: &[i32], timeout_ms: u64) -> Result<i32, Outcome> {
    match how {
        How::NotStarted(refusal) => {
            let class = if refusal.program { ErrorClass::Validation } else { ErrorClass::System };
            let code = if refusal.program { "not_started" } else { "sandbox" };
            let message = format!("could not {}: {}", refusal.step, refusal.reason);
            let error = TaskError::new(class, code, message);
            Err(fail(if refusal.program { error.with_advice(START_ADVICE) } else { error }))
        }
        How::OutputLimit { stream, max } => {
            let message = format!("printed more than {max} bytes on {stream}");
            let advice = "write large results as files below $CANDOR_OUT, or raise `limits.output`";
            Err(fail(TaskError::new(ErrorClass::Execution, "output_limit", message).with_advice(advice)))
        }
        How::Ended(Ended { cause: Some(Cause::Timeout), .. }) => Err(fail(timeout(timeout_ms))),
        How::Ended(Ended { cause: Some(Cause::Stopped | Cause::Orphaned), .. }) => Err(Outcome::Cancelled),
        How::Ended(Ended { cause: None, status: Status::Exited(code), .. }) if ok_codes.contains(code) => Ok(*code),
        How::Ended(Ended { cause: None, status: Status::Exited(code), .. }) => {
            Err(fail(TaskError::new(ErrorClass::Execution, "exit", format!("exited with {code}"))))
        }
        How::Ended(Ended { cause: None, status: Status::Signalled(signal), .. }) => Err(fail(signalled(*signal))),
    }
}

const START_ADVICE: &str = "check that the program, and the interpreter in its first line, are installed where the worker runs and may be executed by everybody";

fn timeout(ms: u64) -> TaskError {
    let message = format!("did not end within {}", seconds(ms));
    TaskError::new(ErrorClass::Execution, "timeout", message).with_advice("raise `timeout`, or make the step smaller")
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}

fn signalled(number: i32) -> TaskError {
    let signal = Signal::try_from(number).ok();
    let name = signal.map_or_else(|| format!("signal {number}"), |signal| signal.as_str().to_owned());
    let error = |code: &str, message: String| TaskError::new(ErrorClass::Execution, code, message);
    match signal {
        Some(Signal::SIGXCPU) => error("cpu_time", "used up its processor time".to_owned())
            .with_advice("raise `timeout` or `limits.cpu`: a process may use cores × timeout"),
        Some(Signal::SIGXFSZ) => {
            error("file_size", "wrote a file that is too large".to_owned()).with_advice("write several smaller files")
        }
        Some(Signal::SIGKILL) => error("signal", format!("was ended by {name}"))
            .with_advice("nobody here sent it: the machine may have run out of memory"),
        Some(Signal::SIGSEGV | Signal::SIGABRT | Signal::SIGBUS) => error("signal", format!("was ended by {name}"))
            .with_advice("the program crashed; if it ran out of memory, raise `limits.memory`"),
        Some(_) | None => error("signal", format!("was ended by {name}")),
    }
}

const fn fail(error: TaskError) -> Outcome {
    Outcome::Fail { error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::Refusal;

    fn ended(status: Status, cause: Option<Cause>) -> How {
        How::Ended(Ended { status, cause, cpu_ms: 0, max_rss_bytes: 0, survivors: 0 })
    }

    fn code_of(outcome: Outcome) -> String {
        match outcome {
            Outcome::Fail { error } => error.code,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_end_of_a_program_has_its_code() {
        let refusal = |program| Refusal { step: "start `x`".into(), reason: "no".into(), program };
        let rows = [
            (How::NotStarted(refusal(true)), "not_started"),
            (How::NotStarted(refusal(false)), "sandbox"),
            (How::OutputLimit { stream: "stdout", max: 5 }, "output_limit"),
            (ended(Status::Exited(3), None), "exit"),
            (ended(Status::Signalled(Signal::SIGSEGV as i32), None), "signal"),
            (ended(Status::Signalled(64), None), "signal"),
            (ended(Status::Signalled(Signal::SIGXCPU as i32), None), "cpu_time"),
            (ended(Status::Signalled(Signal::SIGXFSZ as i32), None), "file_size"),
            (ended(Status::Signalled(9), Some(Cause::Timeout)), "timeout"),
            (ended(Status::Exited(0), Some(Cause::Timeout)), "timeout"),
            (ended(Status::Exited(0), Some(Cause::Stopped)), "Cancelled"),
        ];
        for (how, code) in rows {
            assert_eq!(code_of(program(&how, &[0], 1500).unwrap_err()), code, "{how:?}");
        }
        assert_eq!(program(&ended(Status::Exited(0), None), &[0], 1), Ok(0));
        assert_eq!(program(&ended(Status::Exited(7), None), &[0, 7], 1), Ok(7));
    }

    #[test]
    fn an_attempt_that_stopped_for_its_timeout_timed_out() {
        let halted = Some(Halted::Timeout { ms: 1500 });
        for run in [Run::Stuck, Run::Answered(Outcome::Cancelled)] {
            let Outcome::Fail { error } = classify(run, halted) else { panic!("it must fail") };
            assert_eq!((error.code.as_str(), error.message.as_str()), ("timeout", "did not end within 1500 ms"));
        }
        assert_eq!(classify(Run::Stuck, Some(Halted::Revoked)), Outcome::Cancelled);
        assert_eq!(code_of(classify(Run::Panicked, None)), "panic");
    }
}
