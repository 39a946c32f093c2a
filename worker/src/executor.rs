//! One attempt from its assignment to its report: admit → lay down → run within the deadline → check → classify → report.

pub(crate) mod answer;
mod bodies;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use candor_platform::{Artifacts, Clock, runtime};
use candor_proto::message::{Assignment, Report, Usage, With};
use candor_proto::{ErrorClass, Millis, Outcome, TaskError};
use serde_json::Value;

use crate::action::{Context, Processes, Stop, Used};
use crate::classify::{Halted, Run, classify};
use crate::error::{Error, Result};
use crate::laydown;
use crate::limits;
use crate::registry::{Entry, Needs, Registry};
use crate::secrets::{Known, SecretLookup, fill, masked};
use crate::trouble::Trouble;
use crate::workspace::{Workspace, remove_tree};
pub use bodies::Tables;

/// Runs attempts.
pub struct Executor {
    /// The worker's name in its reports.
    pub instance: String,
    /// The actions it has.
    pub registry: Registry,
    /// Runs programs.
    pub processes: Arc<Processes>,
    /// Where attempts work.
    pub workspace: Workspace,
    /// Where secrets come from.
    pub secrets: SecretLookup,
    /// The secrets that it has read.
    pub known: Known,
    /// Parents of absolute paths that may be read; `None` allows all.
    pub allow_paths: Option<Arc<Vec<PathBuf>>>,
    /// Bodies.
    pub artifacts: Arc<dyn Artifacts>,
    /// Tables that it has looked through.
    pub tables: Tables,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Stops an attempt, and remembers why. The first reason counts.
#[derive(Clone, Debug, Default)]
pub struct Brake {
    stop: Stop,
    why: Arc<OnceLock<Halted>>,
}

impl Brake {
    /// The attempt must end.
    pub fn pull(&self, why: Halted) {
        // Only the first reason is kept; `set` refuses the others.
        let _ = self.why.set(why);
        self.stop.set();
    }

    /// Why the attempt must end, if it must.
    pub fn why(&self) -> Option<Halted> {
        self.why.get().copied()
    }
}

/// Nobody waits for the attempt any more: it must end, and its programs with it.
struct PullWhenDropped<'a>(&'a Brake);

impl Drop for PullWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.pull(Halted::Draining);
    }
}

/// An admitted attempt.
struct Admitted {
    context: Context,
    with: Value,
}

impl Executor {
    /// Runs an attempt of an action that is in the registry; anything else is an error in the report.
    ///
    /// # Errors
    ///
    /// When the worker's own disk does not let it: the attempt has no outcome.
    pub async fn execute(&self, assignment: &Assignment, brake: &Brake) -> std::result::Result<Report, Trouble> {
        let started_at = self.clock.now();
        let usage = Arc::new(Used::default());
        let outcome = self.attempt(assignment, brake, started_at, &usage).await;
        match &outcome {
            Outcome::Fail { error } | Outcome::Retry { error, .. } => Trouble::of(error).map_or(Ok(()), Err)?,
            Outcome::Done { .. } | Outcome::Cancelled => {}
        }
        let (cpu_ms, max_rss_bytes) = (&usage.cpu_ms, &usage.max_rss_bytes);
        let usage = Usage {
            started_at,
            ended_at: self.clock.now(),
            cpu_ms: cpu_ms.load(Ordering::Relaxed),
            max_rss_bytes: max_rss_bytes.load(Ordering::Relaxed),
        };
        Ok(Report {
            job: assignment.job,
            attempt: assignment.attempt,
            node: assignment.node,
            input_digest: assignment.input_digest,
            outcome,
            stored: None,
            usage,
            worker: self.instance.clone(),
            traceparent: assignment.traceparent.clone(),
        })
    }

    async fn attempt(&self, assignment: &Assignment, brake: &Brake, now: Millis, usage: &Arc<Used>) -> Outcome {
        let Some(entry) = self.registry.get(&assignment.uses).cloned() else {
            let message = format!("this worker has no action `{}`", assignment.uses);
            return Outcome::Fail { error: TaskError::new(ErrorClass::System, "no_action", message) };
        };
        let admitted = match self.admit(assignment, &entry, brake, now, usage).await {
            Ok(admitted) => admitted,
            Err(error) => return Outcome::Fail { error: error.into_task_error() },
        };
        let entry_needs = entry.needs;
        let (masks, directory) = (admitted.context.masks.clone(), admitted.context.directory.clone());
        let outcome = match self.lay_down(&admitted.context, entry.needs).await {
            Ok(()) => self.run(admitted, entry, brake).await,
            Err(error) => Outcome::Fail { error: error.into_task_error() },
        };
        let outcome = answer::placeless(outcome, &directory);
        match entry_needs {
            Needs::Nothing => {}
            Needs::Directory | Needs::Files => self.clean(directory).await,
        }
        answer::check(answer::masked(outcome, &masks.fresh()), &assignment.outputs)
    }

