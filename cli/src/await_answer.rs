//! Waits for a job's end, and shows meanwhile what it does.

use candor_platform::{Clock, SystemClock, runtime};
use candor_proto::JobId;
use candor_proto::message::JobRequest;

use crate::conversation::{self, NOTICES, TICK_MS, Word};
use crate::deployment::{self, Deployment};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::waiting;

/// Pause before a request is handed in again whose connection is gone, in milliseconds.
const AGAIN_MS: u64 = 1_000;
/// How often the log is looked at beside the replies, in ticks: a reply may be lost, the log has everything.
const LOOK_TICKS: u64 = 50;

/// Hands a request in, where one is given, and returns when its job has ended. A request that comes twice is known.
pub(crate) async fn await_answer(
    deployment: &dyn Deployment,
    id: JobId,
    request: Option<JobRequest>,
) -> Result<(), Failure> {
    let mut progress = Progress::new();
    let mut began = false;
    loop {
        match once(deployment, id, request.as_ref(), &mut progress).await {
            Ok(true) => {
                progress.finish();
                return Ok(());
            }
            Ok(false) => began = true,
            // At the first try a person should hear of it; later the job is on its way, and waiting is right.
            Err(failure) if !began => return Err(failure),
            Err(failure) => tracing::warn!(%failure, "the connection is gone; trying again"),
        }
        runtime::sleep(AGAIN_MS).await;
    }
}

/// Waits as long as the connection holds. Whether the job has ended.
async fn once(
    deployment: &dyn Deployment,
    id: JobId,
    request: Option<&JobRequest>,
    progress: &mut Progress,
) -> Result<bool, Failure> {
    let mut mailbox = deployment.mailbox().await?;
    let mut notices = deployment.notices(id).await?;
    if let Some(request) = request {
        conversation::submit(deployment, request.clone(), Some(&mailbox.address)).await?;
    }
    let mut ticks = 0_u64;
    loop {
        runtime::select! {
            word = conversation::word(&mut *mailbox.letters) => match word {
                Word::Answered => {
                    conversation::show_rest(&mut *notices, progress).await;
                    return Ok(true);
                }
                Word::Refused(refusal) => return Err(Failure::refused(refusal.error)),
                Word::Closed => return Ok(false),
            },
            batch = notices.next_batch(NOTICES.0, NOTICES.1) => {
                if batch.is_empty() {
                    return Ok(false);
                }
                conversation::show(batch, progress);
            }
            () = runtime::sleep(TICK_MS) => {
                progress.tick();
                ticks += 1;
                if ticks.is_multiple_of(LOOK_TICKS) && look(deployment, id, progress).await? {
                    return Ok(true);
                }
            }
        }
    }
}

/// What the log says: whether the job has ended, and what waits for workers that are not there.
async fn look(deployment: &dyn Deployment, id: JobId, progress: &mut Progress) -> Result<bool, Failure> {
    let Some(line) = deployment.line(id).await? else { return Ok(false) };
    if line.state.ended() {
        return Ok(true);
    }
    if line.running > 0 {
        let (job, _) = deployment::job(deployment, id).await?;
        for one in waiting::unserved(deployment, &job, SystemClock.now()).await? {
            progress.say(&one.sentence());
        }
    }
    Ok(false)
}
