//! `candor logs`: a job's story, and with `--follow` what is added to it.

use candor_platform::config::Environment;
use candor_platform::runtime;
use candor_proto::{Job, Recorded};

use crate::arguments::Logs;
use crate::deployment;
use crate::failure::{Exit, Failure};
use crate::run_directory::Story;
use crate::settings;
use crate::terminal;

/// How often a log is read again, in milliseconds.
const AGAIN_MS: u64 = 250;

/// Tells the story of a job.
pub(super) async fn logs(options: &Logs, environment: &Environment) -> Result<Exit, Failure> {
    let id = deployment::id(&options.job)?;
    let deployment = deployment::open(&settings::place(&options.place, environment)?).await?;
    let (mut story, mut job, mut seq) = (Story::new(id), Job::new(id), 0);
    loop {
        let page = deployment.page(id, seq).await?;
        if page.is_empty() {
            if seq == 0 {
                return Err(deployment::unknown(id));
            }
            if !options.follow || job.state().ended() {
                return Ok(Exit::Complete);
            }
            runtime::sleep(AGAIN_MS).await;
        }
        for recorded in page {
            seq = recorded.seq;
            tell(options, &mut story, &recorded);
            job.evolve(&recorded);
        }
    }
}

fn tell(options: &Logs, story: &mut Story, recorded: &Recorded) {
    let line = story.line(recorded);
    if options.json {
        let text = serde_json::to_string(recorded).unwrap_or_default();
        terminal::data(&format!("{text}\n"));
    } else if let Some(line) = line {
        terminal::data(&format!("{line}\n"));
    }
}
