//! What an expression reads of `env`: whether it is declared, known by then, and no secret.

use super::Checker;
use super::site::{EnvAccess, Site};
use crate::diagnostic::{Code, quoted};
use crate::expression::{Ref, Template};
use crate::node::Entry;
use crate::place::Within;

impl<'a> Checker<'a, '_> {
    /// `env.NAME`.
    pub(super) fn env_reference(&mut self, within: &Within<'_>, offset: usize, name: &Ref, site: &Site) {
        if site.env == EnvAccess::None {
            let message = "`env` cannot be read here.".to_owned();
            self.wrong(Code::UnknownName, within, (offset, name), message, "Write the value itself.".to_owned());
            return;
        }
        match self.env_entries(site).find(|entry| entry.key.value == name.name) {
            Some(entry) => self.env_entry(within, offset, name, site, entry),
            None => self.unknown_entry(within, offset, name, site),
        }
    }

    /// `env` as a whole, as in `hash(env)`.
    pub(super) fn whole_env(&mut self, within: &Within<'_>, offset: usize, name: &Ref, site: &Site) {
        let entries: Vec<&Entry> = self.env_entries(site).collect();
        for entry in entries {
            let before = self.context.findings.count();
            self.env_entry(within, offset, name, site, entry);
            if self.context.findings.count() > before {
                return;
            }
        }
    }

    /// The entries that can be read: a task's own stands before the workflow's of the same name.
    fn env_entries(&self, site: &Site) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let document = self.document;
        let own = match site.env {
            EnvAccess::None | EnvAccess::Workflow => &[],
            EnvAccess::Decision | EnvAccess::Attempt => self.own_env(site),
        };
        let replaced = |name: &str| own.iter().any(|entry| entry.key.value == name);
        own.iter().chain(document.env.iter().filter(move |entry| !replaced(&entry.key.value))).copied()
    }

    fn own_env(&self, site: &Site) -> &'a [&'a Entry] {
        let document = self.document;
        site.task.and_then(|task| document.tasks.get(task)).map(|task| task.env.as_slice()).unwrap_or_default()
    }

    fn env_entry(&mut self, within: &Within<'_>, offset: usize, name: &Ref, site: &Site, entry: &Entry) {
        let read = Read::of(entry);
        let key = quoted(&entry.key.value);
        if read.secret {
            let message = format!("`env.{key}` holds a secret, which no expression can read.");
            let advice = format!("Write `secrets.NAME` itself here; a script reads the variable as `${key}`.");
            self.wrong(Code::InvalidSecret, within, (offset, name), message, advice);
        } else if read.item && site.env == EnvAccess::Decision {
            let message = format!("`env.{key}` needs an item, and there is none yet when this is read.");
            let advice = "Read it in `with` or `checks`, or write here what does not depend on the item.".to_owned();
            self.wrong(Code::UnknownName, within, (offset, name), message, advice);
        }
    }

    fn unknown_entry(&mut self, within: &Within<'_>, offset: usize, name: &Ref, site: &Site) {
        let wanted = quoted(&name.name);
        if self.own_env(site).iter().any(|entry| entry.key.value == name.name) {
            let message = format!("`env.{wanted}` is the task's own: inside `env` only the workflow's is there.");
            let advice = format!("Declare `{wanted}` in the workflow's `env`, or write its value here.");
            self.wrong(Code::UnknownName, within, (offset, name), message, advice);
            return;
        }
        let known: Vec<&str> = self.env_entries(site).map(|entry| entry.key.value.as_str()).collect();
        let otherwise = "Declare it under `env`; a service's own environment is never read.";
        let advice = self.context.findings.did_you_mean(&name.name, known, otherwise);
        let who = match site.env {
            EnvAccess::None | EnvAccess::Workflow => "The workflow does not declare",
            EnvAccess::Decision | EnvAccess::Attempt => "Neither the workflow nor the task declares",
        };
        self.wrong(Code::UnknownName, within, (offset, name), format!("{who} `{wanted}` in `env`."), advice);
    }
}

/// What a value of an environment reads.
#[derive(Default)]
struct Read {
    secret: bool,
    item: bool,
}

impl Read {
    fn of(entry: &Entry) -> Self {
        let text = entry.value.as_text().filter(|text| text.contains("${{"));
        // A value that cannot be parsed is said where it stands.
        let Some(template) = text.and_then(|text| Template::parse(text).ok()) else { return Self::default() };
        let mut read = Self::default();
        for references in template.expressions().map(|(_, expression)| expression.references()) {
            read.secret |= !references.secrets.is_empty();
            read.item |= references.names.iter().any(|name| ["item", "matrix"].contains(&name.name.as_str()));
        }
        read
    }
}
