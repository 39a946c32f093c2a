//! `candor actions`: what tasks can use.

use std::fs;
use std::path::Path;

use candor_workflow::catalogue::{self, ActionSpec, Catalogue};

use crate::arguments::Actions;
use crate::failure::{Code, Exit, Failure};
use crate::gather;
use crate::terminal;

/// Lists the actions, or shows one.
pub(crate) fn actions(options: &Actions) -> Result<Exit, Failure> {
    let known = gather::catalogue(options.actions_dir.as_deref())?;
    if let Some(folder) = &options.pages {
        return pages(&known, folder);
    }
    let Some(name) = &options.name else {
        list(&known, options.json);
        return Ok(Exit::Complete);
    };
    let Some(action) = known.get(name) else {
        let advice = known.nearest(name).map(|near| format!("did you mean `{near}`?"));
        return Err(Failure::usage(Code::UnknownAction, format!("there is no action `{name}`"))
            .advice(advice.unwrap_or_else(|| "`candor actions` lists them all".to_owned())));
    };
    if options.json {
        terminal::document(action);
    } else {
        terminal::data(&catalogue::page(action));
    }
    Ok(Exit::Complete)
}

fn list(known: &Catalogue, json: bool) {
    if json {
        terminal::document(&known.iter().collect::<Vec<&ActionSpec>>());
        return;
    }
    let width = known.iter().map(|action| action.name.len()).max().unwrap_or(0);
    for action in known.iter() {
        let later = if action.supported { "" } else { " (not supported by this build)" };
        terminal::data(&format!("{:width$}  {}{later}\n", action.name, action.summary));
    }
}

fn pages(known: &Catalogue, folder: &Path) -> Result<Exit, Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::disk("could not create", folder, &error))?;
    for (name, text) in catalogue::pages(known) {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| Failure::disk("could not write", &path, &error))?;
    }
    Ok(Exit::Complete)
}