    async fn admit(
        &self,
        assignment: &Assignment,
        entry: &Entry,
        brake: &Brake,
        now: Millis,
        usage: &Arc<Used>,
    ) -> Result<Admitted> {
        let mut with = match &assignment.with {
            With::Inline(value) => value.clone(),
            With::Stored(file) => {
                let bytes = self.artifacts.get(file.sha256, limits::WITH_STORED_BYTES_MAX).await?;
                serde_json::from_slice(&bytes).map_err(|error| {
                    Error::input(format!("the stored `with` is no valid JSON: {error}"), "submit the job again")
                })?
            }
        };
        let mut env = assignment.env.clone();
        let masks = self.known.join(fill(&mut with, &mut env, &self.secrets)?);
        let directory = match entry.needs {
            Needs::Nothing => PathBuf::new(),
            Needs::Directory | Needs::Files => self.workspace.make(&assignment.attempt.to_string())?,
        };
        let context = Context {
            job: assignment.job,
            attempt: assignment.attempt,
            task: assignment.task.clone(),
            number: assignment.number,
            idempotency_key: assignment.idempotency_key.clone(),
            env,
            files: Arc::clone(&assignment.files),
            outputs: assignment.outputs.clone(),
            limits: assignment.limits,
            deadline: now.saturating_add(assignment.timeout_ms),
            timeout_ms: assignment.timeout_ms,
            stop: brake.stop.clone(),
            directory,
            allow_paths: self.allow_paths.clone(),
            artifacts: masked(Arc::clone(&self.artifacts), &masks, self.workspace.folder()),
            clock: Arc::clone(&self.clock),
            masks,
            usage: Arc::clone(usage),
        };
        Ok(Admitted { context, with })
    }

    async fn lay_down(&self, context: &Context, needs: Needs) -> Result<()> {
        match needs {
            Needs::Nothing | Needs::Directory => Ok(()),
            Needs::Files => laydown::plan_files(context, self.processes.sharing()).await,
        }
    }

    async fn run(&self, admitted: Admitted, entry: Entry, brake: &Brake) -> Outcome {
        let Admitted { context, with } = admitted;
        let timeout_ms = context.timeout_ms;
        let _abandoned = PullWhenDropped(brake);
        let deadline = context.deadline;
        // A supervisor keeps the time itself, and knows more about the end; this one is there should it fail to.
        let halt_at = match entry.needs {
            Needs::Nothing | Needs::Directory => deadline,
            Needs::Files => deadline.saturating_add(limits::SUPERVISED_GRACE_MS),
        };
        let tables = self.tables.clone();
        let running = runtime::spawn(async move {
            let given = bodies::tables(&with);
            let outcome = entry.action.run(&context, with).await;
            bodies::check(outcome, &context, entry.needs, &given, &tables).await
        });
        let mut give_up = None;
        let mut ended = std::pin::pin!(running.join());
        loop {
            let now = self.clock.now();
            if now >= halt_at && brake.why().is_none() {
                brake.pull(Halted::Timeout { ms: timeout_ms });
            }
            if brake.why().is_some() {
                let moment = *give_up.get_or_insert(now.saturating_add(limits::STOP_GRACE_MS));
                if now > moment {
                    return classify(Run::Stuck, brake.why());
                }
            }
            let look_ms = halt_at.saturating_sub(now).clamp(1, limits::DEADLINE_LOOK_MS);
            runtime::select! {
                answer = &mut ended => return classify(answer.map_or(Run::Panicked, Run::Answered), brake.why()),
                () = brake.stop.wait(), if give_up.is_none() => {}
                () = runtime::sleep(look_ms) => {}
            }
        }
    }

    async fn clean(&self, directory: PathBuf) {
        if runtime::blocking(move || remove_tree(&directory)).await.is_none() {
            tracing::warn!("removing a working directory panicked");
        }
    }
}
