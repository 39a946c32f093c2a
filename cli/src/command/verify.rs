//! `candor verify`: derives a run directory again from its log.

use candor_proto::Sha256;
use serde_json::json;

use crate::arguments::Verify;
use crate::failure::{Code, Exit, Failure};
use crate::gather;
use crate::run_directory::{self, OtherWording, Refuted, Verified};
use crate::terminal;

/// Verifies; ends with 1 when something does not hold.
pub(crate) fn verify(options: &Verify) -> Result<Exit, Failure> {
    let expected = options.digest.as_deref().map(str::parse::<Sha256>).transpose().map_err(|error| {
        Failure::usage(Code::DigestForm, error.to_string())
            .advice("give the 64 hexadecimal digits that `candor run` printed")
    })?;
    let wrong = match run_directory::verify(&options.run_dir, &gather::catalogue(None)?) {
        Ok(verified) if expected.is_none_or(|expected| expected == verified.digest) => {
            hold(&verified, options.json);
            return Ok(Exit::Complete);
        }
        Ok(verified) => vec![format!("the answer's digest is {}, another one", verified.digest)],
        Err(Refuted::Wrong(wrong)) => wrong,
        Err(Refuted::Unreadable(failure)) => return Err(failure),
    };
    if options.json {
        terminal::document(&json!({"verified": false, "problems": wrong}));
    }
    for problem in &wrong {
        terminal::line(&format!("does not hold: {}", terminal::clean(problem)));
    }
    Ok(Exit::Failed)
}

/// Says what was found to hold, and which files for people another version worded.
fn hold(verified: &Verified, json: bool) {
    let Verified { digest, statements, files, other_wording, job: _ } = verified;
    if json {
        let others: Vec<&str> = other_wording.iter().map(|other| other.file).collect();
        terminal::document(&json!({
            "verified": true, "digest": digest, "statements": statements, "files": files, "not_derived": others,
        }));
        return;
    }
    let said = format!("{statements} statements follow from the log, {files} files are unchanged");
    terminal::data(&format!("verified: {said}, digest {digest}\n"));
    for words in other_wording.iter().map(OtherWording::words) {
        terminal::data(&format!("not derived by this build: {words}\n"));
    }
}
