//! `candor watch`: what a job does, as it happens.

use candor_platform::config::Environment;
use candor_platform::{Clock, SystemClock, runtime};
use candor_proto::message::{Notice, NoticeKind};
use candor_proto::time::rfc3339;
use candor_proto::{Job, Message, Node};
use serde_json::{Value, json};

use crate::arguments::Watch;
use crate::conversation::{NOTICES, TICK_MS};
use crate::deployment::{self, Letter, Letters};
use crate::failure::{Exit, Failure};
use crate::progress::{self, Progress};
use crate::settings;
use crate::terminal;
use crate::waiting;

/// How often the log is looked at beside the notices, in milliseconds: notices may be lost, the log has everything.
const LOOK_MS: u64 = 5_000;
/// Ticks between two looks.
const TICKS: u64 = LOOK_MS / TICK_MS;
/// Pause before notices are asked for again that nobody sends any more, in milliseconds.
const AGAIN_MS: u64 = 1_000;

/// Shows a job until it has ended; the exit code is the job's.
pub(super) async fn watch(options: &Watch, environment: &Environment) -> Result<Exit, Failure> {
    let id = deployment::id(&options.job)?;
    let deployment = deployment::open(&settings::place(&options.place, environment)?).await?;
    // First the notices, then the state: what happens in between is seen twice rather than never.
    let mut notices = deployment.notices(id).await.ok();
    let (mut job, _) = deployment::job(&*deployment, id).await?;
    let mut display = Display { progress: (!options.json).then(Progress::new), json: options.json };
    display.stand(&job);
    let mut ticks = 0_u64;
    while !job.state().ended() {
        runtime::select! {
            batch = next(&mut notices) => {
                let ended = display.show(&batch);
                if batch.is_empty() {
                    runtime::sleep(AGAIN_MS).await;
                    notices = deployment.notices(id).await.ok();
                }
                if ended || batch.is_empty() {
                    (job, _) = deployment::job(&*deployment, id).await?;
                }
            }
            () = runtime::sleep(TICK_MS) => {
                display.tick();
                ticks += 1;
                if ticks.is_multiple_of(TICKS) {
                    (job, _) = deployment::job(&*deployment, id).await?;
                    for one in waiting::unserved(&*deployment, &job, SystemClock.now()).await? {
                        display.waits(&one);
                    }
                }
            }
        }
    }
    display.end(&job);
    Ok(job.result().map_or(Exit::Complete, Exit::of))
}

/// The next notices; where there is nobody to send them, the log alone tells.
async fn next(notices: &mut Option<Box<dyn Letters>>) -> Vec<Letter> {
    match notices {
        Some(notices) => notices.next_batch(NOTICES.0, NOTICES.1).await,
        None => std::future::pending().await,
    }
}

struct Display {
    progress: Option<Progress>,
    json: bool,
}

impl Display {
    /// How the job stands when somebody begins to watch.
    fn stand(&mut self, job: &Job) {
        for (record, task) in job.tasks().iter().zip(0_u32..) {
            let node = Node::task(task);
            let kind = match &record.fan {
                Some(fan) => NoticeKind::Items {
                    task: job.name(node),
                    node,
                    total: fan.total(),
                    running: fan.open,
                    succeeded: fan.succeeded,
                    failed: fan.failed,
                },
                None => NoticeKind::Task {
                    task: job.name(node),
                    node,
                    state: record.state,
                    attempt: record.node.attempts,
                    confidence: record.node.confidence,
                    reason: None,
                },
            };
            self.notice(&Notice { job: job.id(), at: record.started_at.unwrap_or(job.created_at()), kind });
        }
    }

    /// Whether the job has ended by what was shown.
    fn show(&mut self, batch: &[Letter]) -> bool {
        let mut ended = false;
        for letter in batch {
            if let Ok(Message::Notice(notice)) = &letter.message {
                ended |= matches!(&notice.kind, NoticeKind::Job { state, .. } if state.ended());
                self.notice(notice);
            }
        }
        ended
    }

    fn notice(&mut self, notice: &Notice) {
        match &mut self.progress {
            Some(progress) => progress.notice(notice),
            None => line(&document(notice)),
        }
    }

    fn waits(&mut self, one: &waiting::Waiting) {
        if self.json {
            line(&json!({"waiting": one.document()}));
        } else if let Some(progress) = &mut self.progress {
            progress.say(&one.sentence());
        }
    }

    fn tick(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.tick();
        }
    }

    fn end(&mut self, job: &Job) {
        match &mut self.progress {
            Some(progress) => {
                progress.finish();
                progress::table(job);
                let result = job.result().map(|result| super::list::word(&result)).unwrap_or_default();
                terminal::data(&format!("result  {result}\n"));
            }
            None => line(&json!({"job": job.id(), "state": job.state(), "result": job.result()})),
        }
    }
}

fn document(notice: &Notice) -> Value {
    let mut value = json!({"job": notice.job, "at": rfc3339(notice.at)});
    let kind = serde_json::to_value(&notice.kind).unwrap_or_default();
    if let (Some(fields), Value::Object(kind)) = (value.as_object_mut(), kind) {
        fields.extend(kind);
    }
    value
}

/// One object on a line of its own.
fn line(value: &Value) {
    terminal::data(&format!("{value}\n"));
}
