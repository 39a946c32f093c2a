//! `candor new`: a first workflow that runs.

use std::fs::OpenOptions;
use std::io::Write;

use crate::arguments::New;
use crate::failure::{Code, Exit, Failure};
use crate::terminal;

const FIRST: &str = r#"# Run it with `candor run`, look at it with `candor plan`.
name: first
description: Counts the words of a sentence.

inputs:
  sentence: { type: string, default: the quick brown fox }

tasks:
  - id: words
    run: printf '%s' "${{ inputs.sentence }}" | tr ' ' '\n'

  - id: count
    needs: words
    run: wc -w | tr -d ' \n'
    with: { stdin: "${{ tasks.words.outputs.stdout }}" }

outputs:
  words: ${{ int(tasks.count.outputs.stdout) }}
"#;

/// Writes a workflow; never over a file that is there.
pub(crate) fn new(options: &New) -> Result<Exit, Failure> {
    let path = &options.file;
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::usage(Code::Exists, format!("{} is there already", path.display()))
                .advice("name another file; nothing was changed")
        }
        _ => Failure::disk("could not write", path, &error),
    })?;
    file.write_all(FIRST.as_bytes()).map_err(|error| Failure::disk("could not write", path, &error))?;
    terminal::line(&format!("wrote {}; try `candor run {}`", terminal::path(path), terminal::path(path)));
    Ok(Exit::Complete)
}
