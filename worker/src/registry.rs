//! The actions that this worker has, by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::action::csv::{CsvAnomalies, CsvMetrics, CsvRead, CsvValidate};
use crate::action::exec::Exec;
use crate::action::file::{FileCopy, FileDelete, FileList, FileMove, FileRead, FileStat, FileWrite};
use crate::action::noop::Noop;
use crate::action::output::OutputWrite;
use crate::action::python::Python;
use crate::action::shell::Shell;
use crate::action::{Action, Processes, installed};
use crate::error::{Error, Result};

/// An action, and what the worker must know to run it.
#[derive(Clone)]
pub struct Entry {
    /// The action.
    pub action: Arc<dyn Action>,
    /// What it needs around it.
    pub needs: Needs,
}

/// What an action needs around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A working directory.
    Directory,
    /// A working directory with the plan's files in it, because it runs somebody's code.
    Files,
}

/// The actions that run inside the worker: nobody's code but ours.
fn inside() -> [Arc<dyn Action>; 12] {
    [
        Arc::new(FileCopy),
        Arc::new(FileMove),
        Arc::new(FileRead),
        Arc::new(FileWrite),
        Arc::new(FileStat),
        Arc::new(FileDelete),
        Arc::new(FileList),
        Arc::new(CsvRead),
        Arc::new(CsvValidate),
        Arc::new(CsvMetrics),
        Arc::new(CsvAnomalies),
        Arc::new(OutputWrite),
    ]
}

/// Actions by name.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<String, Entry>);

impl Registry {
    /// The actions of this build.
    pub fn new(processes: &Arc<Processes>) -> Self {
        let mut registry = Self::default();
        registry.add(Arc::new(Noop), Needs::Nothing);
        registry.add(Arc::new(Shell(Arc::clone(processes))), Needs::Files);
        registry.add(Arc::new(Exec(Arc::clone(processes))), Needs::Files);
        registry.add(Arc::new(Python(Arc::clone(processes))), Needs::Files);
        for action in inside() {
            registry.add(action, Needs::Directory);
        }
        registry
    }

    /// Adds the installed actions of a folder. One that has the name of an action of this build is refused.
    pub fn add_installed(&mut self, folder: &Path, processes: &Arc<Processes>) -> Result<()> {
        for action in installed::read_folder(folder, processes)? {
            if self.0.contains_key(action.name()) {
                let message = format!(
                    "the action `{}` in {} is there already: give it another name",
                    action.name(),
                    folder.display()
                );
                return Err(Error::Configuration(message));
            }
            self.add(Arc::new(action), Needs::Files);
        }
        Ok(())
    }

    /// Adds an action under its own name; one of that name before it is replaced.
    pub fn add(&mut self, action: Arc<dyn Action>, needs: Needs) {
        self.0.insert(action.name().to_owned(), Entry { action, needs });
    }

    /// The action of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    /// The names of all actions, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
